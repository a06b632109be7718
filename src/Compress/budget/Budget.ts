import { Effect } from "effect"
import { type Plan, PlanError } from "../Plan.ts"
import type { Candidate } from "./Candidates.ts"
import { selectWithin } from "./Knapsack.ts"
import type { Survey } from "./Survey.ts"

/** What a weight is to become, and what that is foretold to cost. */
export interface Choice {
  readonly name: string
  readonly chosen: Candidate
  /** Its part of the plan's cost. */
  readonly cost: number
}

/** Numbers shared out among the weights, and why so. */
export interface Allocation {
  readonly plan: Plan
  readonly choices: ReadonlyArray<Choice>
  /** Of the whole model. */
  readonly storedParameters: number
  /** What is felt of each weight's error by its sensitivity and interaction, in nats a token, added up: by this the candidates were chosen. */
  readonly cost: number
  /** No choice among the same candidates costs less. */
  readonly lowerBound: number
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

/**
 * One of its candidates for each weight, so that the model stores at most `budget` numbers and what is felt of all errors is least; found exactly,
 * but for sizes rounded up to a part in 20000. `interactions`: how many times as much as alone each weight's error is felt; default 1. Fails with `PlanError` where the candidates that store least store more than the budget.
 */
export const planWithin = Effect.fn("Compress.planWithin")(function* (
  { weights, sensitivities, fixed }: Survey,
  budget: number,
  candidates: ReadonlyArray<ReadonlyArray<Candidate>>,
  interactions?: ReadonlyArray<number>
): Effect.fn.Return<Allocation, PlanError> {
  const options = candidates.map((of, i) =>
    of.map(({ storedParameters: size, squaredError, severity = 1 }) => ({
      size,
      cost: (interactions?.[i] ?? 1) * severity * sensitivities[i](squaredError)
    }))
  )
  const selection = budget > fixed ? selectWithin(options, budget - fixed) : undefined
  if (selection === undefined)
    return yield* cannotBeMet(
      budget,
      options.reduce((sum, sizes) => sum + Math.min(...sizes.map(({ size }) => size)), fixed)
    )
  const choices = weights.map(({ name }, i): Choice => {
    const place = selection.chosen[i]
    return { name, chosen: candidates[i][place], cost: options[i][place].cost }
  })
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
    cost: selection.cost,
    lowerBound: selection.lowerBound
  }
})

/** A budget that is less than what can be stored at all. */
export const cannotBeMet = (budget: number, least: number): PlanError =>
  new PlanError({
    weight: "",
    reason: `a budget of ${budget} numbers cannot be met: the candidates that store least make ${least}`
  })
