import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Stream } from "effect"
import { fold, key } from "../../src/Random/index.ts"
import {
  crewOf,
  Environments,
  exactValue,
  Mdp,
  type Method,
  type Outcome,
  ownThread,
  planFor,
  Policy,
  policyValue,
  type SampledInfo,
  sampledIteration,
  type SampledOptions,
  simulatorOf,
  Uvip
} from "../../src/UVIP/index.ts"
import { distance } from "./fixtures.ts"

const methods: ReadonlyArray<Method> = ["paper", "sorted", "max-of-means", "piloted"]

const frozenLake = Environments.frozenLake({ discount: 0.9, reward: 10 })
const garnet = Environments.garnet({ states: 20, actions: 5, branching: 2, key: key("garnet") })

/** V* at the points that are asked, and the value of the uniform policy. */
const prepared = (problem: typeof frozenLake) =>
  Effect.gen(function* () {
    const mdp = yield* problem
    const kept = (values: Float64Array) => values.filter((_, state) => mdp.terminal[state] === 0)
    const { values } = yield* exactValue(mdp, { tolerance: 1e-12 })
    return {
      source: simulatorOf(mdp),
      best: kept(values),
      uniform: kept(yield* policyValue(mdp, Policy.uniform(mdp)))
    }
  })

const sampled = (source: ReturnType<typeof simulatorOf>, options: SampledOptions) =>
  Effect.gen(function* () {
    return yield* (yield* Uvip).sampled(source, options)
  }).pipe(Effect.provide(Uvip.layer))

describe("sampledIteration", () => {
  it.effect("goes on bit for bit from a state that was kept, in other company too", () =>
    Effect.gen(function* () {
      const { source, uniform } = yield* prepared(garnet)
      for (const method of methods) {
        const options = { method, draws: 300, reference: uniform, key: key(1) }
        const whole = yield* sampled(source, options)
        const iteration = yield* sampledIteration(ownThread, source, options)
        let state = yield* iteration.init
        for (let k = 0; k < 3; k++) [state] = yield* iteration.step(state)
        // As a process that was killed would find it again, with two threads this time.
        state = structuredClone(state)
        const later = yield* sampledIteration(yield* crewOf(2), source, options)
        for (let info: SampledInfo | undefined; !later.isDone(state); ) {
          ;[state, info] = yield* later.step(state)
          if (later.isDone(state)) assert.deepStrictEqual([info.mean, info.limit], [whole.mean, whole.limit])
        }
      }
    })
  )
})

describe("Uvip.sampled", () => {
  it.effect("is V* without noise, whatever the method", () =>
    Effect.gen(function* () {
      const mdp = yield* Environments.cliffWalking({ discount: 0.5 })
      const { values } = yield* exactValue(mdp, { tolerance: 1e-12 })
      for (const method of methods) {
        const { limit } = yield* sampled(simulatorOf(mdp), {
          method,
          key: key(1),
          plan: { pilotDraws: 1, referenceDraws: 1, sweepDraws: 1, sweeps: 60, replications: 2 }
        })
        const best = values.filter((_, state) => mdp.terminal[state] === 0)
        assert.isBelow(distance(limit, best), 1e-9, method)
      }
    })
  )

  it.effect("is a function of its key, and another of another", () =>
    Effect.gen(function* () {
      const { source } = yield* prepared(garnet)
      const options = { draws: 400, key: key(1) }
      const once = yield* sampled(source, options)
      assert.deepStrictEqual(once, yield* sampled(source, options))
      assert.notDeepEqual(once.limit, (yield* sampled(source, { ...options, key: key(2) })).limit)
    })
  )

  it.effect("asks as often as it says, and about as often as it was told", () =>
    Effect.gen(function* () {
      const { source } = yield* prepared(garnet)
      let asked = 0
      const counted = {
        ...source,
        sample: (...parameters: Parameters<typeof source.sample>) => {
          asked += parameters[1].length
          source.sample(...parameters)
        }
      }
      for (const method of methods)
        for (const draws of [1000, 5000]) {
          asked = 0
          const { simulatorCalls } = yield* sampled(counted, { method, draws, key: key(1) })
          assert.strictEqual(simulatorCalls, asked)
          assert.closeTo(simulatorCalls / (100 * draws), 0.95, 0.06, `${method}, ${draws}`)
        }
    })
  )

  it.effect(
    "with the default certifies a fifth of the paper's excess at equal calls, with room to spare",
    () =>
      Effect.gen(function* () {
        for (const problem of [frozenLake, garnet]) {
          const { source, best, uniform } = yield* prepared(problem)
          const excess = (method: Method, n: number) =>
            Effect.map(
              sampled(source, { method, draws: 5000, reference: uniform, key: fold(key("excess"), n) }),
              ({ limit }) => limit.reduce((most, value, x) => Math.max(most, value - best[x]), 0)
            )
          const total = (method: Method) =>
            Effect.map(
              Effect.forEach([0, 1, 2, 3], (n) => excess(method, n)),
              (list) => list.reduce((a, b) => a + b)
            )
          const [paper, piloted] = [yield* total("paper"), yield* total("piloted")]
          assert.isBelow(piloted, paper / 8)
        }
      })
  )

  it.effect("never exceeds what rewards permit", () =>
    Effect.gen(function* () {
      const { source } = yield* prepared(garnet)
      const { limit, mean } = yield* sampled(source, {
        method: "paper",
        key: key(1),
        reference: Float64Array.from({ length: 20 }, (_, x) => (x % 2 === 0 ? 20 : -20)),
        plan: { sweeps: 2, replications: 2, referenceDraws: 1, sweepDraws: 1 }
      })
      const [, most] = source.valueBounds
      assert.isTrue(limit.every((value) => value <= most))
      assert.isTrue(mean.some((value) => value > most))
    })
  )

  it.effect("streams its replications", () =>
    Effect.gen(function* () {
      const { source } = yield* prepared(frozenLake)
      const uvip = yield* Uvip
      const options = { draws: 500, key: key(1) }
      const infos = yield* Stream.runCollect(uvip.sampledStream(source, options))
      const list = Chunk.isChunk(infos) ? Chunk.toReadonlyArray(infos) : infos
      assert.deepStrictEqual(
        list.map(({ replication }) => replication),
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
      )
      assert.isUndefined(list[0].limit)
      assert.deepStrictEqual(list[9].limit, (yield* uvip.sampled(source, options)).limit)
    }).pipe(Effect.provide(Uvip.layer))
  )

  it.effect("averages over rewards that scatter", () =>
    Effect.gen(function* () {
      // One state that pays 0 or 2 with equal chances; V* = 1 / (1 - 1/2).
      const mdp = yield* Mdp.make({
        states: 3,
        actions: 2,
        discount: 0.5,
        outcomes: (): ReadonlyArray<Outcome> => [
          [0, 0.25, 0],
          [1, 0.25, 2],
          [2, 0.5, 1]
        ]
      })
      const { limit } = yield* sampled(simulatorOf(mdp), { draws: 20_000, key: key(3) })
      limit.forEach((value) => {
        assert.closeTo(value, 2, 0.1)
      })
    })
  )

  it.effect("refuses options out of range", () =>
    Effect.gen(function* () {
      const { source } = yield* prepared(garnet)
      const refused = (options: Partial<SampledOptions>) =>
        Effect.map(Effect.flip(sampled(source, { key: key(1), ...options })), (error) => error.message)
      assert.match(yield* refused({ draws: 0.5 }), /draws must be a whole number of at least 1, not 0.5/)
      assert.match(yield* refused({ confidence: 1 }), /confidence must be above 0.5 and below 1, not 1/)
      assert.match(yield* refused({ plan: { replications: 1 } }), /replications must be .* at least 2/)
      assert.match(yield* refused({ reference: new Float64Array(3) }), /reference must be 20 finite values/)
      assert.match(
        (yield* Effect.flip(sampled(Environments.cartPole(), { key: key(1) }))).message,
        /design must be given for the simulator CartPole, whose states are not numbered/
      )
    })
  )

  it("plans within its draws", () => {
    for (const method of methods)
      for (const draws of [300, 1000, 30_000, 1e6])
        for (const discount of [0, 0.5, 0.9, 0.99]) {
          const plan = planFor(method, draws, discount)
          const spent =
            plan.pilotDraws + plan.replications * (plan.referenceDraws + plan.sweeps * plan.sweepDraws)
          assert.isAtMost(spent, draws * 1.01 + 2)
          assert.isAtLeast(spent, draws * 0.45)
        }
  })
})
