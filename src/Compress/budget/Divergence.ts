import { Effect, type Scope } from "effect"
import { embed, forward, forwardFrom } from "../../Model/Forward.ts"
import { type Gpt2, storedParameters } from "../../Model/Gpt2.ts"
import { type Backend, compute, NumericalError, Tensor, type TensorError } from "../../Tensor/index.ts"
import { upload } from "../../Tensor/Host.ts"

/** Windows that go through both networks together, at most; logits of large vocabularies take one at a time. */
const rows = 8
const usualContext = 128
const largestLogits = 1 << 24

/** Multiplications of one pass of the network over the text by which divergences are measured, and the logits that it leaves in memory. */
const passCost = 1.25e11
const divergenceTokens = { least: 512, most: 8192, logits: 2e8 }

/** Over how many tokens divergences of a model of this size are measured, at most. */
export const divergenceTokensOf = (model: Gpt2): number => {
  const { least, most, logits } = divergenceTokens
  const affordable = Math.min(passCost / storedParameters(model), logits / model.config.vocab_size)
  return Math.round(Math.min(most, Math.max(least, affordable)))
}

/** What a model makes of a text, for measuring how far another goes from it. */
export interface Predictions {
  /** The text, and how many of its tokens are predicted. */
  readonly tokens: Int32Array
  readonly count: number
  readonly batches: ReadonlyArray<{
    /** int32 [windows, tokens] */
    readonly inputs: Tensor
    /** The residual stream before each layer, [windows, tokens, width]. */
    readonly states: ReadonlyArray<Tensor>
    readonly logits: Tensor
  }>
}

/** A model's predictions over a text, in the scope: one number for each token and each entry of the vocabulary. */
export const predictionsOf = Effect.fn("Compress.predictions")(function* (
  model: Gpt2,
  tokens: Int32Array
): Effect.fn.Return<Predictions, TensorError, Backend | Scope.Scope> {
  const { n_positions, vocab_size } = model.config
  const context = Math.min(usualContext, n_positions, tokens.length)
  const together = Math.max(1, Math.min(rows, Math.floor(largestLogits / (context * vocab_size))))
  const windows = Math.floor(tokens.length / context)
  const batches: Array<Predictions["batches"][number]> = []
  for (let first = 0; first < windows; first += together) {
    const count = Math.min(together, windows - first)
    const part = tokens.subarray(first * context, (first + count) * context)
    batches.push(
      yield* compute((t) => {
        const inputs = upload(t.region, part, [count, context])
        const { logits, hidden } = forward(t, model, inputs, { hiddenStates: true })
        return { inputs, states: hidden.slice(0, -1), logits }
      })
    )
    yield* Effect.yieldNow
  }
  return { tokens, count: windows * context, batches }
})

/**
 * Mean KL(original || compressed) of the next token, in nats: `logits` are the original's; `states` those of any model that is the compressed one
 * before the layer, which is -1 for the embedding.
 */
export const divergenceFrom = Effect.fn("Compress.divergence")(function* (
  { count, batches }: Predictions,
  compressed: Gpt2,
  layer: number
): Effect.fn.Return<number, TensorError, Backend> {
  let total = 0
  for (const { inputs, states, logits } of batches) {
    const sum = yield* Effect.scoped(
      Effect.flatMap(
        compute((t) =>
          t.tidy(() => {
            const x = layer < 0 ? embed(t, compressed, inputs) : states[layer]
            return t.sum(t.divergence(forwardFrom(t, compressed, Math.max(0, layer), x), logits))
          })
        ),
        Tensor.toNumber
      )
    )
    total += sum
    yield* Effect.yieldNow
  }
  if (!Number.isFinite(total))
    return yield* new NumericalError({
      operation: "divergence",
      reason: `the predictions of the compressed model diverge by ${total} nats from the original's: its numbers are too large for ${batches[0].logits.dtype}`
    })
  return total / count
})

/** Mean KL(original || compressed) of the next token over a text, in nats. */
export const meanDivergence = (
  original: Gpt2,
  compressed: Gpt2,
  tokens: Int32Array
): Effect.Effect<number, TensorError, Backend> =>
  Effect.scoped(
    Effect.flatMap(predictionsOf(original, tokens), (predictions) =>
      divergenceFrom(predictions, compressed, -1)
    )
  )

/** The layer of a weight by its name; -1 for the embedding and the head. */
export const layerOf = (name: string): number => Number(/^h\.(\d+)\./.exec(name)?.[1] ?? -1)
