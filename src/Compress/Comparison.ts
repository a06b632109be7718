import { Effect, Path, type Scope } from "effect"
import type { Distill } from "../Distill/index.ts"
import type { Kronecker } from "../Kronecker/index.ts"
import { requireFiniteParameters } from "../Model/FiniteParameters.ts"
import { type Gpt2, storedBytes, storedParameters, weightSizes } from "../Model/Gpt2.ts"
import { perplexity } from "../Model/Perplexity.ts"
import type { EvaluationWindows } from "../Model/PerplexityProtocol.ts"
import type { Backend, TensorError } from "../Tensor/index.ts"
import type { Curve } from "./Curve.ts"
import type { JournalError } from "./Errors.ts"
import { inFreeOrder } from "./FreeOrders.ts"
import { openJournal, type Row } from "./Journal.ts"
import { finalWeights, lowRankControl, type Plan, type PlanError, validate, withPermute } from "./Plan.ts"
import { relativeError, replaceWeights } from "./Replace.ts"
import {
  compressInStages,
  type FileServices,
  type StageEvent,
  type StagesFailure,
  type StagesOptions
} from "./Stages.ts"

/** The lines of the comparison: what becomes of a plan of Kronecker sums, or of a mixed plan, beside the control. */
export type RowName =
  | "original"
  | "svd"
  | "kronecker"
  | "kronecker-permuted"
  | "kronecker-permuted-distilled"
  | "plan"
  | "plan-distilled"
  | "svd-distilled"

export type ComparisonEvent =
  | { readonly _tag: "started"; readonly row: RowName }
  | { readonly _tag: "measured"; readonly row: Row }
  | { readonly _tag: "stage"; readonly row: RowName; readonly event: StageEvent }

export interface ComparisonOptions extends StagesOptions {
  /** Held-out text. */
  readonly evaluation: EvaluationWindows
  /**
   * What the plan is: of Kronecker sums whose permutations are to be judged too, or mixed; that decides the rows and their names. Default
   * "kronecker".
   */
  readonly kind?: "kronecker" | "mixed" | undefined
  /** All that decides the outcome, for telling this run from others. */
  readonly identity: string
  /** Whether to go on from what lies in `directory`. */
  readonly resume: boolean
}

export interface Comparison {
  readonly rows: ReadonlyArray<Row>
  /** How the loss went in each distillation. */
  readonly curves: ReadonlyArray<Curve>
  /** The original, its hidden units in the plan's free order if there is one: what the weights of `model` are to be compared with. */
  readonly original: Gpt2
  /** What the plan makes of the original, in stages, each distilled. */
  readonly model: Gpt2
  /** The row of that model. */
  readonly resultRow: RowName
}

/** A model's line. */
export const measure = Effect.fn("Compress.measure")(function* (
  name: string,
  model: Gpt2,
  original: Gpt2,
  evaluation: EvaluationWindows
): Effect.fn.Return<Row, TensorError, Backend> {
  const report = yield* perplexity(model, evaluation)
  return {
    name,
    storedParameters: storedParameters(model),
    storedBytes: storedBytes(model),
    relativeError: yield* relativeError(model, original),
    perplexity: report.perplexity,
    tokensPerSecond: report.tokensPerSecond
  }
})

/**
 * Compresses a model by a plan and says what each part of the method is worth: the original; a truncated SVD of every planned
 * weight with at most as many stored numbers (the control); the plan without permutations, unless it is mixed; the plan; the same in stages with
 * distillation; and the control in the same stages with the same distillation. The compressed model belongs to the scope.
 *
 * Fails with `PlanError` where the plan does not fit the model, with `JournalError` where `directory` holds another run's
 * progress; everything else that it fails with comes from reading, writing and computing.
 */
export const compare = Effect.fn("Compress.compare")(function* <E = never, R = never>(
  options: ComparisonOptions,
  observe: (event: ComparisonEvent) => Effect.Effect<unknown, E, R> = () => Effect.void
): Effect.fn.Return<
  Comparison,
  StagesFailure | PlanError | JournalError | E,
  Backend | Kronecker | Distill | FileServices | Scope.Scope | R
> {
  const { original, plan, fit, evaluation, directory } = options
  const { join } = yield* Path.Path
  const isMixed = options.kind === "mixed"
  const sizes = weightSizes(original.config)
  yield* validate(plan, sizes)
  yield* requireFiniteParameters(original)
  const control = lowRankControl(plan, sizes)
  const ordered = yield* inFreeOrder(original, finalWeights(plan), fit)
  const journal = yield* openJournal(directory, options.identity, options.resume)

  const row = <E2, R2>(
    name: RowName,
    make: Effect.Effect<Gpt2, E2, R2 | Scope.Scope>,
    reference: Gpt2 = ordered
  ): Effect.Effect<void, E2 | StagesFailure | E, R2 | Backend | FileServices | R> =>
    Effect.scoped(
      Effect.gen(function* () {
        if (journal.rows.some((finished) => finished.name === name)) return
        yield* observe({ _tag: "started", row: name })
        const measured = yield* measure(name, yield* make, reference, evaluation)
        yield* journal.add(measured)
        yield* observe({ _tag: "measured", row: measured })
      })
    )

  const atOnce = (name: RowName, chosen: Plan, from: Gpt2 = ordered) =>
    replaceWeights(from, finalWeights(chosen), fit, (fitted) =>
      observe({ _tag: "stage", row: name, event: { _tag: "fitted", stage: "all", fitted } })
    )
  const inStages = (name: RowName, chosen: Plan) =>
    compressInStages(
      { ...options, original: ordered, plan: chosen, directory: join(directory, name) },
      (event) =>
        Effect.andThen(
          event._tag === "distilled"
            ? journal.addPoint(name, { stage: event.stage, step: event.step, loss: event.loss })
            : Effect.void,
          observe({ _tag: "stage", row: name, event })
        )
    )

  yield* row("original", Effect.succeed(ordered))
  yield* row("svd", atOnce("svd", control))
  if (!isMixed) yield* row("kronecker", atOnce("kronecker", withPermute(plan, "none"), original), original)
  const fitted = isMixed ? "plan" : "kronecker-permuted"
  yield* row(fitted, atOnce(fitted, plan))
  const resultRow = `${fitted}-distilled` as const
  const compressed = yield* inStages(resultRow, plan)
  yield* row(resultRow, Effect.succeed(compressed))
  yield* row("svd-distilled", inStages("svd-distilled", control))
  return {
    rows: journal.rows,
    curves: yield* journal.curves,
    original: ordered,
    model: compressed,
    resultRow
  }
})
