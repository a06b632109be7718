import { Effect } from "effect"
import { ShapeError } from "../Tensor/index.ts"
import type { ModelConfig } from "./ModelConfig.ts"

export interface TextBatchOptions {
  /** Tokens in a window; default the model's positions, at most 256. */
  readonly context?: number | undefined
  /** Windows that go through the network together; default as many as make about 2048 tokens. */
  readonly rows?: number | undefined
}

/** Windows of a text that go through the network together. */
export interface TextBatch {
  /** [windows, tokens of each] */
  readonly shape: readonly [number, number]
  readonly tokens: Int32Array
}

const tokensTogether = 2048
const usualContext = 256

/** A text cut into windows side by side, the last of which may be short and is then on its own. Fails with `ShapeError` for an empty text. */
export const textBatches = (
  { n_positions }: ModelConfig,
  tokens: Int32Array,
  options: TextBatchOptions = {}
): Effect.Effect<ReadonlyArray<TextBatch>, ShapeError> => {
  const context = options.context ?? Math.min(usualContext, n_positions)
  const rows = options.rows ?? Math.max(1, Math.floor(tokensTogether / context))
  if (tokens.length === 0 || !(context >= 1 && rows >= 1))
    return Effect.fail(
      new ShapeError({
        operation: "textBatches",
        reason: `needs a text, windows and batches of at least 1, not ${tokens.length} tokens in ${rows} windows of ${context}`,
        shapes: [[tokens.length]]
      })
    )
  const whole = Math.floor(tokens.length / context)
  const batches: Array<TextBatch> = []
  for (let first = 0; first * context < tokens.length; ) {
    const count = first < whole ? Math.min(rows, whole - first) : 1
    const part = tokens.subarray(first * context, (first + count) * context)
    batches.push({ shape: [count, part.length / count], tokens: part })
    first += count
  }
  return Effect.succeed(batches)
}
