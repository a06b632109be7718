import { symmetrise } from "../Tensor/HostMatrix.ts"
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
  symmetrise(c, n)
  const ridge = ridgeOf(moments, options)
  for (let i = 0; i < n; i++) c[i * n + i] += ridge
  return c
}

/** A second moment without the product of the means, where that is to be left out. */
// second: [left, right]
export const aboutMeans = (
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
export const ridgeOf = (
  { mean, second }: InputMoments,
  { ridge = usualRidge, centred }: CovarianceOptions
): number => {
  const n = mean.length
  let trace = 0
  for (let i = 0; i < n; i++) trace += second[i * n + i] - (centred === true ? mean[i] ** 2 : 0)
  return trace > 0 ? (ridge * trace) / n : 1
}
