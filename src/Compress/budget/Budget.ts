import { Effect } from "effect"
import type { Kronecker } from "../../Kronecker/index.ts"
import { requireFiniteParameters } from "../../Model/FiniteParameters.ts"
import { type Gpt2, storedParameters } from "../../Model/Gpt2.ts"
import { excerpt } from "../../Model/TextSet.ts"
import type { Key } from "../../Random/index.ts"
import type { Backend, TensorError } from "../../Tensor/index.ts"
import type { Calibration } from "../Calibration.ts"
import { type Candidate, lowRankCandidates } from "./Candidates.ts"
import { selectWithin } from "./Knapsack.ts"
import { type MeasuredWeight, measureWeights, type WeightMetrics } from "./MeasuredWeight.ts"
import { type Plan, PlanError } from "../Plan.ts"
import { predictionsOf, sensitivityOf } from "./Sensitivity.ts"
import { kroneckerCandidates, type TriedMetrics, triedWeights } from "./Trials.ts"

/** What is known of a model before a plan is made. */
export interface Survey {
  readonly weights: ReadonlyArray<MeasuredWeight>
  /** Of each weight: nats a token for each unit of relative squared error. */
  readonly sensitivities: ReadonlyArray<number>
  /** Of the weights that `kroneckerCandidates` tries. */
  readonly metrics: TriedMetrics
  /** Numbers of the model that no plan changes. */
  readonly fixed: number
}

/** What a weight is to become, and what that is foretold to cost. */
export interface Choice {
  readonly name: string
  readonly chosen: Candidate
  readonly sensitivity: number
}

/** A plan for a budget, and why. */
export interface BudgetPlan {
  readonly plan: Plan
  readonly choices: ReadonlyArray<Choice>
  /** Of the whole model. */
  readonly storedParameters: number
  /** The sum of sensitivity times squared error: divergence from the original, nats a token. */
  readonly predictedDivergence: number
  /** No choice among the same candidates is foretold to diverge less. */
  readonly lowerBound: number
}

export interface BudgetOptions {
  /** Numbers that the whole model may store. */
  readonly budget: number
  readonly calibration: Calibration
  readonly key: Key
}

/** Planning goes through all weights, and then through some again; `share` is that of all the work. */
export interface PlanningEvent {
  readonly step: "measured" | "tried"
  readonly name: string
  readonly share: number
}

/** "0.65" is a share of `stored`, "81M" and "2000000" are numbers that may be stored. */
export const parseBudget = (text: string, stored: number): Effect.Effect<number, PlanError> => {
  const match = /^(\d+(?:\.\d+)?)([kM]?)$/.exec(text.trim())
  const value =
    match === null ? Number.NaN : Number(match[1]) * { "": 1, k: 1e3, M: 1e6 }[match[2] as "" | "k" | "M"]
  const budget = value <= 1 ? Math.floor(value * stored) : Math.floor(value)
  return budget > 0
    ? Effect.succeed(budget)
    : Effect.fail(
        new PlanError({
          weight: "",
          reason: `"${text}" is no budget: give a share such as 0.65, or a count such as 81M`
        })
      )
}

/** Multiplications of one pass of the network over the text by which sensitivities are measured. */
const passCost = 1.25e11
const divergenceTokens = { least: 512, most: 4096 }

/**
 * Measures every weight over the calibration text: its inputs, what the loss feels of its outputs, its singular values between the two, and how
 * far the whole model's predictions move when it alone loses what a budget of about this share would take.
 */
export const surveyOf = Effect.fn("Compress.survey")(function* <E = never, R = never>(
  model: Gpt2,
  calibration: Calibration,
  share: number,
  observe: (event: PlanningEvent) => Effect.Effect<unknown, E, R> = () => Effect.void
): Effect.fn.Return<Survey, TensorError | E, Backend | R> {
  yield* requireFiniteParameters(model)
  const all = storedParameters(model)
  const { least, most } = divergenceTokens
  const text = excerpt(calibration.tokens, Math.round(Math.min(most, Math.max(least, passCost / all))))
  const kept = Math.min(0.75, Math.max(0.25, share))
  const rankOf = (inputs: number, outputs: number) =>
    Math.max(1, Math.floor((kept * inputs * outputs) / (inputs + outputs)))
  const tried = triedWeights(model)
  const count = Object.keys(model.weights).length
  const sensitivities: Array<number> = []
  const metrics: Record<string, WeightMetrics> = {}
  const weights = yield* Effect.scoped(
    Effect.flatMap(predictionsOf(model, text), (predictions) =>
      measureWeights(
        model,
        calibration,
        rankOf,
        Effect.fnUntraced(function* (measurement) {
          const { name } = measurement.weight
          if (tried.has(name)) metrics[name] = measurement.metrics
          sensitivities.push(yield* sensitivityOf(model, measurement, predictions))
          yield* observe({ step: "measured", name, share: sensitivities.length / count })
        })
      )
    )
  )
  const planned = weights.reduce((sum, { name }) => sum + model.weights[name].storedParameters, 0)
  return { weights, sensitivities, metrics, fixed: all - planned }
})

/**
 * One of its candidates for each weight, so that the model stores at most `budget` numbers and is foretold to diverge least; found exactly, but
 * for sizes rounded up to a part in 20000. Fails with `PlanError` where the candidates that store least store more than the budget.
 */
export const planWithin = Effect.fn("Compress.planWithin")(function* (
  { weights, sensitivities, fixed }: Survey,
  budget: number,
  candidates: ReadonlyArray<ReadonlyArray<Candidate>>
): Effect.fn.Return<BudgetPlan, PlanError> {
  const options = candidates.map((of, i) =>
    of.map(({ storedParameters: size, squaredError }) => ({ size, cost: sensitivities[i] * squaredError }))
  )
  const selection = budget > fixed ? selectWithin(options, budget - fixed) : undefined
  if (selection === undefined)
    return yield* cannotBeMet(
      budget,
      options.reduce((sum, sizes) => sum + Math.min(...sizes.map(({ size }) => size)), fixed)
    )
  const choices = weights.map(
    ({ name }, i): Choice => ({
      name,
      chosen: candidates[i][selection.chosen[i]],
      sensitivity: sensitivities[i]
    })
  )
  const replaced = choices.flatMap(({ name, chosen }) =>
    chosen.plan === undefined ? [] : [[name, chosen.plan] as const]
  )
  return {
    plan: {
      version: 1,
      stages: [{ name: `within ${budget} numbers`, weights: Object.fromEntries(replaced) }]
    },
    choices,
    storedParameters: selection.size + fixed,
    predictedDivergence: selection.cost,
    lowerBound: selection.lowerBound
  }
})

const cannotBeMet = (budget: number, least: number): PlanError =>
  new PlanError({
    weight: "",
    reason: `a budget of ${budget} numbers cannot be met: the candidates that store least make ${least}`
  })

/** Numbers of a model all of whose weights have rank 1: no candidate stores less. */
const leastNumbers = (model: Gpt2): number =>
  Object.values(model.weights).reduce(
    (sum, { storedParameters: own, inputs, outputs }) => sum - own + Math.min(own, inputs + outputs),
    storedParameters(model)
  )

/**
 * A plan whose model stores at most `budget` numbers and is foretold to diverge least from the original: for each weight low ranks,
 * Kronecker sums with permutations and sums of both are weighed in the metrics of its inputs and outputs over the calibration text, errors
 * count by what the whole model feels of them, and one candidate of each weight is chosen exactly. A tied head stays tied.
 *
 * Fails with `PlanError` where the candidates that store least store more than the budget.
 *
 * @example
 *   const { plan } = yield* compress.plan(model, { budget: 81e6, calibration: { tokens }, key: key(1) })
 */
export const planForBudget = Effect.fn("Compress.planForBudget")(function* <E = never, R = never>(
  model: Gpt2,
  { budget, calibration, key }: BudgetOptions,
  observe: (event: PlanningEvent) => Effect.Effect<unknown, E, R> = () => Effect.void
): Effect.fn.Return<BudgetPlan, TensorError | PlanError | E, Backend | Kronecker | R> {
  // Whether it can be met at all is known before all work.
  const least = leastNumbers(model)
  if (budget < least) return yield* cannotBeMet(budget, least)
  const survey = yield* surveyOf(model, calibration, budget / storedParameters(model), (event) =>
    observe({ ...event, share: 0.5 * event.share })
  )
  const lowRanks = survey.weights.map(lowRankCandidates)
  const sums = yield* kroneckerCandidates(model, survey.weights, survey.metrics, key, (name, share) =>
    observe({ step: "tried", name, share: 0.5 + 0.5 * share })
  )
  return yield* planWithin(
    survey,
    budget,
    survey.weights.map(({ name }, i) => [...lowRanks[i], ...(sums[name] ?? [])])
  )
})
