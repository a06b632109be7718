import { Effect } from "effect"
import type { Kronecker } from "../../Kronecker/index.ts"
import type { Gpt2 } from "../../Model/Gpt2.ts"
import type { Backend, TensorError } from "../../Tensor/index.ts"
import type { PlanError } from "../Plan.ts"
import { type Candidate, lowRankCandidates } from "./Candidates.ts"
import { sumSizes } from "./Formats.ts"
import { type BudgetPlan, rehearsedPlan, type RehearsedPlanOptions } from "./RehearsedPlan.ts"
import type { Survey } from "./Survey.ts"
import { kindsOf } from "./TriedWeights.ts"

/** Kronecker sums by the weights' names: see `kroneckerCandidates`. */
export type TriedSums = Readonly<Record<string, ReadonlyArray<Candidate>>>

/**
 * The best plan of low ranks, Kronecker sums and sums of both that two searches find: among all candidates of each weight, and among those of one format for
 * each kind of weight. What is felt of an error among others is known but roughly, and a choice among many formats goes after chance: on the shipped
 * model at half of the numbers, the second search finds plans that diverge a tenth less. Fails as `rehearsedPlan`.
 */
export const mixedPlan = Effect.fn("Compress.mixedPlan")(function* <E = never, R = never>(
  model: Gpt2,
  survey: Survey,
  tried: TriedSums,
  options: Omit<RehearsedPlanOptions, "candidates">,
  observe: (name: string, share: number) => Effect.Effect<unknown, E, R> = () => Effect.void
): Effect.fn.Return<BudgetPlan, TensorError | PlanError | E, Backend | Kronecker | R> {
  const hasSums = Object.keys(tried).length > 0
  const search = (candidates: Candidates, first: number, last: number) =>
    rehearsedPlan(model, survey, { ...options, candidates }, (name, share) =>
      observe(name, first + share * (last - first))
    )
  const free = yield* search(allFormats(survey, tried), 0, hasSums ? 1 / 2 : 1)
  if (!hasSums) return free
  const candidates = oneFormatPerKind(survey, tried)
  // The least of its sums may store more than the budget allows.
  const uniform = yield* search(candidates, 1 / 2, 1).pipe(
    Effect.catchTag("PlanError", () => Effect.succeed(free))
  )
  return uniform.predictedDivergence < free.predictedDivergence ? uniform : free
})

type Candidates = RehearsedPlanOptions["candidates"]

export const allFormats = ({ weights }: Survey, tried: TriedSums): Candidates =>
  weights.map((weight) => [...lowRankCandidates(weight), ...(tried[weight.name] ?? [])])

/** One product with a low rank beside it for the kinds of weights in which that is felt less than low ranks of the same size, by its trials; low ranks for the others. */
export const oneFormatPerKind = ({ weights, sensitivities }: Survey, tried: TriedSums): Candidates => {
  const felt = new Map(weights.map(({ name }, i) => [name, sensitivities[i]]))
  const asSums = kindsOf(weights).flatMap((kind) => {
    const ratios = kind.flatMap(({ name, inputs, outputs, lost }) =>
      (tried[name] ?? []).flatMap(({ plan, storedParameters, squaredError, severity = 1 }) => {
        if (plan?.format !== "kronecker" || plan.rank === undefined) return []
        const sensitivity = felt.get(name)!
        const ofLowRank = sensitivity(lost(Math.floor(storedParameters / (inputs + outputs))))
        const own = severity * sensitivity(squaredError)
        return own > 0 && ofLowRank > 0 ? [Math.log(own / ofLowRank)] : []
      })
    )
    return ratios.reduce((sum, one) => sum + one, 0) < 0 ? kind.map(({ name }) => name) : []
  })
  return weights.map((weight) =>
    asSums.includes(weight.name) ? sumSizes(weight) : lowRankCandidates(weight)
  )
}
