import { Effect } from "effect"
import { type EvaluationOptions, evaluateModel } from "../../Model/Evaluation.ts"
import type { PassageError } from "../../Model/LastWord.ts"
import { besideReference, type EvaluationMismatch } from "../../Model/SideBySide.ts"
import type { Tokenizer, TokenizerError } from "../../Model/Tokenizer.ts"
import type { Backend, TensorError } from "../../Tensor/index.ts"
import type { Comparison, RowName } from "../Comparison.ts"
import type { RunRecord } from "./RunRecord.ts"
import { weightFacts } from "./WeightFacts.ts"

export interface RecordRunOptions
  extends Pick<RunRecord, "source" | "license" | "command" | "text" | "distillation" | "plan"> {
  readonly comparison: Comparison
  readonly tokenizer: Tokenizer
  /** What the original and the result are both asked. */
  readonly questions: Omit<EvaluationOptions, "name">
}

const originalRow: RowName = "original"

/**
 * What a comparison has made, ready for `compressionReport`, `modelCard` and a file: measures the original and the result, and looks at
 * each weight. Fails as `evaluateModel` and `weightFacts` do.
 *
 * @example
 *   const record = yield* recordRun({ source: "gpt2", license: "mit", command, text, distillation, plan, ... })
 */
export const recordRun = Effect.fn("Compress.recordRun")(function* ({
  comparison,
  tokenizer,
  questions,
  ...given
}: RecordRunOptions): Effect.fn.Return<
  RunRecord,
  TensorError | PassageError | TokenizerError | EvaluationMismatch,
  Backend
> {
  const { rows, curves, original, model, resultRow } = comparison
  const before = yield* evaluateModel(original, tokenizer, { ...questions, name: given.source })
  const after = yield* evaluateModel(model, tokenizer, {
    ...questions,
    name: `${given.source}, compressed`
  })
  return {
    ...given,
    rows,
    originalRow,
    resultRow,
    curves,
    weights: yield* weightFacts(original, model),
    sideBySide: yield* besideReference(before, after)
  }
})
