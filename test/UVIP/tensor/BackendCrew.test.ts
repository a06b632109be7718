import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { fold, key } from "../../../src/Random/index.ts"
import { Mock, MockControls } from "../../../src/Layers/Mock.ts"
import {
  backendCrew,
  Environments,
  exactValue,
  nearestDesign,
  type ReplicationProblem,
  sampledOnBackend,
  sampler,
  tableDesign,
  tensorCartPole,
  tensorSimulatorOf,
  type TensorSimulator,
  uniformPoints
} from "../../../src/UVIP/index.ts"
import { replicate } from "../../../src/UVIP/sampled/Replication.ts"
import { present } from "./backends.ts"

const problemFor = Effect.fnUntraced(function* (
  { host }: TensorSimulator,
  parts: Pick<ReplicationProblem, "estimator" | "noise" | "reference"> & { readonly draws: number }
) {
  const design = yield* tableDesign(host)
  const { draws, ...rest } = parts
  return {
    ...rest,
    sampler: sampler(host, design),
    referenceDraws: new Int32Array(design.count * host.actions).fill(draws),
    sweepDraws: draws
  }
})

const kinds = [
  ["paper", "shared"],
  ["paper", "independent"],
  ["max-of-means", "shared"],
  ["max-of-means", "independent"]
] as const

describe.each(present)("draws on %s", (name, layer) => {
  it.effect("without chance the values are those of the host", () =>
    Effect.gen(function* () {
      const source = yield* tensorSimulatorOf(yield* Environments.cliffWalking({ discount: 0.7 }))
      const crew = yield* backendCrew(source)
      for (const estimator of ["paper", "max-of-means"] as const) {
        const reference = new Float64Array(47).map((__, x) => -x / 10)
        const problem = yield* problemFor(source, { estimator, noise: "shared", reference, draws: 3 })
        const own = yield* crew.replicate({ ...problem, key: key(1) }, 5)
        const right = yield* replicate({ ...problem, key: key(1) }, 5)
        right.values.forEach((value, x) => assert.closeTo(own.values[x], value, 1e-5 * (1 + Math.abs(value))))
        assert.strictEqual(own.simulatorCalls, right.simulatorCalls)
      }
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect.each(name === "webgpu" ? [kinds[0], kinds[3]] : kinds)(
    "have the distribution of the host's: means and deviations of %s values, %s noise",
    ([estimator, noise]) =>
      Effect.gen(function* () {
        const mdp = yield* Environments.garnet({
          states: 5,
          actions: 3,
          branching: 3,
          discount: 0.6,
          key: key(4)
        })
        const source = yield* tensorSimulatorOf(mdp)
        const crew = yield* backendCrew(source)
        const reference = new Float64Array(5).fill(1)
        const problem = yield* problemFor(source, { estimator, noise, reference, draws: 12 })
        // A read of the device takes its time, in software above all.
        const runs = name === "webgpu" ? 20 : 150
        const sample = (by: typeof replicate | typeof crew.replicate, name: string) =>
          Effect.forEach(
            Array.from({ length: runs }, (__, n) => n),
            (n) => Effect.map(by({ ...problem, key: fold(key(name), n) }, 3), ({ values }) => values)
          )
        const [own, host] = [yield* sample(crew.replicate, "own"), yield* sample(replicate, "host")]
        for (let x = 0; x < 5; x++) {
          const moments = (values: ReadonlyArray<Float64Array>) => {
            const mean = values.reduce((sum, run) => sum + run[x], 0) / runs
            const variance = values.reduce((sum, run) => sum + (run[x] - mean) ** 2, 0) / (runs - 1)
            return { mean, variance }
          }
          const [a, b] = [moments(own), moments(host)]
          // A false alarm in 15 comparisons of each test: below 1e-4.
          assert.isBelow(Math.abs(a.mean - b.mean), 4.5 * Math.sqrt((a.variance + b.variance) / runs))
          assert.isBelow(Math.abs(Math.log(a.variance / b.variance)), 4.5 * Math.sqrt(4 / runs))
        }
      }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("the limits cover V*, with uneven counts and more draws than go into one group", () =>
    Effect.gen(function* () {
      const mdp = yield* Environments.frozenLake({ discount: 0.6 })
      const { values } = yield* exactValue(mdp)
      const best = values.filter((__, state) => mdp.terminal[state] === 0)
      const source = yield* tensorSimulatorOf(mdp)
      for (const method of ["piloted", "max-of-means"] as const) {
        const { limit, simulatorCalls } = yield* sampledOnBackend(source, {
          method,
          plan: { pilotDraws: 100, referenceDraws: 700, sweepDraws: 300, sweeps: 2, replications: 4 },
          simultaneous: true,
          key: key(3)
        })
        limit.forEach((upper, x) => {
          assert.isAtLeast(upper, best[x] - 1e-5)
          assert.isBelow(upper, best[x] + 0.5)
        })
        assert.isAbove(simulatorCalls, 4 * 4 * best.length * 700)
      }
    }).pipe(Effect.provide(layer))
  )

  it.effect("CartPole: the same limits as on the host, within their scatter", () =>
    Effect.gen(function* () {
      const source = tensorCartPole({ discount: 0.7 })
      const box = [
        [-1, 1],
        [-1, 1],
        [-0.1, 0.1],
        [-1, 1]
      ] as const
      const points = uniformPoints(box, 20, key(1))
      const design = yield* nearestDesign({ points, stateSize: 4, neighbours: 2 })
      const crew = yield* backendCrew(source)
      const problem = {
        sampler: sampler(source.host, design),
        reference: new Float64Array(20),
        estimator: "max-of-means",
        noise: "shared",
        referenceDraws: new Int32Array(40).fill(200),
        sweepDraws: 20,
        key: key(5)
      } as const
      const [own, host] = [yield* crew.replicate(problem, 3), yield* replicate(problem, 3)]
      host.values.forEach((value, x) => assert.closeTo(own.values[x], value, 0.05))
    }).pipe(Effect.scoped, Effect.provide(layer))
  )
})

describe("limits whose noise is a base that is shifted", () => {
  it.effect.each(["paper", "max-of-means", "piloted"] as const)(
    "%s: nine in ten of 250 cover V* in every state, as was asked for",
    (method) =>
      Effect.gen(function* () {
        const mdp = yield* Environments.frozenLake({ discount: 0.6 })
        const source = yield* tensorSimulatorOf(mdp)
        const { values } = yield* exactValue(mdp, { tolerance: 1e-12 })
        const best = values.filter((_, state) => mdp.terminal[state] === 0)
        const covered = new Int32Array(best.length)
        for (let n = 0; n < 250; n++) {
          const { limit } = yield* sampledOnBackend(source, {
            method,
            confidence: 0.9,
            plan: {
              pilotDraws: method === "piloted" ? 20 : 0,
              referenceDraws: 10,
              sweepDraws: 2,
              sweeps: 2,
              replications: 4
            },
            key: fold(key("coverage"), n),
            // The hardest control variate: no bias beside that of noise.
            ...(method === "piloted" ? {} : { reference: best })
          })
          limit.forEach((upper, x) => {
            if (upper >= best[x] - 1e-12) covered[x]++
          })
        }
        // A limit of exactly its nominal level would fall below this at one given state with probability 1e-4.
        assert.isAtLeast(Math.min(...covered) / 250, 0.9 - 3.7 * Math.sqrt((0.9 * 0.1) / 250))
      }).pipe(Effect.provide(Mock.layer()))
  )
})

describe("backendCrew", () => {
  it.effect.each(["rewards", "nextStates"] as const)(
    "names the state and the action of %s that are NaN",
    (part) =>
      Effect.gen(function* () {
        const good = tensorCartPole()
        const source: TensorSimulator = {
          ...good,
          transition: (t, tables, states, action, noise) => {
            const found = good.transition(t, tables, states, action, noise)
            if (action === 0) return found
            const spoilt = t.sqrt(t.subtract(states[0], 2))
            return part === "rewards"
              ? { ...found, rewards: spoilt }
              : { ...found, nextStates: [spoilt, ...found.nextStates.slice(1)] }
          }
        }
        const points = Float64Array.of(2, 0, 0, 0, 1, 0, 0, 0)
        const design = yield* nearestDesign({ points, stateSize: 4 })
        const plan = { referenceDraws: 3, sweepDraws: 2, sweeps: 1, replications: 2 }
        const error = yield* Effect.flip(
          sampledOnBackend(source, { method: "max-of-means", design, plan, key: key(1) })
        )
        assert.match(
          error.message,
          /^simulator CartPole, state \[1, 0, 0, 0\], action 1: answers on the backend/
        )
      }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("frees what it made, and refuses what it cannot draw", () =>
    Effect.gen(function* () {
      const mock = yield* MockControls
      const source = yield* tensorSimulatorOf(yield* Environments.chain())
      const plan = { pilotDraws: 5, referenceDraws: 5, sweepDraws: 2, sweeps: 2, replications: 2 }
      yield* sampledOnBackend(source, { plan, key: key(1) })
      assert.deepStrictEqual(yield* mock.live, { buffers: 0, bytes: 0 })
      const sorted = yield* Effect.flip(sampledOnBackend(source, { method: "sorted", plan, key: key(1) }))
      assert.match(sorted.message, /method must be piloted, max-of-means or paper on a backend/)
      assert.deepStrictEqual(yield* mock.live, { buffers: 0, bytes: 0 })
    }).pipe(Effect.provide(Mock.layer()))
  )
})
