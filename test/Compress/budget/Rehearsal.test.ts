import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber } from "effect"
import { meanDivergence, predictionsOf } from "../../../src/Compress/budget/Divergence.ts"
import { rehearse, rehearsedDivergence } from "../../../src/Compress/budget/Rehearsal.ts"
import {
  type Candidate,
  Compress,
  kroneckerCandidates,
  lowRankCandidates,
  Plan,
  planWithin,
  rehearsedPlan,
  type Survey,
  surveyOf
} from "../../../src/Compress/index.ts"
import { type Gpt2, initialise, storedParameters } from "../../../src/Model/index.ts"
import { key } from "../../../src/Random/index.ts"
import { Tensor } from "../../../src/Tensor/index.ts"
import { onMockWithFiles } from "../../Distill/onMockWithFiles.ts"
import { tinyConfig } from "../../Distill/TinyGpt2.ts"
import { services, tokens } from "./TinyBudget.ts"

const surveyed = Effect.gen(function* () {
  const original = yield* initialise(tinyConfig, key(1))
  const survey = yield* surveyOf(original, { tokens }, 0.6)
  return { original, survey, predictions: yield* predictionsOf(original, survey.validation) }
})

/** A weight left as it is. */
const whole = ({ inputs, outputs }: Survey["weights"][number]): Candidate => ({
  plan: undefined,
  storedParameters: inputs * outputs,
  squaredError: 0
})

/** A plan of low ranks for 0.6 of the numbers. */
const planned = Effect.fnUntraced(function* (original: Gpt2, survey: Survey) {
  const candidates = survey.weights.map(lowRankCandidates)
  const { plan, choices } = yield* planWithin(
    survey,
    Math.floor(0.6 * storedParameters(original)),
    candidates
  )
  const weights = Plan.finalWeights(plan)
  assert.isAtLeast(Object.keys(weights).length, 5)
  return { weights, chosen: choices.map(({ chosen }) => chosen) }
})

describe("rehearse", () => {
  it.effect("foretells exactly what low ranks come to, fitted one after the other", () =>
    Effect.gen(function* () {
      const { original, survey, predictions } = yield* surveyed
      const { weights, chosen } = yield* planned(original, survey)
      const { divergence } = yield* rehearse(original, survey, chosen, predictions, key(5))
      const { calibration } = survey
      const model = yield* (yield* Compress).replace(original, weights, { key: key(1), calibration })
      assert.closeTo(divergence / (yield* meanDivergence(original, model, predictions.tokens)), 1, 1e-4)
    }).pipe(Effect.provide(services), onMockWithFiles)
  )

  it.effect("fits Kronecker sums as they will be", () =>
    Effect.gen(function* () {
      const { original, survey, predictions } = yield* surveyed
      const tried = yield* kroneckerCandidates(original, survey, key(4))
      const chosen = survey.weights.map((weight) => tried[weight.name]?.[0] ?? whole(weight))
      const weights = Object.fromEntries(
        chosen.flatMap(({ plan }, i) => (plan === undefined ? [] : [[survey.weights[i].name, plan]]))
      )
      assert.isAtLeast(Object.keys(weights).length, 5)
      const search = { key: key(5), swaps: 5000, rounds: 1 }
      const { calibration } = survey
      const model = yield* (yield* Compress).replace(original, weights, { ...search, calibration })
      const { divergence } = yield* rehearse(original, survey, chosen, predictions, key(5))
      assert.closeTo(divergence / (yield* meanDivergence(original, model, predictions.tokens)), 1, 1e-6)
    }).pipe(Effect.provide(services), onMockWithFiles)
  )

  it.effect("holds what is felt of an error against the severity of its format", () =>
    Effect.gen(function* () {
      const { original, survey, predictions } = yield* surveyed
      const tried = yield* kroneckerCandidates(original, survey, key(4))
      const at = survey.weights.findIndex(({ name }) => name === "h.1.mlp.c_fc")
      const interactionFor = Effect.fnUntraced(function* (severity: number | undefined) {
        const chosen = survey.weights.map((weight, i) =>
          i === at ? { ...tried[weight.name][0], severity } : whole(weight)
        )
        return (yield* rehearse(original, survey, chosen, predictions, key(5))).interactions[at]
      })
      const alone = yield* interactionFor(undefined)
      assert.isAbove(alone, 0.1)
      assert.closeTo((yield* interactionFor(2)) / alone, 1 / 2, 1e-9)
    }).pipe(Effect.provide(services), onMockWithFiles)
  )

  it.effect("finds that an error without company is felt as it is alone", () =>
    Effect.gen(function* () {
      const { original, survey, predictions } = yield* surveyed
      for (const [i, { name, inputs, outputs, lost }] of survey.weights.entries()) {
        const rank = survey.surveyedRank(inputs, outputs)
        const error = lost(rank)
        const one: Candidate = {
          plan: { format: "low-rank", rank },
          storedParameters: rank * (inputs + outputs),
          squaredError: error
        }
        const chosen = survey.weights.map((weight, j) => (i === j ? one : whole(weight)))
        const { divergence, interactions } = yield* rehearse(original, survey, chosen, predictions, key(5))
        assert.closeTo(divergence / survey.sensitivities[i](error), 1, 1e-3, name)
        // Less of the error is in the same proportion only nearly.
        assert.closeTo(interactions[i], 1, 0.5, name)
      }
    }).pipe(Effect.provide(services), onMockWithFiles)
  )

  it.effect("says so where a model's numbers are too large to be told apart from anything", () =>
    Effect.gen(function* () {
      const { original, survey, predictions } = yield* surveyed
      const [first, ...rest] = predictions.batches
      const logits = yield* Tensor.full(first.logits.shape, Number.NaN)
      const broken = { ...predictions, batches: [{ ...first, logits }, ...rest] }
      const error = yield* Effect.flip(rehearse(original, survey, survey.weights.map(whole), broken, key(5)))
      assert.strictEqual(error._tag, "NumericalError")
    }).pipe(Effect.provide(services), onMockWithFiles)
  )
})

describe("planWithin", () => {
  it.effect("prefers errors that are felt less, and costs by their severity", () =>
    Effect.gen(function* () {
      const { survey } = yield* surveyed
      const error = 0.3
      // Two ways of the same size and error, of which one weight knows one that is felt half as much.
      const candidates = survey.weights.map((weight, i) => [
        {
          plan: { format: "low-rank", rank: 1 },
          storedParameters: weight.inputs + weight.outputs,
          squaredError: error
        } as const,
        {
          plan: { format: "low-rank", rank: 2 },
          storedParameters: weight.inputs + weight.outputs,
          squaredError: error,
          severity: i === 2 ? 1 / 2 : 2
        } as const
      ])
      const { choices } = yield* planWithin(survey, 1e9, candidates)
      for (const [i, { chosen, cost }] of choices.entries()) {
        assert.strictEqual(chosen, candidates[i][i === 2 ? 1 : 0])
        assert.closeTo(cost / survey.sensitivities[i](error), i === 2 ? 1 / 2 : 1, 1e-12)
      }
    }).pipe(Effect.provide(services), onMockWithFiles)
  )
})

describe("rehearsedDivergence", () => {
  it.effect("is that of the whole rehearsal, whatever weights stay as they are", () =>
    Effect.gen(function* () {
      const { original, survey, predictions } = yield* surveyed
      const { chosen } = yield* planned(original, survey)
      const mixed = survey.weights.map((weight, i) =>
        weight.name === "wte" || weight.name === "h.0.mlp.c_fc" || weight.name === "h.1.attn.c_attn"
          ? whole(weight)
          : chosen[i]
      )
      for (const plan of [chosen, mixed, survey.weights.map(whole)]) {
        const { divergence } = yield* rehearse(original, survey, plan, predictions, key(5))
        const alone = yield* rehearsedDivergence(original, survey, plan, predictions, key(5))
        assert.closeTo(alone, divergence, 1e-12 + 1e-6 * divergence)
      }
    }).pipe(Effect.provide(services), onMockWithFiles)
  )
})

describe("rehearsedPlan", () => {
  it.effect("of one rehearsal is the plan by what is felt of errors alone", () =>
    Effect.gen(function* () {
      const { original, survey, predictions } = yield* surveyed
      const candidates = survey.weights.map(lowRankCandidates)
      const budget = Math.floor(0.6 * storedParameters(original))
      const { choices } = yield* planWithin(survey, budget, candidates)
      const options = { budget, candidates, key: key(5), rehearsals: 1 }
      const { predictedDivergence, ...best } = yield* rehearsedPlan(original, survey, options)
      assert.deepStrictEqual(best.choices, choices)
      const chosen = choices.map((choice) => choice.chosen)
      const { divergence } = yield* rehearse(original, survey, chosen, predictions, key(5))
      assert.closeTo(predictedDivergence / divergence, 1, 1e-6)
    }).pipe(Effect.provide(services), onMockWithFiles)
  )

  it.effect("finds a better plan where what is felt of errors was misjudged", () =>
    Effect.gen(function* () {
      const { original, predictions, survey: sound } = yield* surveyed
      // As if the last layer's errors were felt a tenth as much as they are.
      const survey = {
        ...sound,
        sensitivities: sound.sensitivities.map((felt, i) =>
          sound.weights[i].name.startsWith("h.1") ? (error: number) => felt(error) / 10 : felt
        )
      }
      const candidates = survey.weights.map(lowRankCandidates)
      const budget = Math.floor(0.6 * storedParameters(original))
      const first = yield* planWithin(survey, budget, candidates)
      const chosen = first.choices.map((choice) => choice.chosen)
      const { divergence } = yield* rehearse(original, survey, chosen, predictions, key(5))
      const shares: Array<number> = []
      const best = yield* rehearsedPlan(original, survey, { budget, candidates, key: key(5) }, (_, share) =>
        Effect.sync(() => shares.push(share))
      )
      assert.isBelow(best.predictedDivergence, 0.9 * divergence)
      assert.isAtMost(best.storedParameters, budget)
      assert.isAtMost(shares.length, 6 * survey.weights.length)
      shares.forEach((share, i) => assert.closeTo(share, (i + 1) / (6 * survey.weights.length), 1e-12))
    }).pipe(Effect.provide(services), onMockWithFiles)
  )

  it.effect("can be interrupted in a rehearsal", () =>
    Effect.gen(function* () {
      const { original, survey } = yield* surveyed
      const candidates = survey.weights.map(lowRankCandidates)
      const reached = yield* Deferred.make<void>()
      const running = yield* Effect.forkChild(
        rehearsedPlan(
          original,
          survey,
          { budget: Math.floor(0.5 * storedParameters(original)), candidates, key: key(5) },
          () => Effect.andThen(Deferred.succeed(reached, undefined), Effect.never)
        )
      )
      yield* Deferred.await(reached)
      const exit = yield* Fiber.interrupt(running).pipe(Effect.andThen(Fiber.await(running)))
      assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
    }).pipe(Effect.provide(services), onMockWithFiles)
  )
})
