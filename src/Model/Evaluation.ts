import { Effect, Schema, Stream } from "effect"
import type { Key } from "../Random/index.ts"
import { type Backend, compute, ShapeError, type TensorError } from "../Tensor/index.ts"
import { upload } from "../Tensor/Host.ts"
import { tensorsIn } from "../Tensor/Region.ts"
import { bytesPerElement, sizeOf } from "../Tensor/Tensor.ts"
import { residualStream } from "./Forward.ts"
import { generate } from "./Generation.ts"
import { type Gpt2, parameterCount, storedBytes } from "./Gpt2.ts"
import { LastWordReport, lastWordAccuracy, type Passage, type PassageError } from "./LastWord.ts"
import { perplexity } from "./Perplexity.ts"
import { type EvaluationWindows, PerplexityProtocol } from "./PerplexityProtocol.ts"
import { predictedBytes } from "./TokenBytes.ts"
import type { Tokenizer, TokenizerError } from "./Tokenizer.ts"

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/** All that is measured of one model, as it is stored. */
export const ModelEvaluation = Schema.Struct({
  name: Schema.String,
  /** Numbers that are stored, index buffers included, a tied head once. */
  storedParameters: Count,
  /** The same less an untied head. */
  parametersWithoutHead: Count,
  /** In a float32 file. */
  storedBytes: Count,
  /** What the weights take on the backend, tables that speed them up included. */
  memoryBytes: Count,
  /** How many weights have which format. */
  formats: Schema.Record(Schema.String, Count),
  perplexities: Schema.Array(
    Schema.Struct({
      protocol: PerplexityProtocol,
      context: Count,
      countedTargets: Count,
      perplexity: Schema.Finite,
      natsPerToken: Schema.Finite,
      bitsPerByte: Schema.Finite
    })
  ),
  /** Null where there were no passages. */
  lastWord: Schema.NullOr(LastWordReport),
  generation: Schema.Struct({ prompt: Schema.String, continuation: Schema.String, tokens: Count }),
  /** Tokens a second. */
  speed: Schema.Struct({
    /** Whole windows at once, as in training. */
    reading: Schema.Finite,
    /** One after the other, the first from the prompt. */
    generating: Schema.Finite
  })
})
export type ModelEvaluation = typeof ModelEvaluation.Type

export interface EvaluationOptions {
  readonly name: string
  /** Held-out text, in the windows of each protocol that is to be measured. */
  readonly windows: ReadonlyArray<EvaluationWindows>
  /** None: no last words are guessed. */
  readonly passages: ReadonlyArray<Passage>
  readonly generation: {
    /** At least one token. */
    readonly prompt: string
    readonly maximumTokens: number
    /** Default 0.8 of the softmax's own temperature, and the 40 likeliest tokens. */
    readonly temperature?: number | undefined
    readonly topK?: number | undefined
    /** The same for models that are to be compared. */
    readonly key: Key
  }
}

/** Bytes of the weights' memory on the backend, each buffer once. */
export const memoryBytes = (model: Gpt2): number => {
  const buffers = new Map(tensorsIn([model.weights, model.tensors]).map((x) => [x.storage, x]))
  return [...buffers.values()].reduce((sum, x) => sum + sizeOf(x.shape) * bytesPerElement(x.dtype), 0)
}

/**
 * Everything that can be measured of a model by itself: sizes, perplexity and bits a byte by each protocol, last-word accuracy, a
 * text that it writes, and its speed. The record is JSON once encoded by `ModelEvaluation`.
 *
 * Fails as `perplexity`, `lastWordAccuracy` and `generate` do, and with `ShapeError` for a prompt without tokens.
 *
 * @example
 *   const record = yield* evaluateModel(model, tokenizer, { name: "gpt2", windows, passages, generation })
 */
export const evaluateModel = Effect.fn("Model.evaluateModel")(function* (
  model: Gpt2,
  tokenizer: Tokenizer,
  { name, windows, passages, generation }: EvaluationOptions
): Effect.fn.Return<ModelEvaluation, TensorError | PassageError | TokenizerError, Backend> {
  yield* Effect.annotateCurrentSpan({ name })
  if (windows.length > 0) yield* readOnce(model, windows[0])
  const perplexities: Array<ModelEvaluation["perplexities"][number]> = []
  let reading = 0
  for (const one of windows) {
    const bytes = predictedBytes(one, tokenizer)
    const report = yield* perplexity(model, one, { bytes })
    const { protocol, countedTargets, natsPerToken } = report
    perplexities.push({
      protocol,
      context: one.context,
      countedTargets,
      perplexity: report.perplexity,
      natsPerToken,
      bitsPerByte: report.bitsPerByte ?? 0
    })
    reading = Math.max(reading, report.tokensPerSecond)
  }
  const lastWord = passages.length === 0 ? null : yield* lastWordAccuracy(model, tokenizer, passages)
  const written = yield* continuation(model, tokenizer, generation)
  const { stored, withoutHead } = parameterCount(model)
  const formats: Record<string, number> = {}
  for (const { format } of Object.values(model.weights)) formats[format] = (formats[format] ?? 0) + 1
  return {
    name,
    storedParameters: stored,
    parametersWithoutHead: withoutHead,
    storedBytes: storedBytes(model),
    memoryBytes: memoryBytes(model),
    formats,
    perplexities,
    lastWord,
    generation: {
      prompt: generation.prompt,
      continuation: written.text,
      tokens: written.tokens
    },
    speed: { reading, generating: written.tokensPerSecond }
  }
})

/** One window, unmeasured: the first pass also pays for what the backend compiles. */
const readOnce = (model: Gpt2, windows: EvaluationWindows) => {
  const { inputs, context, rows } = windows.batch(0, 1)
  return Effect.scoped(
    Effect.asVoid(compute((t) => residualStream(t, model, upload(t.region, inputs, [rows, context]), {})))
  )
}

const continuation = Effect.fnUntraced(function* (
  model: Gpt2,
  tokenizer: Tokenizer,
  { prompt, maximumTokens, temperature = 0.8, topK = 40, key }: EvaluationOptions["generation"]
) {
  const ids = yield* tokenizer.encode(prompt)
  if (ids.length === 0)
    return yield* new ShapeError({
      operation: "evaluateModel",
      reason: "the prompt is empty; give at least a word to go on from",
      shapes: [[0]]
    })
  const began = performance.now()
  const made = yield* Stream.runCollect(
    generate(model, ids, {
      maximumTokens,
      sampling: { temperature, topK, key },
      endOfText: tokenizer.endOfText
    })
  )
  const seconds = (performance.now() - began) / 1000
  const shown = made.filter((token) => token !== tokenizer.endOfText)
  // The prompt's last bytes and the first new ones may be of one character.
  const whole = yield* tokenizer.decode([...ids, ...shown])
  const text = whole.startsWith(prompt) ? whole.slice(prompt.length) : whole
  return { text, tokens: made.length, tokensPerSecond: made.length === 0 ? 0 : made.length / seconds }
})
