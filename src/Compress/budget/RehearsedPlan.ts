import { Effect } from "effect"
import { type Gpt2, storedParameters } from "../../Model/Gpt2.ts"
import type { Backend, TensorError } from "../../Tensor/index.ts"
import type { Calibration } from "../Calibration.ts"
import type { PlanError } from "../Plan.ts"
import { type BudgetPlan, type Choice, planWithin } from "./Budget.ts"
import type { Candidate } from "./Candidates.ts"
import { rehearse } from "./Rehearsal.ts"
import type { Survey } from "./Survey.ts"

/** Plans that are rehearsed, at most; one of a model of many numbers takes minutes. */
const rehearsals = { usual: 8, ofLarge: 3, large: 5e7 }

/** A weight's error is taken to be felt by no less and no more, of what is felt of it alone: a plan must not rest on errors that are welcome. */
const { least, most } = { least: 1 / 3, most: 4 }

/**
 * The best of a few plans, by what their models are found to diverge where each is rehearsed. The first takes what is felt of each weight's
 * error alone; each after it half way, by factors, to what was felt of it among the others of the plan before, until a plan comes again.
 */
export const rehearsedPlan = Effect.fn("Compress.rehearsedPlan")(function* <E = never, R = never>(
  model: Gpt2,
  survey: Survey,
  budget: number,
  candidates: ReadonlyArray<ReadonlyArray<Candidate>>,
  calibration: Calibration,
  observe: (name: string, share: number) => Effect.Effect<unknown, E, R> = () => Effect.void
): Effect.fn.Return<BudgetPlan, TensorError | PlanError | E, Backend | R> {
  const count = storedParameters(model) < rehearsals.large ? rehearsals.usual : rehearsals.ofLarge
  const steps = count * survey.weights.length
  let done = 0
  let felt: ReadonlyArray<number> = survey.weights.map(() => 1)
  let next = yield* planWithin(survey, budget, candidates, felt)
  const rehearsed: Array<BudgetPlan> = []
  while (rehearsed.length < count && !rehearsed.some(({ choices }) => areSame(choices, next.choices))) {
    const errors = next.choices.map(({ chosen }) => chosen.squaredError)
    const { divergence, company } = yield* rehearse(model, survey, errors, calibration, (name) =>
      observe(name, ++done / steps)
    )
    rehearsed.push({ ...next, predictedDivergence: divergence })
    felt = felt.map((factor, i) => Math.sqrt(factor * Math.min(most, Math.max(least, company[i]))))
    next = yield* planWithin(survey, budget, candidates, felt)
  }
  return rehearsed.reduce((best, one) => (one.predictedDivergence < best.predictedDivergence ? one : best))
})

const areSame = (some: ReadonlyArray<Choice>, others: ReadonlyArray<Choice>): boolean =>
  some.every(({ chosen }, i) => chosen === others[i].chosen)
