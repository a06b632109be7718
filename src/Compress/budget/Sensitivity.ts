import { Effect, type Scope } from "effect"
import { embed, forward, forwardFrom } from "../../Model/Forward.ts"
import { type Gpt2, withParameters, withWeight } from "../../Model/Gpt2.ts"
import { refittedBias } from "../../Model/Covariance.ts"
import { Backend, compute, Tensor, type TensorError } from "../../Tensor/index.ts"
import { upload } from "../../Tensor/Host.ts"
import { lowRank } from "../../Weight/index.ts"
import { numbersOf } from "../Calibration.ts"
import type { Measurement } from "./MeasuredWeight.ts"

/** Windows that go through both networks together, at most; logits of large vocabularies take one at a time. */
const rows = 8
const usualContext = 128
const largestLogits = 1 << 24

/** What a model makes of a text, for measuring how far another goes from it. */
export interface Predictions {
  /** Tokens predicted. */
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
  return { count: windows * context, batches }
})

/** Mean KL(original || compressed) of the next token, in nats; the two models are the same before a layer, or -1 for the embedding. */
const divergenceFrom = Effect.fn("Compress.divergence")(function* (
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

/**
 * How much a weight's error is felt: the divergence of the whole model's predictions over the text, in nats a token, when this weight alone is
 * brought to a rank, for each unit of its relative squared error.
 */
export const sensitivityOf = Effect.fn("Compress.sensitivity")(function* (
  model: Gpt2,
  { weight: { name, inputs, outputs, lost }, metrics: { mean }, lowRank: { left, right } }: Measurement,
  predictions: Predictions
): Effect.fn.Return<number, TensorError, Backend> {
  const rank = left.length / inputs
  const error = lost(rank)
  if (!(error > 0)) return 0
  const layer = Number(/^h\.(\d+)\./.exec(name)?.[1] ?? -1)
  const divergence = yield* Effect.scoped(
    Effect.gen(function* () {
      const weight = yield* compute((t) =>
        lowRank(upload(t.region, left, [inputs, rank]), upload(t.region, right, [rank, outputs]))
      )
      const replaced = withWeight(model, name, weight)
      if (mean === undefined) return yield* divergenceFrom(predictions, replaced, layer)
      const bias = model.tensors[`${name}.bias`]
      const fitted = refittedBias(
        { mean, reference: undefined },
        yield* Tensor.toArray(bias),
        yield* numbersOf(model.weights[name]),
        yield* numbersOf(weight)
      )
      const refitted = yield* compute((t) => upload(t.region, fitted, bias.shape, bias.dtype))
      const aligned = withParameters(replaced, { [`${name}.bias`]: refitted })
      return yield* divergenceFrom(predictions, aligned, layer)
    })
  )
  return Math.max(0, divergence) / error
})
