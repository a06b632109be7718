import { Effect } from "effect"
import { type Backend, NumericalError, type Operations, Tensor, type TensorError } from "../Tensor/index.ts"

/** What a weight was given over a text: x [inputs], one for each token. */
export interface InputMoments {
  /** Tokens averaged over. */
  readonly count: number
  /** E[x], [inputs] */
  readonly mean: Float64Array
  /** E[x xᵀ], [inputs, inputs] */
  readonly second: Float64Array
  /** What the same weight of the reference model was given for the same tokens, z; undefined without a reference. */
  readonly reference: ReferenceMoments | undefined
}

export interface ReferenceMoments {
  /** E[z], [inputs] */
  readonly mean: Float64Array
  /** E[x zᵀ], [inputs, inputs] */
  readonly cross: Float64Array
  /** Of a weight whose output is added to the residual stream; undefined for the others. */
  readonly drift: DriftMoments | undefined
}

/** How far the residual stream is from the reference's before the weight's output is added, d: the reference's less the model's. */
export interface DriftMoments {
  /** E[d], [outputs] */
  readonly mean: Float64Array
  /** E[x dᵀ], [inputs, outputs] */
  readonly cross: Float64Array
}

/** Moments on their way: sums over the batches so far. */
export interface MomentSums {
  count: number
  readonly mean: Float64Array
  readonly second: Float64Array
  readonly reference: ReferenceMoments | undefined
}

/** One batch's part, still on the backend. */
export interface BatchMoments {
  readonly mean: Tensor
  readonly second: Tensor
  readonly reference:
    | {
        readonly mean: Tensor
        readonly cross: Tensor
        readonly drift: { readonly mean: Tensor; readonly cross: Tensor } | undefined
      }
    | undefined
}

/** drift: the width of the residual stream that the weight adds to, if it does. */
export const emptySums = (inputs: number, withReference: boolean, drift?: number): MomentSums => ({
  count: 0,
  mean: new Float64Array(inputs),
  second: new Float64Array(inputs * inputs),
  reference: withReference
    ? {
        mean: new Float64Array(inputs),
        cross: new Float64Array(inputs * inputs),
        drift:
          drift === undefined
            ? undefined
            : { mean: new Float64Array(drift), cross: new Float64Array(inputs * drift) }
      }
    : undefined
})

// x, z: [batch, tokens, inputs], d: [batch, tokens, outputs]
export const batchMoments = (t: Operations, x: Tensor, z?: Tensor, d?: Tensor): BatchMoments =>
  t.tidy(() => {
    const flat = (y: Tensor) => t.reshape(y, [-1, y.shape[y.shape.length - 1]])
    const [own, other, drift] = [flat(x), z && flat(z), d && flat(d)]
    return {
      mean: t.sum(own, { axes: [0] }),
      second: t.matmul(own, own, { transposeA: true }),
      reference: other && {
        mean: t.sum(other, { axes: [0] }),
        cross: t.matmul(own, other, { transposeA: true }),
        drift: drift && {
          mean: t.sum(drift, { axes: [0] }),
          cross: t.matmul(own, drift, { transposeA: true })
        }
      }
    }
  })

/** The tensors of a batch's part, for keeping them out of a `tidy`. */
export const tensorsOf = ({ mean, second, reference }: BatchMoments): ReadonlyArray<Tensor> => [
  mean,
  second,
  ...(reference === undefined ? [] : [reference.mean, reference.cross]),
  ...(reference?.drift === undefined ? [] : [reference.drift.mean, reference.drift.cross])
]

export const addBatch = Effect.fnUntraced(function* (
  sums: MomentSums,
  part: BatchMoments,
  count: number
): Effect.fn.Return<void, TensorError, Backend> {
  sums.count += count
  yield* addTo(sums.mean, part.mean)
  yield* addTo(sums.second, part.second)
  if (sums.reference === undefined || part.reference === undefined) return
  yield* addTo(sums.reference.mean, part.reference.mean)
  yield* addTo(sums.reference.cross, part.reference.cross)
  if (sums.reference.drift === undefined || part.reference.drift === undefined) return
  yield* addTo(sums.reference.drift.mean, part.reference.drift.mean)
  yield* addTo(sums.reference.drift.cross, part.reference.drift.cross)
})

const addTo = (total: Float64Array, part: Tensor): Effect.Effect<void, TensorError, Backend> =>
  Effect.map(Tensor.toArray(part), (values) => {
    for (let i = 0; i < total.length; i++) total[i] += values[i]
  })

/** The moments that the sums make. Fails with `NumericalError` where a weight was given numbers that are not finite. */
export const momentsOf = (name: string, sums: MomentSums): Effect.Effect<InputMoments, NumericalError> => {
  const { count, mean, second, reference } = sums
  const all = [
    mean,
    second,
    ...(reference === undefined ? [] : [reference.mean, reference.cross]),
    ...(reference?.drift === undefined ? [] : [reference.drift.mean, reference.drift.cross])
  ]
  if (!all.every((values) => values.every(Number.isFinite)))
    return Effect.fail(
      new NumericalError({
        operation: "inputMoments",
        reason: `the inputs of "${name}" are not all finite: look for NaN in the weights before it`
      })
    )
  for (const values of all) for (let i = 0; i < values.length; i++) values[i] /= count
  return Effect.succeed({ count, mean, second, reference })
}
