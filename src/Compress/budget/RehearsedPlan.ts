import { Effect } from "effect"
import type { Kronecker } from "../../Kronecker/index.ts"
import { type Gpt2, storedParameters } from "../../Model/Gpt2.ts"
import type { Key } from "../../Random/index.ts"
import type { Backend, TensorError } from "../../Tensor/index.ts"
import { PlanError } from "../Plan.ts"
import { type Allocation, type Choice, planWithin } from "./Budget.ts"
import type { Candidate } from "./Candidates.ts"
import { predictionsOf } from "./Divergence.ts"
import { type Rehearsal, rehearse, rehearsedDivergence } from "./Rehearsal.ts"
import { boundedMultiple } from "./Sensitivity.ts"
import type { Survey } from "./Survey.ts"

/** A plan for a budget, and why. */
export interface BudgetPlan extends Allocation {
  /** Of the compressed model's predictions from the original's, in nats a token, as a rehearsal found it. */
  readonly predictedDivergence: number
}

export interface RehearsedPlanOptions {
  /** Numbers that the whole model may store. */
  readonly budget: number
  /** For each weight what it may become. */
  readonly candidates: ReadonlyArray<ReadonlyArray<Candidate>>
  /** Of the searches for Kronecker sums. */
  readonly key: Key
  /** Plans that are rehearsed, at most, from 1; default 6, of models of 50 million numbers and more, where one takes minutes, 3. */
  readonly rehearsals?: number | undefined
}

const rehearsals = { usual: 6, ofLarge: 3, large: 5e7 }

/**
 * The best of a few plans within a budget, by the divergences of their rehearsals. The first takes what is felt of each weight's error alone; each
 * after it goes half way, by factors, to what was felt of it among the others. Fails as `planWithin`, with `PlanError` for less than one rehearsal, and with `NumericalError` where a
 * rehearsed model's numbers are not finite. `observe` hears of each weight when it is done, and of the share of the work done.
 */
export const rehearsedPlan = Effect.fn("Compress.rehearsedPlan")(function* <E = never, R = never>(
  model: Gpt2,
  survey: Survey,
  { budget, candidates, key, rehearsals: asked }: RehearsedPlanOptions,
  observe: (name: string, share: number) => Effect.Effect<unknown, E, R> = () => Effect.void
): Effect.fn.Return<BudgetPlan, TensorError | PlanError | E, Backend | Kronecker | R> {
  yield* requireRehearsals(asked)
  return yield* Effect.scoped(
    Effect.gen(function* () {
      const original = yield* predictionsOf(model, survey.validation)
      const usual = storedParameters(model) < rehearsals.large ? rehearsals.usual : rehearsals.ofLarge
      const count = asked ?? usual
      const fits = count * survey.weights.length
      let fitted = 0
      let interactions: ReadonlyArray<number> = survey.weights.map(() => 1)
      const rehearsed: Array<Allocation & Rehearsal> = []
      // A plan that comes again needs no rehearsal, and half a step further there may be another.
      for (let step = 0; step < 2 * count && rehearsed.length < count; step++) {
        const plan = yield* planWithin(survey, budget, candidates, interactions)
        const chosen = plan.choices.map((choice) => choice.chosen)
        const seen = (name: string) => observe(name, ++fitted / fits)
        const known = rehearsed.find(({ choices }) => areSame(choices, plan.choices))
        if (known === undefined && (rehearsed.length === count - 1 || step === 2 * count - 1)) {
          // No plan comes after it, for which what is felt of its errors would be asked.
          const divergence = yield* rehearsedDivergence(model, survey, chosen, original, key, seen)
          rehearsed.push({ ...plan, divergence, interactions: [] })
          break
        }
        const found = known ?? (yield* rehearse(model, survey, chosen, original, key, seen))
        if (known === undefined) rehearsed.push({ ...plan, ...found })
        interactions = interactions.map((one, i) => Math.sqrt(one * boundedMultiple(found.interactions[i])))
      }
      const {
        divergence,
        interactions: _,
        ...best
      } = rehearsed.reduce((one, other) => (other.divergence < one.divergence ? other : one))
      return { ...best, predictedDivergence: divergence }
    })
  )
})

/** Fails with `PlanError` where a number of rehearsals is given that is none. */
export const requireRehearsals = (asked: number | undefined): Effect.Effect<void, PlanError> =>
  asked === undefined || (Number.isInteger(asked) && asked >= 1)
    ? Effect.void
    : Effect.fail(
        new PlanError({
          weight: "",
          reason: `${asked} plans cannot be rehearsed: give 1 or more, or none for the default`
        })
      )

const areSame = (some: ReadonlyArray<Choice>, others: ReadonlyArray<Choice>): boolean =>
  some.every(({ chosen }, i) => chosen === others[i].chosen)
