import { Effect } from "effect"
import { key, stream } from "../Random/index.ts"
import { hostTask } from "../Tensor/HostTask.ts"
import { Backend, ShapeError, type TensorError } from "../Tensor/index.ts"
import { aboutMeans, covariance, type CovarianceOptions, ridgeOf } from "./Covariance.ts"
import type { InputMoments } from "./MomentSums.ts"

/** What a weighted fit is to come near, and by what its error is measured. */
export interface SequentialTarget {
  /** W*, [inputs, outputs] */
  readonly matrix: Float64Array
  /** C of the moments, [inputs, inputs]: see `covariance`. */
  readonly covariance: Float64Array
}

/**
 * The matrix that a weight is to become near when its inputs x come from a compressed prefix and its outputs x W are e short of what they are to be:
 * W* = W + s (E[x xᵀ] + ridge)⁻¹ E[x eᵀ]. With s = 1 it minimises E||x W* - x W - e||² + ridge ||W* - W||², and every other W' is worse
 * by ||C^{1/2} (W' - W*)||², so that weighted fits just take C and W* in place of W. On text of few tokens what is found so is chance in
 * part, and s is what is left of it on other text (`shrinkage`).
 *
 * w: [inputs, outputs]. Without a reference in the moments W* is W itself. Fails with `ShapeError` where
 * w is of another size, and with `NumericalError` where C is singular, which a ridge prevents.
 *
 * @example
 *   const moments = yield* prefixMoments(prefix, original)
 *   const { matrix, covariance } = yield* sequentialTarget(moments, w)
 */
export const sequentialTarget = Effect.fn("Model.sequentialTarget")(function* (
  moments: InputMoments,
  w: Float64Array,
  options: CovarianceOptions = {}
): Effect.fn.Return<SequentialTarget, TensorError, Backend> {
  const { mean, outputError } = moments
  const inputs = mean.length
  if (w.length % inputs !== 0)
    return yield* new ShapeError({
      operation: "sequentialTarget",
      reason: `needs a matrix of ${inputs} rows, not ${w.length} numbers`,
      shapes: [[inputs, inputs], [w.length]]
    })
  const c = covariance(moments, options)
  if (outputError === undefined) return { matrix: w.slice(), covariance: c }
  const { factorizations: host } = yield* Backend
  const outputs = w.length / inputs
  return yield* hostTask(() => {
    const root = host.cholesky(c, inputs)
    const solved = (b: Float64Array, columns: number) =>
      host.solveTriangular(root, inputs, host.solveTriangular(root, inputs, b, columns), columns, true)
    const cross = aboutMeans(outputError.cross, mean, outputError.mean, options.centred)
    const change = solved(cross, outputs)
    const explained = cross.reduce((sum, value, e) => sum + value * change[e], 0)
    const means =
      options.centred === true ? outputError.mean.reduce((sum, value) => sum + value * value, 0) : 0
    const degreesOfFreedom = inputs - ridgeOf(moments, options) * inverseTrace(solved, inputs)
    const kept = shrinkage(
      degreesOfFreedom / moments.count,
      explained,
      outputError.square - means - explained
    )
    return { matrix: w.map((value, e) => value + kept * change[e]), covariance: c }
  })
})

/** Vectors by which a trace is estimated. */
const probes = 16

/** tr C⁻¹, about: the mean of vᵀ C⁻¹ v over random signs v (Hutchinson, 1990). */
const inverseTrace = (solved: (b: Float64Array, columns: number) => Float64Array, inputs: number): number => {
  const numbers = stream(key("inverse trace"))
  const signs = Float64Array.from({ length: inputs * probes }, () => (numbers.uniform() < 0.5 ? -1 : 1))
  return solved(signs, probes).reduce((sum, value, e) => sum + value * signs[e], 0) / probes
}

/**
 * What part of a regression's coefficients is best kept for other data: 1 - 1/F where it is more than chance, F the variance explained over what chance
 * explains with so many degrees of freedom; else 0 (James and Stein, 1961, of the positive part).
 *
 * freedom: degrees of freedom for each observation, explained and rest: of the variance, what the regression found and left.
 */
export const shrinkage = (freedom: number, explained: number, rest: number): number => {
  if (!(explained > 0) || freedom >= 1) return 0
  const byChance = (freedom / (1 - freedom)) * Math.max(0, rest)
  return Math.max(0, 1 - byChance / explained)
}

/**
 * The bias that makes the mean of the outputs what it is to be when W becomes W': b + E[e] + E[x] (W - W'), with e what the outputs are short of, 0 without a
 * reference. With it, the error left is that about the mean.
 */
// bias: [outputs], w, fitted: [inputs, outputs] -> [outputs]
export const refittedBias = (
  { mean, outputError }: Pick<InputMoments, "mean" | "outputError">,
  bias: ArrayLike<number>,
  w: ArrayLike<number>,
  fitted: ArrayLike<number>
): Float64Array => {
  const result = Float64Array.from(bias, (value, j) => value + (outputError?.mean[j] ?? 0))
  for (let i = 0, e = 0; i < mean.length; i++)
    for (let j = 0; j < result.length; j++, e++) result[j] += mean[i] * (w[e] - fitted[e])
  return result
}
