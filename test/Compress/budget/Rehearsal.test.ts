import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { divergenceText } from "../../../src/Compress/budget/Divergence.ts"
import { rehearse } from "../../../src/Compress/budget/Rehearsal.ts"
import {
  Compress,
  lowRankCandidates,
  meanDivergence,
  Plan,
  planWithin,
  rehearsedPlan,
  surveyOf
} from "../../../src/Compress/index.ts"
import { Distill } from "../../../src/Distill/index.ts"
import { Kronecker } from "../../../src/Kronecker/index.ts"
import { initialise, storedParameters } from "../../../src/Model/index.ts"
import { key } from "../../../src/Random/index.ts"
import { onMockWithFiles } from "../../Distill/onMockWithFiles.ts"
import { sentence, tinyConfig } from "../../Distill/TinyGpt2.ts"

const services = Compress.layer.pipe(Layer.provideMerge(Kronecker.layer), Layer.provide(Distill.layer))
const tokens = Int32Array.from({ length: 300 }, (_, i) => sentence[(i + Math.floor(i / 7)) % sentence.length])
const calibration = { tokens }

const surveyed = Effect.gen(function* () {
  const original = yield* initialise(tinyConfig, key(1))
  return { original, survey: yield* surveyOf(original, calibration, 0.6) }
})

describe("rehearse", () => {
  it.effect("foretells exactly what low ranks come to, fitted one after the other", () =>
    Effect.gen(function* () {
      const { original, survey } = yield* surveyed
      const candidates = survey.weights.map(lowRankCandidates)
      const budget = Math.floor(0.6 * storedParameters(original))
      const { plan, choices } = yield* planWithin(survey, budget, candidates)
      const errors = choices.map(({ chosen }) => chosen.squaredError)
      assert.isAtLeast(errors.filter((error) => error > 0).length, 5)
      const { divergence } = yield* rehearse(original, survey, errors, calibration)
      const model = yield* (yield* Compress).replace(original, Plan.finalWeights(plan), {
        key: key(1),
        calibration
      })
      const found = yield* meanDivergence(original, model, divergenceText(original, tokens))
      assert.closeTo(divergence / found, 1, 1e-4)
    }).pipe(Effect.provide(services), onMockWithFiles)
  )

  it.effect("finds that an error without company is felt as it is alone", () =>
    Effect.gen(function* () {
      const { original, survey } = yield* surveyed
      for (const [i, { name, inputs, outputs, lost }] of survey.weights.entries()) {
        const error = lost(survey.spareRank(inputs, outputs))
        const errors = survey.weights.map((_, j) => (i === j ? error : 0))
        const { divergence, company } = yield* rehearse(original, survey, errors, calibration)
        assert.closeTo(divergence / survey.sensitivities[i](error), 1, 1e-3, name)
        // Less of the error is in the same proportion only nearly.
        assert.closeTo(company[i], 1, 0.3, name)
      }
    }).pipe(Effect.provide(services), onMockWithFiles)
  )
})

describe("rehearsedPlan", () => {
  it.effect("is never worse, where it is rehearsed, than the plan by what is felt of each error alone", () =>
    Effect.gen(function* () {
      const { original, survey } = yield* surveyed
      const candidates = survey.weights.map(lowRankCandidates)
      for (const share of [0.8, 0.5]) {
        const budget = Math.floor(share * storedParameters(original))
        const first = yield* planWithin(survey, budget, candidates)
        const errors = first.choices.map(({ chosen }) => chosen.squaredError)
        const { divergence } = yield* rehearse(original, survey, errors, calibration)
        const best = yield* rehearsedPlan(original, survey, budget, candidates, calibration)
        assert.isAtMost(best.predictedDivergence, divergence)
        assert.isAtMost(best.storedParameters, budget)
      }
    }).pipe(Effect.provide(services), onMockWithFiles)
  )
})
