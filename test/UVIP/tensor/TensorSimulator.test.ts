import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { key, type Stream, stream } from "../../../src/Random/index.ts"
import { compute, Tensor } from "../../../src/Tensor/index.ts"
import { upload } from "../../../src/Tensor/Host.ts"
import {
  type Design,
  Environments,
  Mdp,
  nearestDesign,
  simulatorOf,
  tableDesign,
  tensorCartPole,
  type TensorSimulator,
  tensorSimulatorOf,
  uniformPoints
} from "../../../src/UVIP/index.ts"
import { cartPoleTransition } from "../../../src/UVIP/environments/CartPole.ts"
import { tensorDesignOf } from "../../../src/UVIP/tensor/TensorDesign.ts"
import { randomMdp } from "../randomMdp.ts"
import { absent, present } from "./backends.ts"

for (const reason of absent) it.skip(reason, () => {})

const columns = (rows: ReadonlyArray<ReadonlyArray<number>>): ReadonlyArray<Float64Array> =>
  rows[0].map((_, i) => Float64Array.from(rows, (row) => row[i]))

/** The answers on the device: [columns of next states, rewards, goesOn]. */
const answers = Effect.fnUntraced(function* (
  source: TensorSimulator,
  states: ReadonlyArray<ReadonlyArray<number>>,
  action: number,
  noise: ReadonlyArray<ReadonlyArray<number>>
) {
  const found = yield* compute((t) =>
    source.transition(
      t,
      source.tables(t),
      columns(states).map((column) => upload(t.region, column)),
      action,
      source.noiseSize === 0 ? [] : columns(noise).map((column) => upload(t.region, column))
    )
  )
  return {
    nextStates: yield* Effect.forEach(found.nextStates, (x) => Tensor.toArray(x)),
    rewards: yield* Tensor.toArray(found.rewards),
    goesOn: yield* Tensor.toArray(found.goesOn)
  }
})

describe.each(present)("on %s", (_, layer) => {
  it.effect("an MDP's transitions are those of its distribution functions", () =>
    Effect.gen(function* () {
      for (let n = 0; n < 20; n++) {
        const mdp = randomMdp(key(n))
        const source = yield* tensorSimulatorOf(mdp)
        const random = stream(key(n))
        const states = Array.from({ length: 200 }, () => random.integer(mdp.states)).filter(
          (state) => mdp.terminal[state] === 0
        )
        const uniforms = states.map(() => random.uniform())
        for (let action = 0; action < mdp.actions; action++) {
          const found = yield* answers(
            source,
            states.map((state) => [state]),
            action,
            uniforms.map((u) => [u])
          )
          states.forEach((state, row) => {
            const pair = state * mdp.actions + action
            let [e, total] = [mdp.offsets[pair], mdp.probabilities[mdp.offsets[pair]]]
            while (uniforms[row] >= total && e + 1 < mdp.offsets[pair + 1]) total += mdp.probabilities[++e]
            // Where rounding may decide either way.
            if (Math.abs(uniforms[row] - total) < 1e-6) return
            const next = mdp.successors[e]
            assert.strictEqual(found.nextStates[0][row], next)
            assert.closeTo(found.rewards[row], mdp.outcomeRewards?.[e] ?? mdp.rewards[pair], 1e-5)
            assert.strictEqual(found.goesOn[row], 1 - mdp.terminal[next])
          })
        }
      }
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("CartPole moves as on the host, given the same normal numbers, and ends where it does", () =>
    Effect.gen(function* () {
      const random = stream(key("cartpole"))
      const states = Array.from({ length: 300 }, () => [
        5 * (random.uniform() - 0.5),
        4 * (random.uniform() - 0.5),
        0.45 * (random.uniform() - 0.5),
        4 * (random.uniform() - 0.5)
      ])
      const uniforms = states.map(() => [random.uniform(), random.uniform()])
      for (const noise of [0.1, 0])
        for (const action of [0, 1]) {
          const found = yield* answers(tensorCartPole({ noise }), states, action, uniforms)
          states.forEach((state, row) => {
            const [u, v] = uniforms[row]
            const planted: Stream = {
              ...random,
              normal: () => Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * v)
            }
            const next = new Float64Array(4)
            const { terminated } = cartPoleTransition(noise)(Float64Array.from(state), action, planted, next)
            next.forEach((x, i) => assert.closeTo(found.nextStates[i][row], x, 2e-5))
            const near = Math.min(
              Math.abs(Math.abs(next[0]) - 2.4),
              Math.abs(Math.abs(next[2]) - Math.PI / 15)
            )
            if (near > 1e-4) assert.strictEqual(found.goesOn[row], terminated ? 0 : 1)
            assert.strictEqual(found.rewards[row], 1)
          })
        }
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("designs place states where they do on the host, with the same margins", () =>
    Effect.gen(function* () {
      const places = Effect.fnUntraced(function* (
        design: Design,
        states: ReadonlyArray<ReadonlyArray<number>>
      ) {
        const onDevice = tensorDesignOf(design, simulatorOf(yield* Environments.chain()))
        const found = yield* compute((t) =>
          onDevice.locate(
            t,
            onDevice.tables(t),
            columns(states).map((column) => upload(t.region, column))
          )
        )
        const into = {
          points: new Int32Array(states.length * design.neighbours),
          margins: new Float64Array(states.length)
        }
        design.locate(Float64Array.from(states.flat()), states.length, into)
        assert.deepStrictEqual(Array.from(yield* Tensor.toArray(found.points)), [...into.points])
        if (found.margins === undefined) assert.isTrue(into.margins.every((margin) => margin === 0))
        else
          (yield* Tensor.toArray(found.margins)).forEach((margin, row) =>
            assert.closeTo(margin, into.margins[row], 1e-5)
          )
      })
      const source = simulatorOf(yield* Environments.chain())
      yield* places(
        yield* tableDesign(source),
        Array.from({ length: 13 }, (__, i) => [i + 1])
      )
      const box = [
        [-1, 1],
        [-2, 2],
        [0, 5]
      ] as const
      const points = uniformPoints(box, 40, key(1))
      const asked = uniformPoints(box, 100, key(2))
      const states = Array.from({ length: 100 }, (__, row) => [...asked.subarray(3 * row, 3 * row + 3)])
      for (const neighbours of [1, 3])
        for (const lipschitz of [undefined, 2])
          yield* places(
            yield* nearestDesign({ points, stateSize: 3, scale: [1, 2, 5], neighbours, lipschitz }),
            states
          )
    }).pipe(Effect.scoped, Effect.provide(layer))
  )
})

describe("tensorSimulatorOf", () => {
  it.effect("refuses more outcomes than float32 can number", () =>
    Effect.gen(function* () {
      const states = 1 << 22
      const mdp: Mdp = {
        states,
        actions: 4,
        discount: 0.9,
        offsets: new Int32Array(states * 4 + 1),
        successors: new Int32Array(0),
        probabilities: new Float64Array(0),
        rewards: new Float64Array(0),
        outcomeRewards: undefined,
        terminal: new Uint8Array(states).fill(1)
      }
      const error = yield* Effect.flip(tensorSimulatorOf(mdp))
      assert.match(error.message, /must be one whose product of both is below 16777216/)
    })
  )
})
