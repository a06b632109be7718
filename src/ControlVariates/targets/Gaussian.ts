import { TargetError } from "../Errors.ts"
import { pointwise, type Target } from "./Target.ts"

/** The inverse and the log determinant of a covariance, [dimensions]^2 row-major. */
export interface Precision {
  readonly matrix: Float64Array
  readonly logDeterminant: number
}

/** Throws a `TargetError` where the covariance has the wrong size, is not symmetric or not positive definite. */
export const precisionOf = (
  target: string,
  covariance: ReadonlyArray<ReadonlyArray<number>>,
  d: number
): Precision => {
  const fail = (reason: string): never => {
    throw new TargetError({ target, reason })
  }
  if (covariance.length !== d || covariance.some((row) => row.length !== d))
    fail(`the covariance must be ${d} by ${d}, as the mean has ${d} numbers`)
  const l = new Float64Array(d * d)
  let logDeterminant = 0
  for (let i = 0; i < d; i++)
    for (let j = 0; j <= i; j++) {
      if (!(Math.abs(covariance[i][j] - covariance[j][i]) <= 1e-10 * Math.abs(covariance[i][j])))
        if (covariance[i][j] !== covariance[j][i])
          fail(`the covariance is not symmetric at [${i}, ${j}]: ${covariance[i][j]} and ${covariance[j][i]}`)
      let rest = covariance[i][j]
      for (let k = 0; k < j; k++) rest -= l[i * d + k] * l[j * d + k]
      if (i !== j) l[i * d + j] = rest / l[j * d + j]
      else if (rest > 0) {
        l[i * d + i] = Math.sqrt(rest)
        logDeterminant += Math.log(rest)
      } else fail(`the covariance is not positive definite: pivot ${i} is ${rest}`)
    }
  // Columns of the inverse by substitution forwards and backwards.
  const matrix = new Float64Array(d * d)
  for (let column = 0; column < d; column++) {
    const y = new Float64Array(d)
    for (let i = 0; i < d; i++) {
      let rest = i === column ? 1 : 0
      for (let k = 0; k < i; k++) rest -= l[i * d + k] * y[k]
      y[i] = rest / l[i * d + i]
    }
    for (let i = d - 1; i >= 0; i--) {
      let rest = y[i]
      for (let k = i + 1; k < d; k++) rest -= l[k * d + i] * matrix[k * d + column]
      matrix[i * d + column] = rest / l[i * d + i]
    }
  }
  return { matrix, logDeterminant }
}

/** -(x - mean)' P (x - mean) / 2; its gradient is written to `score`. */
export const quadratic = (
  x: Float64Array,
  mean: ReadonlyArray<number>,
  precision: Float64Array,
  score: Float64Array
): number => {
  const d = mean.length
  let value = 0
  for (let i = 0; i < d; i++) {
    let sum = 0
    for (let j = 0; j < d; j++) sum -= precision[i * d + j] * (x[j] - mean[j])
    score[i] = sum
    value += 0.5 * sum * (x[i] - mean[i])
  }
  return value
}

/** N(mean, covariance). Throws a `TargetError` where the covariance is none. */
export const gaussian = (options: {
  readonly mean: ReadonlyArray<number>
  readonly covariance: ReadonlyArray<ReadonlyArray<number>>
}): Target => {
  const { mean, covariance } = options
  const { matrix } = precisionOf("Gaussian", covariance, mean.length)
  return pointwise("Gaussian", mean.length, (x, score) => quadratic(x, mean, matrix, score))
}
