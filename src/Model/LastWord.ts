import { Effect, Schema } from "effect"
import { type Backend, compute, Tensor, type TensorError } from "../Tensor/index.ts"
import { upload } from "../Tensor/Host.ts"
import { head, residualStream } from "./Forward.ts"
import type { Gpt2 } from "./Gpt2.ts"
import type { Tokenizer } from "./Tokenizer.ts"

/** A passage of text whose last word is to be guessed. */
export interface Passage {
  /** All before the last word, without the space between. */
  readonly context: string
  readonly lastWord: string
}

export interface PassageOptions {
  /** A passage is the fewest whole sentences that have at least so many words; default 50, about what LAMBADA's have. */
  readonly words?: number | undefined
  /** At most so many, spread evenly over the texts; default 500. */
  readonly count?: number | undefined
}

// A sentence ends with its mark, and perhaps a closing quotation mark or bracket, before white space.
const sentencePattern = /\S.*?(?:[.!?]["'”’)\]]*(?=\s)|$)/gsu
const lastWordPattern = /^(.*\S)\s+["'“‘([]*([\p{L}\p{M}]+(?:['’-][\p{L}\p{M}]+)*)[.!?]["'”’)\]]*$/su

/**
 * Passages for `lastWordAccuracy` from any texts, in the manner of LAMBADA (Paperno et al., 2016): whole sentences one after the
 * other, none in two passages, the last word without the marks after it. Sentences that end in anything but a word of letters do
 * not end a passage. Unlike LAMBADA's, these are not chosen for being guessable by people, so that only figures from the
 * same passages can be compared. The same texts give the same passages.
 *
 * @example
 *   const passages = lastWordPassages(heldOut, { words: 50, count: 200 })
 */
export const lastWordPassages = (
  texts: ReadonlyArray<string>,
  { words = 50, count = 500 }: PassageOptions = {}
): ReadonlyArray<Passage> => {
  const all = texts.flatMap((text) => passagesOf(text, words))
  if (all.length <= count) return all
  return Array.from({ length: Math.max(0, count) }, (_, i) => all[Math.floor((i * all.length) / count)])
}

const passagesOf = (text: string, words: number): ReadonlyArray<Passage> => {
  const passages: Array<Passage> = []
  let [start, counted] = [-1, 0]
  for (const { 0: sentence, index } of text.matchAll(sentencePattern)) {
    if (start < 0) start = index
    counted += sentence.split(/\s+/u).length
    if (counted < words) continue
    const parts = lastWordPattern.exec(text.slice(start, index + sentence.length))
    if (parts === null) continue
    passages.push({ context: parts[1], lastWord: parts[2] })
    start = -1
    counted = 0
  }
  return passages
}

/** How often a model guesses the last word of a passage. */
export const LastWordReport = Schema.Struct({
  passages: Schema.Int,
  /** The share of passages whose last word is guessed, 0 to 1. */
  accuracy: Schema.Finite,
  /** Of the accuracy, as that of a mean over passages: sqrt(p (1 - p) / n). */
  standardError: Schema.Finite,
  /** For each passage, whether its word was guessed: two models can be compared passage by passage. */
  guessed: Schema.Array(Schema.Boolean)
})
export type LastWordReport = typeof LastWordReport.Type

/** Passages that cannot be judged, and why. */
export class PassageError extends Schema.TaggedError<PassageError>()("PassageError", {
  reason: Schema.String
}) {
  override get message() {
    return `last-word accuracy: ${this.reason}`
  }
}

interface Question {
  /** Context and last word but its last token, as many of the last as the model has positions. */
  readonly inputs: Int32Array
  readonly answer: Int32Array
}

/** Tokens that go through the network together, at most, where a passage alone does not have more. */
const tokensTogether = 4096

/**
 * The share of passages whose last word is the one that a model predicts greedily, token by token; it counts only where all its
 * tokens are right. As LAMBADA is judged (Radford et al., 2019, section 3.3), without a filter for stop words. What does not
 * fit into the model's positions is cut off at the front.
 *
 * Fails with `PassageError` where there are no passages, or a last word has more tokens than the model has positions, and with
 * `ShapeError` for tokens outside the model's vocabulary.
 *
 * @example
 *   const { accuracy, standardError } = yield* lastWordAccuracy(model, tokenizer, lastWordPassages(heldOut))
 */
export const lastWordAccuracy = Effect.fn("Model.lastWordAccuracy")(function* (
  model: Gpt2,
  tokenizer: Tokenizer,
  passages: ReadonlyArray<Passage>
): Effect.fn.Return<LastWordReport, PassageError | TensorError, Backend> {
  if (passages.length === 0)
    return yield* new PassageError({
      reason:
        "no passages; the text has too few sentences that end in a word, give more text or ask for shorter passages"
    })
  const questions = yield* Effect.forEach(passages, (passage) =>
    questionOf(passage, tokenizer, model.config.n_positions)
  )
  // Of like lengths together, so that little is read that is only filling.
  const order = questions
    .map((_, i) => i)
    .toSorted((a, b) => questions[a].inputs.length - questions[b].inputs.length || a - b)
  const guessed = Array.from(passages, () => false)
  for (let first = 0; first < order.length; ) {
    yield* Effect.yieldNow
    const together: Array<number> = []
    while (first < order.length) {
      const longest = questions[order[first]].inputs.length
      if (together.length > 0 && (together.length + 1) * longest > tokensTogether) break
      together.push(order[first++])
    }
    const right = yield* answerTogether(
      model,
      together.map((i) => questions[i])
    )
    together.forEach((i, row) => {
      guessed[i] = right[row]
    })
  }
  const n = passages.length
  const accuracy = guessed.filter((one) => one).length / n
  return { passages: n, accuracy, standardError: Math.sqrt((accuracy * (1 - accuracy)) / n), guessed }
})

const questionOf = Effect.fnUntraced(function* (
  { context, lastWord }: Passage,
  tokenizer: Tokenizer,
  positions: number
): Effect.fn.Return<Question, PassageError> {
  // Byte-level BPE never merges over the space that begins a word: the two parts are encoded as the whole would be.
  const before = yield* tokenizer.encode(context)
  const answer = yield* tokenizer.encode(` ${lastWord}`)
  if (before.length === 0 || answer.length > positions)
    return yield* new PassageError({
      reason:
        before.length === 0
          ? `the passage that ends in "${lastWord}" has nothing before it`
          : `the last word "${lastWord}" has ${answer.length} tokens, the model ${positions} positions`
    })
  const whole = Int32Array.from([...before, ...answer.subarray(0, -1)])
  return { inputs: whole.slice(-positions), answer }
})

/**
 * Whether each answer is what the network finds likeliest. All tokens are predicted from the true ones before: up to the first that
 * is wrong, these are what greedy decoding would have made.
 */
const answerTogether = Effect.fnUntraced(function* (
  model: Gpt2,
  questions: ReadonlyArray<Question>
): Effect.fn.Return<ReadonlyArray<boolean>, TensorError, Backend> {
  const rows = questions.length
  const tokens = Math.max(...questions.map(({ inputs }) => inputs.length))
  const inputs = new Int32Array(rows * tokens)
  const asked: Array<number> = []
  questions.forEach((question, row) => {
    inputs.set(question.inputs, row * tokens)
    const first = row * tokens + question.inputs.length - question.answer.length
    for (let i = 0; i < question.answer.length; i++) asked.push(first + i)
  })
  const likeliest = yield* Effect.scoped(
    Effect.flatMap(
      compute((t) => {
        const [hidden] = residualStream(t, model, upload(t.region, inputs, [rows, tokens]), {})
        const flat = t.reshape(hidden, [rows * tokens, model.config.n_embd])
        const wanted = t.gather(flat, upload(t.region, Int32Array.from(asked), [asked.length]))
        return t.argmax(head(t, model, wanted))
      }),
      Tensor.toArray
    )
  )
  let position = 0
  return questions.map(({ answer }) => {
    const given = likeliest.subarray(position, position + answer.length)
    position += answer.length
    return answer.every((token, i) => token === given[i])
  })
})
