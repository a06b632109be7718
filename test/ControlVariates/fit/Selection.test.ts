import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { selectCandidates } from "../../../src/ControlVariates/fit/Selection.ts"
import * as Layers from "../../../src/Layers/index.ts"
import { Backend } from "../../../src/Tensor/index.ts"

/** Gram matrices [z z', z f; f z, f f] of one feature and one functional, so that f - (zf / zz) z is left. */
const gram = (zz: number, zf: number, ff: number) => Float64Array.of(zz, zf, zf, ff)

describe("selectCandidates", () => {
  it.effect("is not outvoted by one fold where the chain was far out", () =>
    Effect.gen(function* () {
      const { factorizations } = yield* Backend
      // Window 0 fits a = -1, window 1 a = -0.9. Folds 0 to 3 are judged best by -0.9; fold 4, a thousand times as large, by -1, by a hair.
      const usual = gram(1, 0.9, 0.82)
      const far = gram(1000, 960, 10_000)
      const grams = {
        features: 1,
        functionals: 1,
        draws: new Float64Array(5).fill(1),
        grams: [
          Array.from({ length: 5 }, () => gram(1, 1, 2)),
          Array.from({ length: 5 }, () => gram(1, 0.9, 2)),
          [usual, usual, usual, usual, far]
        ]
      }
      const candidate = { degree: 1, features: 1, isExtended: false, ridge: 0 }
      const [choice] = yield* selectCandidates(factorizations, grams, [1, 20, 40], 2, [
        { ...candidate, window: 0 },
        { ...candidate, window: 1 }
      ])
      assert.strictEqual(choice.window, 1)
      // What is told of it is the mean over the folds all the same: 0.01 in four of them, 10000 - 918 in the last.
      assert.closeTo(choice.heldOut, (4 * 0.01 + 10_000 + 810 - 1728) / 5, 1e-9)
    }).pipe(Effect.provide(Layers.mock()))
  )
})
