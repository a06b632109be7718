import { Effect } from "effect"
import { type Backend, compute, ShapeError, type TensorError } from "../Tensor/index.ts"
import { upload } from "../Tensor/Host.ts"
import { residualStream } from "./Forward.ts"
import { type Gpt2, weightSizes } from "./Gpt2.ts"
import {
  addBatch,
  type BatchMoments,
  batchMoments,
  emptySums,
  type InputMoments,
  momentsOf,
  tensorsOf
} from "./MomentSums.ts"
import { textBatches, type TextBatchOptions } from "./TextBatches.ts"

export interface InputMomentsOptions extends TextBatchOptions {
  /** The weights whose inputs are wanted, of those in the layers; default all. */
  readonly weights?: ReadonlyArray<string> | undefined
}

/**
 * The moments of what the weights in a model's layers are given over a text, streamed: one pass of the network a batch, products
 * x xᵀ on the backend, sums in float64 on the host. Memory is 8 inputs² bytes for each weight, whatever the text's length.
 *
 * tokens: [count], cut into windows side by side. Fails with `ShapeError` for an empty text, tokens outside the
 * vocabulary, windows longer than the model's positions and names that no layer has, and with `NumericalError` where an input is not
 * finite.
 *
 * @example
 *   const moments = yield* inputMoments(model, training.tokens.subarray(0, 80_000))
 *   const c = covariance(moments["h.0.mlp.c_fc"])
 */
export const inputMoments = Effect.fn("Model.inputMoments")(function* (
  model: Gpt2,
  tokens: Int32Array,
  options: InputMomentsOptions = {}
): Effect.fn.Return<Readonly<Record<string, InputMoments>>, TensorError, Backend> {
  const sizes = weightSizes(model.config)
  const names = options.weights ?? Object.keys(sizes).filter((name) => name.startsWith("h."))
  const unknown = names.find((name) => !name.startsWith("h.") || !Object.hasOwn(sizes, name))
  if (unknown !== undefined)
    return yield* new ShapeError({
      operation: "inputMoments",
      reason: `"${unknown}" is no weight of a layer; those are ${Object.keys(sizes)
        .filter((name) => name.startsWith("h."))
        .join(", ")}`,
      shapes: [[tokens.length]]
    })
  const sums = Object.fromEntries(names.map((name) => [name, emptySums(sizes[name][0])]))
  for (const { shape, tokens: part } of yield* textBatches(model.config, tokens, options)) {
    yield* Effect.yieldNow
    yield* Effect.scoped(
      Effect.gen(function* () {
        const batch = yield* compute((t) => {
          const found: Record<string, BatchMoments> = {}
          residualStream(t, model, upload(t.region, part, shape), {
            observe: (name, x) =>
              Object.hasOwn(sums, name) ? tensorsOf((found[name] = batchMoments(t, x))) : []
          })
          return found
        })
        for (const [name, moments] of Object.entries(batch)) yield* addBatch(sums[name], moments, part.length)
      })
    )
  }
  return yield* Effect.all(
    Object.fromEntries(names.map((name) => [name, momentsOf(name, sums[name])] as const))
  )
})
