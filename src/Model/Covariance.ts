import { Effect } from "effect"
import { Backend, ShapeError, type TensorError } from "../Tensor/index.ts"
import { hostTask } from "../Tensor/HostTask.ts"
import type { InputMoments } from "./MomentSums.ts"

/** How often each token of a vocabulary occurs in a text: the weights of an embedding's rows are sqrt(count + 1). */
// tokens: [count] -> [vocabulary]
export const tokenCounts = (tokens: Int32Array, vocabulary: number): Float64Array => {
  const counts = new Float64Array(vocabulary)
  for (const token of tokens) if (token >= 0 && token < vocabulary) counts[token]++
  return counts
}

export interface CovarianceOptions {
  /** Added to the diagonal, as a part of its mean: what keeps directions that the text never took. Default 0.01. */
  readonly ridge?: number | undefined
  /**
   * Whether to leave the mean out, which is right where the bias that follows is fitted again (`refittedBias`): it takes up what the
   * approximation does to the mean. Default false.
   */
  readonly centred?: boolean | undefined
}

const usualRidge = 0.01

/** C = E[x xᵀ] + ridge, or the same about the mean: [inputs, inputs], symmetric and positive definite. */
export const covariance = (moments: InputMoments, options: CovarianceOptions = {}): Float64Array => {
  const { mean, second } = moments
  const c = aboutMeans(second, mean, mean, options.centred)
  const n = mean.length
  for (let i = 0; i < n; i++)
    for (let j = 0; j < i; j++) c[i * n + j] = c[j * n + i] = (c[i * n + j] + c[j * n + i]) / 2
  addToDiagonal(c, n, ridgeOf(moments, options))
  return c
}

// second: [left, right]
const aboutMeans = (
  second: Float64Array,
  left: Float64Array,
  right: Float64Array,
  centred = false
): Float64Array => {
  const c = second.slice()
  const [m, n] = [left.length, right.length]
  if (centred) for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) c[i * n + j] -= left[i] * right[j]
  return c
}

/** The number that goes on the diagonal. Inputs that are all zero leave nothing to measure by: then 1 does as well. */
const ridgeOf = (
  { mean, second }: InputMoments,
  { ridge = usualRidge, centred }: CovarianceOptions
): number => {
  const n = mean.length
  let trace = 0
  for (let i = 0; i < n; i++) trace += second[i * n + i] - (centred === true ? mean[i] ** 2 : 0)
  return trace > 0 ? (ridge * trace) / n : 1
}

const addToDiagonal = (c: Float64Array, n: number, value: number): void => {
  for (let i = 0; i < n; i++) c[i * n + i] += value
}

/**
 * The matrix that a weight is to become near when the inputs x come from a compressed prefix and the outputs are to be those of the original,
 * z W; where they are added to the residual stream, they are to make good as well how far that has drifted, d (else 0):
 * W* = (E[x xᵀ] + ridge)⁻¹ ((E[x zᵀ] + ridge) W + E[x dᵀ]) minimises E||x W* - z W - d||² + ridge ||W* - W||², and every
 * other W' is worse by ||C^{1/2} (W' - W*)||², so that weighted fits just take C = `covariance` and W* in place of W.
 *
 * w: [inputs, outputs] -> [inputs, outputs]. Without a reference in the moments it is W itself. Fails with `ShapeError` where
 * w is of another size, and with `NumericalError` where C is singular, which a ridge prevents.
 *
 * @example
 *   const moments = yield* prefixMoments(prefix)
 *   const target = yield* sequentialTarget(moments, w)
 */
export const sequentialTarget = Effect.fn("Model.sequentialTarget")(function* (
  moments: InputMoments,
  w: Float64Array,
  options: CovarianceOptions = {}
): Effect.fn.Return<Float64Array, TensorError, Backend> {
  const { mean, reference } = moments
  const inputs = mean.length
  if (w.length % inputs !== 0)
    return yield* new ShapeError({
      operation: "sequentialTarget",
      reason: `needs a matrix of ${inputs} rows, not ${w.length} numbers`,
      shapes: [[inputs, inputs], [w.length]]
    })
  if (reference === undefined) return w.slice()
  const { factorizations: host } = yield* Backend
  const cross = aboutMeans(reference.cross, mean, reference.mean, options.centred)
  addToDiagonal(cross, inputs, ridgeOf(moments, options))
  const outputs = w.length / inputs
  const { drift } = reference
  return yield* hostTask(() => {
    const root = host.cholesky(covariance(moments, options), inputs)
    const aim = host.multiply(cross, w, inputs, inputs, outputs)
    if (drift !== undefined) {
      const own = aboutMeans(drift.cross, mean, drift.mean, options.centred)
      for (let e = 0; e < aim.length; e++) aim[e] += own[e]
    }
    const half = host.solveTriangular(root, inputs, aim, outputs)
    return host.solveTriangular(root, inputs, half, outputs, true)
  })
})

/**
 * The bias that makes the mean of the outputs what it was before W became W', and brings back that of a drifted stream:
 * b + E[z] W + E[d] - E[x] W', with z the reference's inputs, x themselves without one. With it, the error left is that about the mean.
 */
// bias: [outputs], w, fitted: [inputs, outputs] -> [outputs]
export const refittedBias = (
  { mean, reference }: Pick<InputMoments, "mean" | "reference">,
  bias: ArrayLike<number>,
  w: ArrayLike<number>,
  fitted: ArrayLike<number>
): Float64Array => {
  const aim = reference?.mean ?? mean
  const drift = reference?.drift?.mean
  const result = Float64Array.from(bias, (value, j) => value + (drift?.[j] ?? 0))
  for (let i = 0, e = 0; i < mean.length; i++)
    for (let j = 0; j < result.length; j++, e++) result[j] += aim[i] * w[e] - mean[i] * fitted[e]
  return result
}
