import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { run } from "../../../src/Iteration/index.ts"
import { key } from "../../../src/Random/index.ts"
import {
  Environments,
  linearActing,
  linearPolicyOf,
  linearSearch,
  type LinearSearchOptions,
  rollouts
} from "../../../src/UVIP/index.ts"

const scale = [2.4, 2, 0.2, 2]

const options: LinearSearchOptions = {
  initialState: Environments.cartPoleStart,
  scale,
  generations: 15,
  horizon: 300,
  discount: 1,
  key: key("linear")
}

const refused = (wrong: Partial<LinearSearchOptions>) =>
  Effect.map(
    Effect.flip(linearSearch(Environments.cartPole(), { ...options, ...wrong })),
    (error) => error.message
  )

describe("linearSearch", () => {
  it.effect("finds a controller that balances the noisy pole", () =>
    Effect.gen(function* () {
      const source = Environments.cartPole()
      const state = yield* run(yield* linearSearch(source, options))
      const endless = { ...source, discount: 1 - 1e-9, valueBounds: [0, 1e9] as const }
      const { mean } = yield* rollouts(endless, linearActing(linearPolicyOf(source, state, scale)), {
        points: Float64Array.of(0.02, 0, -0.02, 0.01),
        episodes: 50,
        horizon: 500,
        key: key(1)
      })
      assert.isAbove(mean[0], 450)
    })
  )

  it.effect("is a function of its key and goes on from a state", () =>
    Effect.gen(function* () {
      const short = { ...options, generations: 3, candidates: 8, horizon: 50 }
      const search = yield* linearSearch(Environments.cartPole(), short)
      const straight = yield* run(search)
      let state = yield* search.init
      for (let k = 0; k < 3; k++) [state] = yield* search.step(structuredClone(state))
      assert.deepStrictEqual(state, straight)
    })
  )

  it.effect("says what is wrong with its options", () =>
    Effect.gen(function* () {
      assert.match(yield* refused({ candidates: 3 }), /candidates must be a whole number of at least 4/)
      assert.match(yield* refused({ horizon: undefined }), /horizon must be given with discount 1/)
      assert.match(yield* refused({ scale: [1, 2, 3, 0] }), /scale must be 4 positive numbers/)
    })
  )
})
