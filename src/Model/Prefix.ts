import { Effect } from "effect"
import {
  type Backend,
  compute,
  type Operations,
  Tensor,
  type TensorError,
  type TypedArray
} from "../Tensor/index.ts"
import { upload } from "../Tensor/Host.ts"
import { block, embed } from "./Forward.ts"
import { type Gpt2, weightSizes } from "./Gpt2.ts"
import { addBatch, batchMoments, emptySums, type InputMoments, momentsOf } from "./MomentSums.ts"
import { textBatches, type TextBatchOptions } from "./TextBatches.ts"

/**
 * The residual stream before one layer over a text, of a model and of its reference: where fits in sequence stand, so that each layer is
 * passed once and not once for every weight after it. On the host, 8 bytes a token and number of the width.
 */
export interface Prefix {
  /** The layer that comes next. */
  readonly layer: number
  readonly batches: ReadonlyArray<PrefixBatch>
}

interface PrefixBatch {
  /** [windows, tokens, width] */
  readonly shape: readonly [number, number, number]
  readonly model: TypedArray
  readonly reference: TypedArray
}

const downloaded = (make: (t: Operations) => Tensor): Effect.Effect<TypedArray, TensorError, Backend> =>
  Effect.scoped(Effect.flatMap(compute(make), Tensor.toArray))

/**
 * A text before the first layer. tokens: [count], cut into windows side by side. Fails with `ShapeError` for an empty text, tokens outside
 * the vocabulary and windows longer than the model's positions.
 */
export const prefixOf = Effect.fn("Model.prefixOf")(function* (
  model: Gpt2,
  reference: Gpt2,
  tokens: Int32Array,
  options: TextBatchOptions = {}
): Effect.fn.Return<Prefix, TensorError, Backend> {
  const batches: Array<PrefixBatch> = []
  for (const { shape, tokens: part } of yield* textBatches(model.config, tokens, options)) {
    const start = (of: Gpt2) => downloaded((t) => embed(t, of, upload(t.region, part, shape)))
    batches.push({
      shape: [...shape, model.config.n_embd],
      model: yield* start(model),
      reference: yield* start(reference)
    })
  }
  return { layer: 0, batches }
})

const through = (
  t: Operations,
  model: Gpt2,
  layer: number,
  x: Tensor,
  see?: (name: string, x: Tensor) => void
) => block(t, model, layer, x, (qkv) => t.attention(qkv, model.config.n_head), undefined, see)

/** The text before a later layer, through the layers between, which must be done with; a layer passed already is an error in the program. */
export const prefixBefore = Effect.fn("Model.prefixBefore")(function* (
  prefix: Prefix,
  layer: number,
  model: Gpt2,
  reference: Gpt2
): Effect.fn.Return<Prefix, TensorError, Backend> {
  if (layer < prefix.layer)
    return yield* Effect.die(new Error(`a prefix before layer ${prefix.layer} cannot go back to ${layer}`))
  let { batches } = prefix
  for (let passed = prefix.layer; passed < layer; passed++) {
    const next: Array<PrefixBatch> = []
    for (const { shape, ...before } of batches) {
      yield* Effect.yieldNow
      const after = (of: Gpt2, x: TypedArray) =>
        downloaded((t) => through(t, of, passed, upload(t.region, x, shape)))
      next.push({
        shape,
        model: yield* after(model, before.model),
        reference: yield* after(reference, before.reference)
      })
    }
    batches = next
  }
  return { layer, batches }
})

/**
 * The moments of what a weight of the prefix's layer is given over the text, in the model and in its reference: inputs from the
 * compressed prefix, outputs to be those of the original (see `sequentialTarget`). Fails with `NumericalError` where an input is not finite.
 *
 * @example
 *   const prefix = yield* prefixOf(compressed, original, tokens)
 *   const moments = yield* prefixMoments(prefix, "h.0.attn.c_attn", compressed, original)
 */
export const prefixMoments = Effect.fn("Model.prefixMoments")(function* (
  { layer, batches }: Prefix,
  name: string,
  model: Gpt2,
  reference: Gpt2
): Effect.fn.Return<InputMoments, TensorError, Backend> {
  const sums = emptySums(weightSizes(model.config)[name][0], true)
  for (const batch of batches) {
    yield* Effect.yieldNow
    const given = (t: Operations, of: Gpt2, values: TypedArray) => {
      let input: Tensor | undefined
      through(t, of, layer, upload(t.region, values, batch.shape), (weight, x) => {
        if (weight === name) input = x
      })
      return input
    }
    yield* Effect.scoped(
      Effect.gen(function* () {
        const part = yield* compute((t) => {
          const [x, z] = [given(t, model, batch.model), given(t, reference, batch.reference)]
          if (x === undefined) throw new Error(`layer ${layer} has no weight "${name}"`)
          return batchMoments(t, x, z)
        })
        yield* addBatch(sums, part, batch.shape[0] * batch.shape[1])
      })
    )
  }
  return yield* momentsOf(name, sums)
})
