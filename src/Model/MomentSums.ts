import { Effect } from "effect"
import { indexOfNotFinite } from "../Tensor/HostMatrix.ts"
import { type Backend, NumericalError, type Operations, Tensor, type TensorError } from "../Tensor/index.ts"

/** What a weight was given over a text: x [inputs], one for each token. */
export interface InputMoments {
  /** Tokens averaged over. */
  readonly count: number
  /** E[x], [inputs] */
  readonly mean: Float64Array
  /** E[x xᵀ], [inputs, inputs] */
  readonly second: Float64Array
  /** Of its outputs' errors; undefined without a reference. */
  readonly outputError: OutputErrorMoments | undefined
}

/**
 * Of the outputs' errors e [outputs], one for each token: what the outputs x W lack of those of the reference, and where they are added to the residual
 * stream of that of the reference.
 */
export interface OutputErrorMoments {
  /** E[e], [outputs] */
  readonly mean: Float64Array
  /** E[x eᵀ], [inputs, outputs] */
  readonly cross: Float64Array
  /** E[eᵀ e] */
  readonly square: number
}

/** Moments on their way: sums over the batches so far. */
export interface MomentSums {
  count: number
  readonly mean: Float64Array
  readonly second: Float64Array
  readonly outputError:
    | { readonly mean: Float64Array; readonly cross: Float64Array; readonly square: Float64Array }
    | undefined
}

/** One batch's part, still on the backend. */
export interface BatchMoments {
  readonly mean: Tensor
  readonly second: Tensor
  readonly outputError: { readonly mean: Tensor; readonly cross: Tensor; readonly square: Tensor } | undefined
}

/** outputs: of the weight, where its outputs' errors count too. */
export const emptySums = (inputs: number, outputs?: number): MomentSums => ({
  count: 0,
  mean: new Float64Array(inputs),
  second: new Float64Array(inputs * inputs),
  outputError:
    outputs === undefined
      ? undefined
      : {
          mean: new Float64Array(outputs),
          cross: new Float64Array(inputs * outputs),
          square: new Float64Array(1)
        }
})

// x: [batch, tokens, inputs], e: [batch, tokens, outputs]
export const batchMoments = (t: Operations, x: Tensor, e?: Tensor): BatchMoments =>
  t.tidy(() => {
    const flat = (y: Tensor) => t.reshape(y, [-1, y.shape[y.shape.length - 1]])
    const [own, outputError] = [flat(x), e && flat(e)]
    return {
      mean: t.sum(own, { axes: [0] }),
      second: t.matmul(own, own, { transposeA: true }),
      outputError: outputError && {
        mean: t.sum(outputError, { axes: [0] }),
        cross: t.matmul(own, outputError, { transposeA: true }),
        square: t.sumOfSquares(outputError)
      }
    }
  })

/** The tensors of a batch's part, for keeping them out of a `tidy`. */
export const tensorsOf = ({ mean, second, outputError }: BatchMoments): ReadonlyArray<Tensor> => [
  mean,
  second,
  ...(outputError === undefined ? [] : [outputError.mean, outputError.cross, outputError.square])
]

export const addBatch = Effect.fnUntraced(function* (
  sums: MomentSums,
  part: BatchMoments,
  count: number
): Effect.fn.Return<void, TensorError, Backend> {
  sums.count += count
  yield* addTo(sums.mean, part.mean)
  yield* addTo(sums.second, part.second)
  if (sums.outputError === undefined || part.outputError === undefined) return
  yield* addTo(sums.outputError.mean, part.outputError.mean)
  yield* addTo(sums.outputError.cross, part.outputError.cross)
  yield* addTo(sums.outputError.square, part.outputError.square)
})

const addTo = (total: Float64Array, part: Tensor): Effect.Effect<void, TensorError, Backend> =>
  Effect.map(Tensor.toArray(part), (values) => {
    for (let i = 0; i < total.length; i++) total[i] += values[i]
  })

/** The moments that the sums make. Fails with `NumericalError` where a weight was given numbers, or has to make up for some, that are not finite. */
export const momentsOf = (name: string, sums: MomentSums): Effect.Effect<InputMoments, NumericalError> => {
  const { count, mean, second, outputError } = sums
  const all = [
    mean,
    second,
    ...(outputError === undefined ? [] : [outputError.mean, outputError.cross, outputError.square])
  ]
  if (all.some((values) => indexOfNotFinite(values) >= 0))
    return Effect.fail(
      new NumericalError({
        operation: "inputMoments",
        reason: `what "${name}" is given is not finite everywhere: look for NaN in the weights before it`
      })
    )
  for (const values of all) for (let i = 0; i < values.length; i++) values[i] /= count
  return Effect.succeed({
    count,
    mean,
    second,
    outputError: outputError && { ...outputError, square: outputError.square[0] }
  })
}
