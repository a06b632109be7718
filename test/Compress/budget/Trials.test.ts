import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { layersToTry } from "../../../src/Compress/budget/TriedWeights.ts"
import { Compress, kroneckerCandidates, meanDivergence, surveyOf } from "../../../src/Compress/index.ts"
import { initialise } from "../../../src/Model/index.ts"
import { fold, key } from "../../../src/Random/index.ts"
import { onMockWithFiles } from "../../Distill/onMockWithFiles.ts"
import { tinyConfig } from "../../Distill/TinyGpt2.ts"
import { services, tokens } from "./TinyBudget.ts"

describe("kroneckerCandidates", () => {
  it.effect("foretell how far predictions move where a weight was tried", () =>
    Effect.gen(function* () {
      const compress = yield* Compress
      const original = yield* initialise(tinyConfig, key(1))
      const survey = yield* surveyOf(original, { tokens }, 0.5)
      const tried = yield* kroneckerCandidates(original, survey, key(4))
      let severities = 0
      for (const [i, weight] of survey.weights.entries()) {
        const { name } = weight
        const candidates = tried[name] ?? []
        // Half of the blocks: what a trial sets out with.
        const half = candidates.find(
          ({ plan }) =>
            plan?.format === "kronecker" &&
            plan.rank === undefined &&
            plan.terms === (plan.right[0] * plan.right[1]) / 2
        )
        // Severities are kept within bounds.
        if (half?.plan === undefined || half.severity! < 0.34 || half.severity! > 3.99) continue
        assert.deepStrictEqual(layersToTry([weight, weight]), [0, 1])
        const search = { key: fold(key(4), "trial"), swaps: 20_000, rounds: 2 }
        const { calibration, validation } = survey
        const model = yield* compress.replace(original, { [name]: half.plan }, { ...search, calibration })
        const { severity, squaredError } = half
        const foretold = severity! * survey.sensitivities[i](squaredError)
        assert.closeTo(foretold / (yield* meanDivergence(original, model, validation)), 1, 1e-3, name)
        if (Math.abs(severity! - 1) > 0.05) severities++
      }
      assert.isAtLeast(severities, 3)
    }).pipe(Effect.provide(services), onMockWithFiles)
  )

  it.effect("are of every number of terms between those tried", () =>
    Effect.gen(function* () {
      const original = yield* initialise(tinyConfig, key(1))
      const survey = yield* surveyOf(original, { tokens }, 0.5)
      const tried = yield* kroneckerCandidates(original, survey, key(4))
      const alone = tried["h.0.mlp.c_fc"].filter(
        ({ plan }) => plan?.format === "kronecker" && plan.rank === undefined
      )
      assert.deepStrictEqual(
        alone.map(({ plan }) => plan?.format === "kronecker" && plan.terms),
        [2, 3, 4, 5, 6]
      )
      for (const { squaredError } of alone) assert.isTrue(squaredError > 0 && squaredError < 1)
    }).pipe(Effect.provide(services), onMockWithFiles)
  )
})
