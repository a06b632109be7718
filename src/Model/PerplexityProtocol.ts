import { Effect, Schema } from "effect"
import { type Batch, notCounted, WindowError } from "./TextSet.ts"

/**
 * How a perplexity is measured; it is only comparable with one measured in the same way.
 *
 * - `sliding`: windows of `context` inputs that overlap by half; every token of the text but the first is predicted once, from at
 *   least half a window of history where there is that much; perplexity = exp of the mean over the tokens.
 * - `windows`: windows of `context` tokens side by side, in each of which all tokens but its first are predicted; perplexity = exp of
 *   the mean of the windows' mean losses. This is how the WikiText figures of GPT-2's compressed relatives were measured.
 */
export const PerplexityProtocol = Schema.Literals(["sliding", "windows"])
export type PerplexityProtocol = typeof PerplexityProtocol.Type

/** The protocol where none is named. */
export const defaultProtocol: PerplexityProtocol = "sliding"

/** The windows in which a text's perplexity is measured. */
export interface EvaluationWindows {
  readonly protocol: PerplexityProtocol
  readonly context: number
  readonly count: number
  /** How many targets count, in all windows together. */
  readonly countedTargets: number
  /** Windows `first` to at most `first + rows`; the end of a short one is filled with token 0, which no counted target sees. */
  readonly batch: (first: number, rows: number) => Batch
  /**
   * The text's mean loss, whose exponential is the perplexity. lossSums: [count], the sum of each window's counted losses.
   */
  readonly meanLoss: (lossSums: ArrayLike<number>) => number
}

/**
 * The windows by which a token stream is judged. Fails with `WindowError` for fewer than two tokens, or windows that predict nothing.
 *
 * @example
 * const windows = yield* evaluationWindows(heldOut.tokens, 128, "sliding")
 * const { inputs, targets } = windows.batch(0, 16)
 */
export const evaluationWindows = (
  tokens: Int32Array,
  context: number,
  protocol: PerplexityProtocol = defaultProtocol
): Effect.Effect<EvaluationWindows, WindowError> => {
  // Side by side, a window's own last token has no target in it, so that a window of one token predicts nothing.
  const shortest = protocol === "windows" ? 2 : 1
  if (tokens.length < 2 || context < shortest) {
    const reason = `the protocol "${protocol}" needs two tokens of text and windows of at least ${shortest}`
    return Effect.fail(new WindowError({ tokens: tokens.length, context, reason }))
  }
  const bounds =
    protocol === "windows" ? sideBySide(tokens.length, context) : overlapping(tokens.length, context)
  const counted = (window: number) => bounds[window].end - bounds[window].counted

  const batch = (first: number, rows: number): Batch => {
    const chosen = bounds.slice(first, first + rows)
    const inputs = new Int32Array(chosen.length * context)
    const targets = new Int32Array(chosen.length * context).fill(notCounted)
    chosen.forEach(({ start, counted, end }, row) => {
      inputs.set(tokens.subarray(start, Math.min(start + context, tokens.length)), row * context)
      targets.set(tokens.subarray(counted, end), row * context + counted - 1 - start)
    })
    return { rows: chosen.length, context, inputs, targets }
  }

  const meanLoss = (lossSums: ArrayLike<number>): number => {
    let sum = 0
    for (let i = 0; i < bounds.length; i++)
      sum += protocol === "windows" ? lossSums[i] / counted(i) : lossSums[i]
    return sum / (protocol === "windows" ? bounds.length : tokens.length - 1)
  }

  const countedTargets = bounds.reduce((total, _, i) => total + counted(i), 0)
  return Effect.succeed({ protocol, context, count: bounds.length, countedTargets, batch, meanLoss })
}

// A window's inputs begin at `start`; the tokens from `counted` up to, not including, `end` are its targets.
interface Bounds {
  readonly start: number
  readonly counted: number
  readonly end: number
}

const sideBySide = (length: number, context: number): Array<Bounds> => {
  const bounds: Array<Bounds> = []
  for (let start = 0; start + 1 < length; start += context) {
    bounds.push({ start, counted: start + 1, end: Math.min(start + context, length) })
  }
  return bounds
}

const overlapping = (length: number, context: number): Array<Bounds> => {
  const stride = Math.max(1, Math.floor(context / 2))
  const bounds: Array<Bounds> = []
  for (let start = 0, counted = 1; counted < length; start += stride) {
    const end = Math.min(start + context + 1, length)
    bounds.push({ start, counted, end })
    counted = end
  }
  return bounds
}
