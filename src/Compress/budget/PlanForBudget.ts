import { Effect } from "effect"
import type { Kronecker } from "../../Kronecker/index.ts"
import { type Gpt2, storedParameters } from "../../Model/Gpt2.ts"
import type { Key } from "../../Random/index.ts"
import type { Backend, TensorError } from "../../Tensor/index.ts"
import type { Calibration } from "../Calibration.ts"
import type { PlanError } from "../Plan.ts"
import { cannotBeMet } from "./Budget.ts"
import { mixedPlan } from "./MixedPlan.ts"
import { type BudgetPlan, requireRehearsals } from "./RehearsedPlan.ts"
import { surveyOf } from "./Survey.ts"
import { kroneckerCandidates } from "./Trials.ts"

export interface BudgetOptions {
  /** Numbers that the whole model may store. */
  readonly budget: number
  /** What plans are made and, by a quarter that their fits do not see, judged by; the compression that follows may take it whole. */
  readonly calibration: Calibration
  readonly key: Key
  /** In each search: see `mixedPlan` and `RehearsedPlanOptions`. */
  readonly rehearsals?: number | undefined
}

/** Planning goes through all weights, then through some again, and through all once for each rehearsal; `share` is that of all the work. */
export interface PlanningEvent {
  readonly step: "measured" | "tried" | "rehearsed"
  readonly name: string
  readonly share: number
}

/** Numbers of a model all of whose weights have rank 1: no candidate stores less. */
const leastNumbers = (model: Gpt2): number =>
  Object.values(model.weights).reduce(
    (sum, { storedParameters: own, inputs, outputs }) => sum - own + Math.min(own, inputs + outputs),
    storedParameters(model)
  )

/**
 * A plan whose model stores at most `budget` numbers and is foretold to diverge least from the original: for each weight low ranks,
 * Kronecker sums with permutations and sums of both are weighed in the metrics of its inputs and outputs over the calibration text, errors
 * count by what the whole model feels of them, one candidate of each weight is chosen exactly, and a few such plans are rehearsed, of which the
 * best is taken (`mixedPlan`). A tied head stays tied.
 *
 * Fails with `PlanError` where the candidates that store least store more than the budget, and for less than one rehearsal.
 *
 * @example
 *   const { plan } = yield* compress.plan(model, { budget: 81e6, calibration: { tokens }, key: key(1) })
 */
export const planForBudget = Effect.fn("Compress.planForBudget")(function* <E = never, R = never>(
  model: Gpt2,
  { budget, calibration, key, rehearsals }: BudgetOptions,
  observe: (event: PlanningEvent) => Effect.Effect<unknown, E, R> = () => Effect.void
): Effect.fn.Return<BudgetPlan, TensorError | PlanError | E, Backend | Kronecker | R> {
  // Whether it can be met at all is known before all work.
  yield* requireRehearsals(rehearsals)
  const least = leastNumbers(model)
  if (budget < least) return yield* cannotBeMet(budget, least)
  const survey = yield* surveyOf(model, calibration, budget / storedParameters(model), (name, share) =>
    observe({ step: "measured", name, share: 0.3 * share })
  )
  const sums = yield* kroneckerCandidates(model, survey, key, (name, share) =>
    observe({ step: "tried", name, share: 0.3 + 0.3 * share })
  )
  return yield* mixedPlan(model, survey, sums, { budget, key, rehearsals }, (name, share) =>
    observe({ step: "rehearsed", name, share: 0.6 + 0.4 * share })
  )
})
