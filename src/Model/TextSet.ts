import { Effect, Schema } from "effect"
import type { Stream } from "../Random/index.ts"
import { type Tokenizer, TokenizerError } from "./Tokenizer.ts"

/** A text and a window length that do not fit: how many tokens the text has and a window would have, and why not. */
export class WindowError extends Schema.TaggedError<WindowError>()("WindowError", {
  tokens: Schema.Number,
  context: Schema.Number,
  reason: Schema.String
}) {
  override get message() {
    return `a text of ${this.tokens} tokens cannot be cut into windows of ${this.context}: ${this.reason}`
  }
}

/** Documents as one stream of tokens, and how much text they were. */
export interface TextSet {
  readonly tokens: Int32Array
  readonly documents: number
  /** Unicode code points in the documents; separators do not count. */
  readonly characters: number
}

/** Rows of tokens and of what should be predicted for them. */
export interface Batch {
  readonly rows: number
  /** Tokens in a row. */
  readonly context: number
  /** [rows, context] */
  readonly inputs: Int32Array
  /** [rows, context]: the token that follows each input, or `notCounted`. */
  readonly targets: Int32Array
}

/** The target of an input whose prediction does not enter the loss. */
export const notCounted = -1

export interface TextSetOptions {
  /** What follows every document: the `<|endoftext|>` token (unless told) or a blank line in the text. */
  readonly separator?: "end-of-text" | "blank-line"
}

/**
 * Turns documents into one stream of tokens. Fails with `TokenizerError` where the separator is `<|endoftext|>` and the vocabulary has
 * none.
 *
 * @example
 * const heldOut = yield* TextSet.make(addresses, tokenizer)
 */
export const make = Effect.fn("TextSet.make")(function* (
  documents: Iterable<string>,
  tokenizer: Tokenizer,
  { separator = "end-of-text" }: TextSetOptions = {}
): Effect.fn.Return<TextSet, TokenizerError> {
  const { endOfText } = tokenizer
  if (separator === "end-of-text" && endOfText === undefined) {
    const reason = 'the vocabulary has no <|endoftext|>; use the separator "blank-line"'
    return yield* new TokenizerError({ path: tokenizer.path, reason })
  }
  const parts: Array<ArrayLike<number>> = []
  let characters = 0
  for (const document of documents) {
    characters += codePoints(document)
    // The blank line belongs to the text: its tokens may be other than those of the two parts.
    parts.push(yield* tokenizer.encode(separator === "blank-line" ? `${document}\n\n` : document))
    if (separator === "end-of-text") parts.push([endOfText!])
  }
  const count = separator === "blank-line" ? parts.length : parts.length / 2
  return { tokens: concatenated(parts), documents: count, characters }
})

/** Tokens of several texts, one after the other. */
export const concatenated = (parts: ReadonlyArray<ArrayLike<number>>): Int32Array => {
  const tokens = new Int32Array(parts.reduce((total, part) => total + part.length, 0))
  let position = 0
  for (const part of parts) {
    tokens.set(part, position)
    position += part.length
  }
  return tokens
}

// A pair of surrogates is one code point.
const codePoints = (text: string): number => {
  let count = text.length
  for (let i = 1; i < text.length; i++) {
    if ((text.charCodeAt(i) & 0xfc00) === 0xdc00 && (text.charCodeAt(i - 1) & 0xfc00) === 0xd800) count--
  }
  return count
}

/** Windows at random places of a token stream, for training. */
export interface TrainingWindows {
  readonly context: number
  /** Draws windows whose starts are independent and uniform; every target counts. */
  readonly sample: (rows: number, numbers: Stream) => Batch
}

/**
 * Training windows of `context` tokens. Fails with `WindowError` where the stream has fewer than `context + 1`.
 *
 * @example
 * const windows = yield* TextSet.trainingWindows(train.tokens, 128)
 * const batch = windows.sample(16, Random.stream(Random.fold(key, step)))
 */
export const trainingWindows = (
  tokens: Int32Array,
  context: number
): Effect.Effect<TrainingWindows, WindowError> => {
  const starts = tokens.length - context
  if (starts < 1 || context < 1) {
    const reason =
      "a window needs at least one token, and the text one more than a window; give more text, or shorter windows"
    return Effect.fail(new WindowError({ tokens: tokens.length, context, reason }))
  }
  return Effect.succeed({
    context,
    sample: (rows, numbers) => {
      const inputs = new Int32Array(rows * context)
      const targets = new Int32Array(rows * context)
      for (let row = 0; row < rows; row++) {
        const start = numbers.integer(starts)
        inputs.set(tokens.subarray(start, start + context), row * context)
        targets.set(tokens.subarray(start + 1, start + 1 + context), row * context)
      }
      return { rows, context, inputs, targets }
    }
  })
}

/** Stretches of which an excerpt is made. */
export const excerptPieces = 24

/**
 * About `count` tokens of a stream, in `pieces` stretches that lie evenly over it: a text to judge by where the whole would take
 * too long. The whole stream where it is not longer than that.
 */
export const excerpt = (tokens: Int32Array, count: number, pieces = excerptPieces): Int32Array => {
  if (tokens.length <= count) return tokens
  const length = Math.floor(count / pieces)
  const step = tokens.length / pieces
  const chosen = new Int32Array(length * pieces)
  for (let piece = 0; piece < pieces; piece++) {
    const start = Math.floor(piece * step)
    chosen.set(tokens.subarray(start, start + length), piece * length)
  }
  return chosen
}
