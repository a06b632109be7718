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
import { affine, embed, norm } from "./Forward.ts"
import type { Gpt2 } from "./Gpt2.ts"
import { addBatch, batchMoments, emptySums, type InputMoments, momentsOf } from "./MomentSums.ts"
import { textBatches, type TextBatchOptions } from "./TextBatches.ts"

/** The weights of a layer in the order in which the network uses them. */
const sites = ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"] as const

/**
 * Before one weight of a layer, over a text, in a model and in its reference: where fits in sequence stand, so that each weight is passed
 * once. On the host, for each token what the weight is given and the residual stream.
 */
export interface Prefix {
  /** The weight that comes next. */
  readonly name: string
  readonly batches: ReadonlyArray<PrefixBatch>
}

interface PrefixBatch {
  /** [windows, tokens] */
  readonly shape: readonly [number, number]
  readonly model: Standing<TypedArray>
  readonly reference: Standing<TypedArray>
}

/** stream: [windows, tokens, width], input: [windows, tokens, inputs of the weight] */
interface Standing<A> {
  readonly stream: A
  readonly input: A
}

/** Whether what a weight puts out is added to the residual stream. */
const addsToStream = (name: string): boolean => name.endsWith("c_proj")

const nameAt = (position: number): string => `h.${Math.floor(position / 4)}.${sites[position % 4]}`

const positionOf = (name: string): number => {
  const [, layer, site] = /^h\.(\d+)\.(.+)$/.exec(name) ?? []
  return 4 * Number(layer) + sites.findIndex((one) => one === site)
}

const downloaded = (
  make: (t: Operations) => Standing<Tensor>
): Effect.Effect<Standing<TypedArray>, TensorError, Backend> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { stream, input } = yield* compute(make)
      return { stream: yield* Tensor.toArray(stream), input: yield* Tensor.toArray(input) }
    })
  )

/**
 * A text before the first layer's first weight. tokens: [count], cut into windows side by side. Fails with `ShapeError` for an empty text,
 * tokens outside the vocabulary and windows longer than the model's positions.
 */
export const prefixOf = Effect.fn("Model.prefixOf")(function* (
  model: Gpt2,
  reference: Gpt2,
  tokens: Int32Array,
  options: TextBatchOptions = {}
): Effect.fn.Return<Prefix, TensorError, Backend> {
  const batches: Array<PrefixBatch> = []
  for (const { shape, tokens: part } of yield* textBatches(model.config, tokens, options)) {
    const start = (of: Gpt2) =>
      downloaded((t) => {
        const stream = embed(t, of, upload(t.region, part, shape))
        return { stream, input: norm(t, of, "h.0.ln_1", stream) }
      })
    batches.push({ shape, model: yield* start(model), reference: yield* start(reference) })
  }
  return { name: nameAt(0), batches }
})

/** Through one weight, to what the next one is given. */
const through = (
  t: Operations,
  model: Gpt2,
  position: number,
  { stream, input }: Standing<Tensor>
): Standing<Tensor> => {
  const layer = Math.floor(position / 4)
  const output = affine(t, model, nameAt(position), input)
  switch (sites[position % 4]) {
    case "attn.c_attn":
      return { stream, input: t.attention(output, model.config.n_head) }
    case "attn.c_proj": {
      const next = t.add(stream, output)
      return { stream: next, input: norm(t, model, `h.${layer}.ln_2`, next) }
    }
    case "mlp.c_fc":
      return { stream, input: t.gelu(output) }
    case "mlp.c_proj": {
      const next = t.add(stream, output)
      return { stream: next, input: norm(t, model, `h.${layer + 1}.ln_1`, next) }
    }
  }
}

/** The text before a later weight, through those between, which must be done with; a weight passed already is an error in the program. */
export const prefixBefore = Effect.fn("Model.prefixBefore")(function* (
  prefix: Prefix,
  name: string,
  model: Gpt2,
  reference: Gpt2
): Effect.fn.Return<Prefix, TensorError, Backend> {
  const [from, to] = [positionOf(prefix.name), positionOf(name)]
  if (to < from)
    return yield* Effect.die(new Error(`a prefix before ${prefix.name} cannot go back to ${name}`))
  if (to === from) return prefix
  const batches: Array<PrefixBatch> = []
  for (const { shape, ...before } of prefix.batches) {
    yield* Effect.yieldNow
    const tokens = shape[0] * shape[1]
    const after = (of: Gpt2, { stream, input }: Standing<TypedArray>) =>
      downloaded((t) =>
        t.tidy(() => {
          let standing = {
            stream: upload(t.region, stream, [...shape, stream.length / tokens]),
            input: upload(t.region, input, [...shape, input.length / tokens])
          }
          for (let position = from; position < to; position++) {
            const before = standing
            standing = t.tidy(() => through(t, of, position, before))
          }
          return standing
        })
      )
    batches.push({
      shape,
      model: yield* after(model, before.model),
      reference: yield* after(reference, before.reference)
    })
  }
  return { name, batches }
})

/**
 * The moments of what the prefix's weight is given over the text, and of how far its outputs are from the reference's, whose weight it still is
 * (see `sequentialTarget`). Fails with `NumericalError` where an input is not finite.
 *
 * @example
 *   const prefix = yield* prefixOf(compressed, original, tokens)
 *   const moments = yield* prefixMoments(prefix, original)
 */
export const prefixMoments = Effect.fn("Model.prefixMoments")(function* (
  { name, batches }: Prefix,
  reference: Gpt2
): Effect.fn.Return<InputMoments, TensorError, Backend> {
  const weight = reference.weights[name]
  const { inputs, outputs } = weight
  const sums = emptySums(inputs, outputs)
  for (const batch of batches) {
    yield* Effect.yieldNow
    const tokens = batch.shape[0] * batch.shape[1]
    yield* Effect.scoped(
      Effect.gen(function* () {
        const part = yield* compute((t) => {
          const { model, reference: aim } = batch
          const [x, z] = [model, aim].map(({ input }) => upload(t.region, input, [tokens, inputs]))
          const streams = addsToStream(name)
            ? [model, aim].map(({ stream }) => upload(t.region, stream, [tokens, outputs]))
            : undefined
          return t.tidy(() => {
            const change = weight.apply(t, t.subtract(z, x))
            const error = streams ? t.add(change, t.subtract(streams[1], streams[0])) : change
            return batchMoments(t, x, error)
          })
        })
        yield* addBatch(sums, part, tokens)
      })
    )
  }
  return yield* momentsOf(name, sums)
})
