import { Effect } from "effect"
import type { Kronecker } from "../../Kronecker/index.ts"
import { type Gpt2, storedParameters } from "../../Model/Gpt2.ts"
import { excerpt } from "../../Model/TextSet.ts"
import type { Key } from "../../Random/index.ts"
import type { Backend, TensorError } from "../../Tensor/index.ts"
import type { Calibration } from "../Calibration.ts"
import { type Candidate, lowRankCandidates } from "./Candidates.ts"
import { selectWithin } from "./Knapsack.ts"
import { type MeasuredWeight, measureWeights } from "./MeasuredWeight.ts"
import { type Plan, PlanError } from "../Plan.ts"
import { sensitivityOf } from "./Sensitivity.ts"
import { kroneckerCandidates } from "./Trials.ts"

/** What a weight is to become, and what that is foretold to cost. */
export interface Choice {
  readonly name: string
  readonly chosen: Candidate
  /** Nats a token for each unit of squared error. */
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

/** Planning goes through the weights three times; `share` is that of all the work. */
export interface PlanningEvent {
  readonly step: "measured" | "tried" | "sensitivity"
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
const passCost = 2.5e11
const divergenceTokens = { least: 512, most: 8192 }

/**
 * A plan whose model stores at most `budget` numbers and is foretold to diverge least from the original: for each weight low ranks,
 * Kronecker sums with permutations and sums of both are weighed in the metrics of its inputs and outputs over the calibration text, errors
 * count by what the whole model feels of them, and one candidate of each weight is chosen exactly. A tied head stays tied.
 *
 * Fails with `PlanError` where the candidates that store least store more than the budget.
 */
export const planForBudget = Effect.fn("Compress.planForBudget")(function* <E = never, R = never>(
  model: Gpt2,
  { budget, calibration, key }: BudgetOptions,
  observe: (event: PlanningEvent) => Effect.Effect<unknown, E, R> = () => Effect.void
): Effect.fn.Return<BudgetPlan, TensorError | PlanError | E, Backend | Kronecker | R> {
  let measured = 0
  const count = Object.keys(model.weights).length
  const weights = yield* measureWeights(model, calibration, (name) =>
    observe({ step: "measured", name, share: (0.2 * ++measured) / count })
  )
  const fixed =
    storedParameters(model) - weights.reduce((sum, { name }) => sum + model.weights[name].storedParameters, 0)
  const lowRanks = weights.map(lowRankCandidates)
  yield* within(lowRanks, budget - fixed, budget)
  const sums = yield* kroneckerCandidates(model, weights, key, (name, share) =>
    observe({ step: "tried", name, share: 0.2 + 0.6 * share })
  )
  const text = excerpt(
    calibration.tokens,
    Math.round(
      Math.min(divergenceTokens.most, Math.max(divergenceTokens.least, passCost / storedParameters(model)))
    )
  )
  const share = Math.min(0.75, Math.max(0.25, budget / storedParameters(model)))
  const felt: Array<number> = []
  for (const [i, weight] of weights.entries()) {
    felt.push(yield* sensitivityOf(model, weight.name, weight, rankFor(weight, share), text))
    yield* observe({ step: "sensitivity", name: weight.name, share: 0.8 + (0.2 * (i + 1)) / weights.length })
  }
  const candidates = weights.map(({ name }, i) => [...lowRanks[i], ...(sums[name] ?? [])])
  const selection = yield* within(candidates, budget - fixed, budget, felt)
  const choices = weights.map(
    ({ name }, i): Choice => ({ name, chosen: candidates[i][selection.chosen[i]], sensitivity: felt[i] })
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

const rankFor = ({ inputs, outputs }: MeasuredWeight, share: number): number =>
  Math.max(1, Math.floor((share * inputs * outputs) / (inputs + outputs)))

/** The choice within the capacity that costs least. Without sensitivities the question is only whether there is one. */
const within = (
  candidates: ReadonlyArray<ReadonlyArray<Candidate>>,
  capacity: number,
  budget: number,
  felt?: ReadonlyArray<number>
) => {
  const options = candidates.map((of, i) =>
    of.map(({ storedParameters: size, squaredError }) => ({ size, cost: (felt?.[i] ?? 1) * squaredError }))
  )
  const selection = capacity > 0 ? selectWithin(options, capacity) : undefined
  if (selection !== undefined) return Effect.succeed(selection)
  const least = options.reduce((sum, sizes) => sum + Math.min(...sizes.map(({ size }) => size)), 0)
  return Effect.fail(
    new PlanError({
      weight: "",
      reason: `a budget of ${budget} numbers cannot be met: the candidates that store least make ${least + budget - capacity}`
    })
  )
}
