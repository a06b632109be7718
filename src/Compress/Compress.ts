import { Context, Effect, Layer, type Scope } from "effect"
import { Distill } from "../Distill/index.ts"
import { Kronecker } from "../Kronecker/index.ts"
import type { Gpt2 } from "../Model/Gpt2.ts"
import type { Backend, TensorError } from "../Tensor/index.ts"
import { type BudgetOptions, planForBudget, type PlanningEvent } from "./budget/PlanForBudget.ts"
import type { BudgetPlan } from "./budget/RehearsedPlan.ts"
import { type Comparison, type ComparisonEvent, type ComparisonOptions, compare } from "./Comparison.ts"
import type { JournalError } from "./Errors.ts"
import type { PlanError, WeightPlan } from "./Plan.ts"
import { type FitOptions, type Fitted, replaceWeights } from "./Replace.ts"
import {
  compressInStages,
  type FileServices,
  type StageEvent,
  type StagesFailure,
  type StagesOptions
} from "./Stages.ts"

/** Compression of language models: weights into planned formats, at once or in distilled stages, and what each step is worth. */
export class Compress extends Context.Service<
  Compress,
  {
    /** See `replaceWeights`: the planned weights in their formats, nothing trained. */
    readonly replace: <E = never, R = never>(
      model: Gpt2,
      plans: Readonly<Record<string, WeightPlan>>,
      options: FitOptions,
      observe?: (fitted: Fitted) => Effect.Effect<unknown, E, R>
    ) => Effect.Effect<Gpt2, TensorError | E, Backend | Scope.Scope | R>
    /** See `planForBudget`: what becomes of which weight, so that the model stores at most so many numbers. */
    readonly plan: <E = never, R = never>(
      model: Gpt2,
      options: BudgetOptions,
      observe?: (event: PlanningEvent) => Effect.Effect<unknown, E, R>
    ) => Effect.Effect<BudgetPlan, TensorError | PlanError | E, Backend | R>
    /** See `compressInStages`: stage by stage, each distilled from the original. */
    readonly inStages: <E = never, R = never>(
      options: StagesOptions,
      observe?: (event: StageEvent) => Effect.Effect<unknown, E, R>
    ) => Effect.Effect<Gpt2, StagesFailure | E, Backend | FileServices | Scope.Scope | R>
    /** See `compare`: the same beside its controls, measured on held-out text. */
    readonly compare: <E = never, R = never>(
      options: ComparisonOptions,
      observe?: (event: ComparisonEvent) => Effect.Effect<unknown, E, R>
    ) => Effect.Effect<
      Comparison,
      StagesFailure | PlanError | JournalError | E,
      Backend | FileServices | Scope.Scope | R
    >
  }
>()("tesserae/Compress/Compress") {
  static readonly layer = Layer.effect(
    Compress,
    Effect.gen(function* () {
      const services = Context.make(Kronecker, yield* Kronecker).pipe(Context.add(Distill, yield* Distill))
      return Compress.of({
        plan: (model, options, observe) =>
          planForBudget(model, options, observe).pipe(Effect.provideContext(services)),
        replace: (model, plans, options, observe) =>
          replaceWeights(model, plans, options, observe).pipe(Effect.provideContext(services)),
        inStages: (options, observe) =>
          compressInStages(options, observe).pipe(Effect.provideContext(services)),
        compare: (options, observe) => compare(options, observe).pipe(Effect.provideContext(services))
      })
    })
  )
}
