import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { run } from "../../../src/Iteration/index.ts"
import { key } from "../../../src/Random/index.ts"
import {
  actorCritic,
  type ActorCriticOptions,
  actorCriticPolicyOf,
  type ActorCriticState,
  Environments,
  networkActing,
  rollouts,
  simulator,
  visitedPoints
} from "../../../src/UVIP/index.ts"
import { cpu } from "../../../src/Layers/index.ts"
import { onMock } from "../../Layers/onMock.ts"

const scale = [2.4, 2, 0.2, 2]

const options: ActorCriticOptions = {
  initialState: Environments.cartPoleStart,
  updates: 60,
  scale,
  hidden: [16, 16],
  discount: 0.99,
  key: key("actor-critic")
}

const small: ActorCriticOptions = { ...options, updates: 4, environments: 4, steps: 16 }

/** Everything in a state as numbers. */
const numbersOf = ({ parameters, first, second, environments }: ActorCriticState) =>
  [
    ...Object.values(parameters),
    ...Object.values(first),
    ...Object.values(second),
    environments.states
  ].flatMap((values) => [...values])

describe("actorCritic", () => {
  it.effect("learns to balance the pole with the paper's noise", () =>
    Effect.gen(function* () {
      const source = Environments.cartPole()
      const state = yield* run(yield* actorCritic(source, options))
      const points = yield* visitedPoints(
        source,
        { act: (_, rows, __, into) => into.fill(0, 0, rows) },
        { initialState: Environments.cartPoleStart, count: 50, maxSteps: 1, key: key(1) }
      )
      const endless = { ...source, discount: 1 - 1e-9, valueBounds: [0, 1e9] as const }
      const { mean } = yield* rollouts(endless, networkActing(actorCriticPolicyOf(source, state, scale)), {
        points,
        episodes: 2,
        horizon: 500,
        key: key(2)
      })
      assert.isAbove(mean.reduce((a, b) => a + b, 0) / 50, 400)
    }).pipe(Effect.provide(cpu()))
  )

  it.effect("goes on from a state as if it had never stopped, and leaves no tensor behind", () =>
    onMock(
      Effect.gen(function* () {
        const source = Environments.cartPole()
        const straight = yield* run(yield* actorCritic(source, small))
        const before = yield* actorCritic(source, small)
        let state = yield* before.init
        for (let k = 0; k < 2; k++) [state] = yield* before.step(state)
        const stored = structuredClone(state)
        const after = yield* actorCritic(source, small)
        for (let k = 0; k < 2; k++) [state] = yield* after.step(k === 0 ? stored : state)
        assert.deepStrictEqual(numbersOf(state), numbersOf(straight))
        assert.strictEqual(state.simulatorCalls, 4 * 4 * 16)
      })
    )
  )

  it.effect("says what is wrong with its options, and which state a simulator fails in", () =>
    onMock(
      Effect.gen(function* () {
        const source = Environments.cartPole()
        const refused = (wrong: Partial<ActorCriticOptions>) =>
          Effect.map(Effect.flip(actorCritic(source, { ...small, ...wrong })), (error) => error.message)
        assert.match(yield* refused({ updates: 0 }), /updates must be a whole number of at least 1, not 0/)
        assert.match(yield* refused({ discount: 1.5 }), /discount must be in \[0, 1\]/)
        assert.match(yield* refused({ scale: [1] }), /scale must be 4 positive numbers/)
        assert.match(yield* refused({ minibatches: 65 }), /at most the 64 rows/)
        const broken = simulator({
          ...source,
          transition: () => {
            throw new Error("no power")
          }
        })
        const error = yield* Effect.flip(
          Effect.flatMap(actorCritic(broken, small), (training) =>
            Effect.flatMap(training.init, training.step)
          )
        )
        assert.strictEqual(error._tag, "SimulatorError")
        assert.match(error.message, /no power/)
      })
    )
  )

  it.effect("fails where it diverges", () =>
    onMock(
      Effect.gen(function* () {
        const training = yield* actorCritic(Environments.cartPole(), { ...small, learningRate: 1e308 })
        const error = yield* Effect.flip(run(training))
        assert.strictEqual(error._tag, "NumericalError")
      })
    )
  )
})
