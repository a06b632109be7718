import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { allFormats, oneFormatPerKind } from "../../../src/Compress/budget/MixedPlan.ts"
import {
  kroneckerCandidates,
  lowRankCandidates,
  mixedPlan,
  PlanError,
  rehearsedPlan,
  sumSizes,
  surveyOf,
  type TriedSums
} from "../../../src/Compress/index.ts"
import { initialise, storedParameters } from "../../../src/Model/index.ts"
import { key } from "../../../src/Random/index.ts"
import { onMockWithFiles } from "../../Distill/onMockWithFiles.ts"
import { tinyConfig } from "../../Distill/TinyGpt2.ts"
import { services, tokens } from "./TinyBudget.ts"

const surveyed = Effect.gen(function* () {
  const original = yield* initialise(tinyConfig, key(1))
  const survey = yield* surveyOf(original, { tokens }, 0.6)
  const tried = yield* kroneckerCandidates(original, survey, key(4))
  return { original, survey, tried, all: storedParameters(original) }
})

describe("mixedPlan", () => {
  it.effect("is the better one of what its two searches find", () =>
    Effect.gen(function* () {
      const { original, survey, tried, all } = yield* surveyed
      const options = { budget: Math.floor(0.7 * all), key: key(5), rehearsals: 1 }
      const winners = new Set<string>()
      // As they are, and as if sums lost nothing, which only the first search believes.
      const lossless = Object.fromEntries(
        Object.entries(tried).map(([name, of]) => [name, of.map((one) => ({ ...one, squaredError: 1e-9 }))])
      )
      for (const known of [tried, lossless]) {
        const search = (candidates: ReturnType<typeof allFormats>) =>
          rehearsedPlan(original, survey, { ...options, candidates })
        const uniform = oneFormatPerKind(survey, known)
        assert.isDefined(uniform)
        const divergences = [
          (yield* search(allFormats(survey, known))).predictedDivergence,
          (yield* search(uniform!)).predictedDivergence
        ]
        const shares: Array<number> = []
        const best = yield* mixedPlan(original, survey, known, options, (_, done) =>
          Effect.sync(() => shares.push(done))
        )
        assert.strictEqual(best.predictedDivergence, Math.min(...divergences))
        assert.isAtMost(best.storedParameters, options.budget)
        const each = survey.weights.length
        shares.forEach((share, i) => assert.closeTo(share, (i + 1) / (2 * each), 1e-12))
        assert.strictEqual(shares.length, 2 * each)
        winners.add(divergences[0] < divergences[1] ? "first" : "second")
      }
      assert.deepStrictEqual([...winners].toSorted(), ["first", "second"])
    }).pipe(Effect.provide(services), onMockWithFiles)
  )

  it.effect("goes without its second search where sums take more than the budget allows", () =>
    Effect.gen(function* () {
      const { original, survey, tried } = yield* surveyed
      const least = survey.weights.reduce((sum, { inputs, outputs }) => sum + inputs + outputs, survey.fixed)
      const options = { budget: least, key: key(5), rehearsals: 1 }
      const candidates = oneFormatPerKind(survey, asIfFelt(tried, 1 / 3))!
      const refused = yield* Effect.flip(rehearsedPlan(original, survey, { ...options, candidates }))
      assert.instanceOf(refused, PlanError)
      const found = yield* mixedPlan(original, survey, asIfFelt(tried, 1 / 3), options)
      assert.isAtMost(found.storedParameters, least)
    }).pipe(Effect.provide(services), onMockWithFiles)
  )
})

/** As if all sums' errors were felt so many times as much as low ranks'. */
const asIfFelt = (tried: TriedSums, severity: number, name = ""): TriedSums =>
  Object.fromEntries(
    Object.entries(tried).map(([weight, candidates]) => [
      weight,
      weight.endsWith(name) ? candidates.map((one) => ({ ...one, severity })) : candidates
    ])
  )

describe("oneFormatPerKind", () => {
  it.effect("takes sums for the kinds of weights in which they are felt less, in all layers", () =>
    Effect.gen(function* () {
      const { survey, tried } = yield* surveyed
      const felt = asIfFelt(asIfFelt(tried, 1000), 1e-3, "mlp.c_fc")
      const candidates = oneFormatPerKind(survey, felt)!
      for (const [i, weight] of survey.weights.entries())
        assert.deepStrictEqual(
          candidates[i],
          weight.name.endsWith("mlp.c_fc") ? sumSizes(weight) : lowRankCandidates(weight),
          weight.name
        )
      assert.isUndefined(oneFormatPerKind(survey, asIfFelt(tried, 1000)))
    }).pipe(Effect.provide(services), onMockWithFiles)
  )
})
