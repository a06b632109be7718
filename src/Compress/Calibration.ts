import { Effect, type Scope } from "effect"
import { covariance, inputMoments, refittedBias, sequentialTarget, tokenCounts } from "../Model/Covariance.ts"
import { type Gpt2, withParameters, withWeight } from "../Model/Gpt2.ts"
import { type Backend, compute, Tensor, type TensorError } from "../Tensor/index.ts"
import { upload } from "../Tensor/Host.ts"
import type { Weight, Weighting } from "../Weight/index.ts"

/** Text that says in which directions the error of a weight is felt. */
export interface Calibration {
  readonly tokens: Int32Array
  /** Added to the diagonal of a covariance, as a part of its mean; default 0.01. */
  readonly ridge?: number | undefined
}

/** What a fit of one weight aims at. */
export interface Aim {
  /** [inputs, outputs]; undefined for the weight as it is. */
  readonly matrix: Float64Array | undefined
  readonly weighting: Weighting
  /** Puts the fitted weight into the model, its bias fitted again. The model's new tensors belong to the scope. */
  readonly place: (model: Gpt2, weight: Weight) => Effect.Effect<Gpt2, TensorError, Backend | Scope.Scope>
}

/**
 * What the weight `name` of `original` is to become near, where `compressed` has the weights before it in their formats already: inputs come
 * from the compressed prefix, outputs are to be the original's (sequential calibration). The error is measured about the mean, for
 * the bias takes up what the fit does to that. Rows of an embedding count by sqrt(occurrences + 1).
 */
export const aimOf = Effect.fn("Compress.aimOf")(function* (
  name: string,
  original: Gpt2,
  compressed: Gpt2,
  { tokens, ridge }: Calibration
): Effect.fn.Return<Aim, TensorError, Backend> {
  if (!name.startsWith("h.")) {
    const counts = tokenCounts(tokens, original.config.vocab_size)
    return {
      matrix: undefined,
      weighting: { rows: counts.map((count) => Math.sqrt(count + 1)) },
      place: (model, weight) => Effect.sync(() => withWeight(model, name, weight))
    }
  }
  const options = { ridge, centred: true }
  const found = yield* inputMoments(compressed, tokens, { weights: [name], reference: original })
  const moments = found[name]
  const dense = yield* numbersOf(original.weights[name])
  return {
    matrix: yield* sequentialTarget(moments, dense, options),
    weighting: { covariance: covariance(moments, options) },
    place: Effect.fnUntraced(function* (model, weight) {
      const biasName = `${name}.bias`
      const bias = original.tensors[biasName]
      const fitted = refittedBias(moments, yield* Tensor.toArray(bias), dense, yield* numbersOf(weight))
      const tensor = yield* compute((t) => upload(t.region, fitted, bias.shape, bias.dtype))
      return withParameters(withWeight(model, name, weight), { [biasName]: tensor })
    })
  }
})

const numbersOf = (weight: Weight): Effect.Effect<Float64Array, TensorError, Backend> =>
  Effect.scoped(
    Effect.flatMap(
      // A dense weight gives its own tensor.
      compute((t) => weight.toDense(t)),
      (dense) => Effect.map(Tensor.toArray(dense), (values) => Float64Array.from(values))
    )
  )
