import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { key } from "../../src/Random/index.ts"
import { acting, Environments, Policy, simulatorOf, Uvip } from "../../src/UVIP/index.ts"
import { blocksMissing } from "../readmeBlocks.ts"

// What follows is in the README, letter by letter.
const program = Effect.gen(function* () {
  const uvip = yield* Uvip
  const mdp = yield* Environments.frozenLake({ discount: 0.9 })
  const policy = Policy.uniform(mdp)
  const proved = yield* uvip.certify(mdp, policy)
  const sampled = yield* uvip.certifyBySampling(simulatorOf(mdp), acting(policy), {
    draws: 10_000,
    key: key(1)
  })
  return [proved.maxGap, sampled.maxGap]
}).pipe(Effect.provide(Uvip.layer))

describe("the README's example", () => {
  it("is this one", () => {
    assert.deepStrictEqual(blocksMissing("src/UVIP/README.md", import.meta.filename), [])
  })

  it.effect(
    "certifies a random policy: far from optimal, and a little farther as far as a simulator tells",
    () =>
      Effect.gen(function* () {
        const [proved, sampled] = yield* program
        assert.isAbove(proved, 0)
        assert.isAbove(sampled, proved)
        assert.isBelow(sampled, 2 * proved)
      })
  )
})
