import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { ControlVariates, gaussianMixture, noUTurn, squares } from "../../src/ControlVariates/index.ts"
import * as Layers from "../../src/Layers/index.ts"
import { key } from "../../src/Random/index.ts"

// What follows is in the README, letter by letter.
const program = Effect.gen(function* () {
  const variates = yield* ControlVariates
  const target = gaussianMixture([
    {
      weight: 0.5,
      mean: [1, 0],
      covariance: [
        [1, 0.3],
        [0.3, 1]
      ]
    },
    {
      weight: 0.5,
      mean: [-1, 0],
      covariance: [
        [1, 0.3],
        [0.3, 1]
      ]
    }
  ])
  const { chains } = yield* variates.sample(target, { kernel: noUTurn(), draws: 1000, key: key(1) })
  const { estimates, warnings } = yield* variates.reduce(chains, squares(chains))
  return { estimates, warnings }
}).pipe(Effect.provide(ControlVariates.layer), Effect.provide(Layers.mock()))

describe("the README's example", () => {
  it("is this one", () => {
    const path = new URL("../../src/ControlVariates/README.md", import.meta.url)
    const [, shown] = /```ts\n(.*?)```/s.exec(readFileSync(path, "utf8")) ?? []
    assert.isDefined(shown)
    assert.include(readFileSync(new URL(import.meta.url), "utf8"), shown)
  })

  it.effect("runs, and finds the second moments 2 and 1", () =>
    Effect.gen(function* () {
      const { estimates, warnings } = yield* program
      assert.deepStrictEqual(
        warnings.filter(({ kind }) => kind !== "narrowWindow"),
        []
      )
      estimates.forEach(({ meanCv, mcse, mcseCv }, i) => {
        assert.isBelow(Math.abs(meanCv - [2, 1][i]), 4 * mcseCv)
        assert.isBelow(mcseCv, mcse)
      })
    })
  )
})
