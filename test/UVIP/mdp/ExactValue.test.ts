import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { fold, key } from "../../../src/Random/index.ts"
import {
  actionValues,
  Environments,
  exactValue,
  optimalPolicy,
  Policy,
  policyValue
} from "../../../src/UVIP/index.ts"
import { distance } from "../fixtures.ts"
import { randomMdp } from "../randomMdp.ts"

describe("exactValue", () => {
  it.effect("gives an interval of the width asked for that holds what policy iteration finds", () =>
    Effect.gen(function* () {
      for (let n = 0; n < 300; n++) {
        const mdp = randomMdp(fold(key("interval"), n))
        const { values } = yield* optimalPolicy(mdp)
        for (const tolerance of [1, 1e-3, 1e-9]) {
          const { lower, upper } = yield* exactValue(mdp, { tolerance })
          values.forEach((value, x) => {
            assert.isAtMost(lower[x], value + 1e-12)
            assert.isAtLeast(upper[x], value - 1e-12)
            assert.isAtMost(upper[x] - lower[x], tolerance * (1 + 1e-9) + 1e-12)
          })
        }
      }
    })
  )
})

describe("policyValue", () => {
  it.effect("solves the policy's own equation, by elimination and by sweeps", () =>
    Effect.gen(function* () {
      for (const states of [40, 800]) {
        const mdp = yield* Environments.garnet({ states, actions: 3, branching: 4, key: key(states) })
        const policy = Policy.softmax(
          Float64Array.from({ length: 3 * states }, (_, i) => Math.sin(i)),
          3
        )
        const values = yield* policyValue(mdp, policy)
        const q = actionValues(mdp, values)
        const again = values.map((_, x) =>
          [0, 1, 2].reduce((sum, a) => sum + policy.probabilities[3 * x + a] * q[3 * x + a], 0)
        )
        assert.isBelow(distance(values, again), 1e-12)
      }
    })
  )

  it.effect("refuses a policy of another problem", () =>
    Effect.gen(function* () {
      const mdp = yield* Environments.chain()
      const error = yield* Effect.flip(policyValue(mdp, Policy.uniform({ states: 3, actions: 2 })))
      assert.strictEqual(error.message, "policy: is for 3 states and 2 actions, the problem has 15 and 2")
      const rows = yield* Effect.flip(
        Policy.make([
          [0.5, 0.5],
          [0.5, 0.4]
        ])
      )
      assert.strictEqual(rows.message, "policy: state 1: its probabilities sum to 0.9, not 1")
    })
  )
})
