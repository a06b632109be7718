import { Effect } from "effect"
import type { Kronecker } from "../../Kronecker/index.ts"
import type { Gpt2 } from "../../Model/Gpt2.ts"
import type { Backend, TensorError } from "../../Tensor/index.ts"
import type { PlanError } from "../Plan.ts"
import { planWithin } from "./Budget.ts"
import { lowRankCandidates } from "./Candidates.ts"
import { sumSizes } from "./Formats.ts"
import { lostStoring } from "./MeasuredWeight.ts"
import { type BudgetPlan, rehearsedPlan, type RehearsedPlanOptions } from "./RehearsedPlan.ts"
import type { Survey } from "./Survey.ts"
import type { TriedSums } from "./Trials.ts"
import { isLarge, kindsOf } from "./TriedWeights.ts"

/**
 * The best plan of low ranks, Kronecker sums and sums of both that two searches find: among all candidates of each weight, and among those of one
 * format for each kind of weight. What is felt of an error among others is known but roughly, and a choice among many formats goes after chance: on
 * the shipped model at half of the numbers, the second search finds plans that diverge less by a twentieth and more. Of models whose sums are too large
 * to be fitted in rehearsals there is the first alone. `tried`: by a survey of the same model, for about this share of its numbers. Fails as
 * `rehearsedPlan`.
 */
export const mixedPlan = Effect.fn("Compress.mixedPlan")(function* <E = never, R = never>(
  model: Gpt2,
  survey: Survey,
  tried: TriedSums,
  options: Omit<RehearsedPlanOptions, "candidates">,
  observe: (name: string, share: number) => Effect.Effect<unknown, E, R> = () => Effect.void
): Effect.fn.Return<BudgetPlan, TensorError | PlanError | E, Backend | Kronecker | R> {
  const uniform = oneFormatPerKind(survey, tried)
  const searchesTwice =
    uniform !== undefined && (yield* Effect.isSuccess(planWithin(survey, options.budget, uniform)))
  const search = (candidates: Candidates, from: number, to: number) =>
    rehearsedPlan(model, survey, { ...options, candidates }, (name, share) =>
      observe(name, from + share * (to - from))
    )
  const found = yield* search(allFormats(survey, tried), 0, searchesTwice ? 1 / 2 : 1)
  if (!searchesTwice) return found
  const other = yield* search(uniform, 1 / 2, 1)
  return other.predictedDivergence < found.predictedDivergence ? other : found
})

type Candidates = RehearsedPlanOptions["candidates"]

export const allFormats = ({ weights }: Survey, tried: TriedSums): Candidates =>
  weights.map((weight) => [...lowRankCandidates(weight), ...(tried[weight.name] ?? [])])

/**
 * One product with low ranks beside it for the kinds of weights in which that is felt less than low ranks of the same size, by its trials and on the
 * mean over all sizes; low ranks for the others. undefined where there is no such kind that can be rehearsed.
 */
export const oneFormatPerKind = (
  { weights, sensitivities }: Survey,
  tried: TriedSums
): Candidates | undefined => {
  const known = weights.map((weight, i) => ({ ...weight, felt: sensitivities[i] }))
  const asSums = kindsOf(known).flatMap((kind) => {
    // Of sides that do not divide there are no sums but the weight as it is.
    if (isLarge(kind[0]) || sumSizes(kind[0]).length === 1) return []
    const ratios = kind.flatMap((weight) =>
      (tried[weight.name] ?? []).flatMap(({ plan, storedParameters, squaredError, severity = 1 }) => {
        if (plan?.format !== "kronecker" || plan.rank === undefined) return []
        const ofLowRank = weight.felt(lostStoring(weight, storedParameters))
        const own = severity * weight.felt(squaredError)
        return own > 0 && ofLowRank > 0 ? [Math.log(own / ofLowRank)] : []
      })
    )
    return ratios.reduce((sum, one) => sum + one, 0) < 0 ? kind.map(({ name }) => name) : []
  })
  return asSums.length === 0
    ? undefined
    : weights.map((weight) => (asSums.includes(weight.name) ? sumSizes(weight) : lowRankCandidates(weight)))
}
