import { Effect } from "effect"
import { refittedBias } from "../../Model/Covariance.ts"
import { forward } from "../../Model/Forward.ts"
import { type Gpt2, withParameters, withWeight } from "../../Model/Gpt2.ts"
import { Backend, compute, Tensor, type TensorError } from "../../Tensor/index.ts"
import { upload } from "../../Tensor/Host.ts"
import { whitenedSvd } from "../../Weight/index.ts"
import { numbersOf } from "../Calibration.ts"
import type { MeasuredWeight } from "./MeasuredWeight.ts"

/** Windows that go through both networks together, at most; logits of large vocabularies take one at a time. */
const rows = 8
const usualContext = 128
const largestLogits = 1 << 24

/** Mean KL(original || compressed) of the next token over a text, in nats. */
export const meanDivergence = Effect.fn("Compress.meanDivergence")(function* (
  original: Gpt2,
  compressed: Gpt2,
  tokens: Int32Array
): Effect.fn.Return<number, TensorError, Backend> {
  const { n_positions, vocab_size } = original.config
  const context = Math.min(usualContext, n_positions, tokens.length)
  const together = Math.max(1, Math.min(rows, Math.floor(largestLogits / (context * vocab_size))))
  const windows = Math.floor(tokens.length / context)
  let total = 0
  for (let first = 0; first < windows; first += together) {
    const count = Math.min(together, windows - first)
    const part = tokens.subarray(first * context, (first + count) * context)
    const sum = yield* Effect.scoped(
      Effect.flatMap(
        compute((t) => {
          const inputs = upload(t.region, part, [count, context])
          const [student, teacher] = [compressed, original].map((model) => forward(t, model, inputs).logits)
          return t.sum(t.divergence(student, teacher))
        }),
        Tensor.toNumber
      )
    )
    total += sum
    yield* Effect.yieldNow
  }
  return total / (windows * context)
})

/**
 * How much a weight's error is felt: the divergence of the whole model's predictions over the text, in nats a token, when this weight alone is
 * brought to a rank, for each unit of its relative squared error.
 */
export const sensitivityOf = Effect.fn("Compress.sensitivity")(function* (
  model: Gpt2,
  name: string,
  { weighting, metric, moments, lost }: MeasuredWeight,
  rank: number,
  tokens: Int32Array
): Effect.fn.Return<number, TensorError, Backend> {
  const error = lost(rank)
  if (!(error > 0)) return 0
  const divergence = yield* Effect.scoped(
    Effect.gen(function* () {
      const dense = yield* compute((t) => model.weights[name].toDense(t))
      const weight = yield* whitenedSvd(dense, rank, weighting, metric)
      const replaced = withWeight(model, name, weight)
      if (moments === undefined) return yield* meanDivergence(model, replaced, tokens)
      const bias = model.tensors[`${name}.bias`]
      const fitted = refittedBias(
        moments,
        yield* Tensor.toArray(bias),
        yield* numbersOf(model.weights[name]),
        yield* numbersOf(weight)
      )
      const refitted = yield* compute((t) => upload(t.region, fitted, bias.shape, bias.dtype))
      return yield* meanDivergence(model, withParameters(replaced, { [`${name}.bias`]: refitted }), tokens)
    })
  )
  return Math.max(0, divergence) / error
})
