import { checkPositive } from "../Errors.ts"
import type { Design } from "./Design.ts"
import { exponential } from "./Exponential.ts"
import { normalLogCdf } from "./NormalLogCdf.ts"
import type { Target } from "./Target.ts"

export interface RegressionOptions {
  /** Variance of the independent normal priors of all coefficients: finite, so that separable data too have a posterior. Default 100. */
  readonly priorVariance?: number | undefined
}

// eta = X theta, four columns at a time. values: [columns][rows], theta: [columns]
const predict = (design: Design, theta: Float64Array, eta: Float64Array): void => {
  const { rows, columns, values } = design
  eta.fill(0)
  let j = 0
  for (; j + 4 <= columns; j += 4) {
    const [a, b, c, d] = [theta[j], theta[j + 1], theta[j + 2], theta[j + 3]]
    for (let i = 0, k = j * rows; i < rows; i++, k++)
      eta[i] += a * values[k] + b * values[k + rows] + c * values[k + 2 * rows] + d * values[k + 3 * rows]
  }
  for (; j < columns; j++) for (let i = 0, k = j * rows; i < rows; i++, k++) eta[i] += theta[j] * values[k]
}

// score_j = sum_i x_ij residual_i - theta_j / variance
const backproject = (
  design: Design,
  theta: Float64Array,
  residual: Float64Array,
  variance: number,
  score: Float64Array
): void => {
  const { rows, columns, values } = design
  let j = 0
  for (; j + 4 <= columns; j += 4) {
    let [a, b, c, d] = [0, 0, 0, 0]
    for (let i = 0, k = j * rows; i < rows; i++, k++) {
      const r = residual[i]
      a += r * values[k]
      b += r * values[k + rows]
      c += r * values[k + 2 * rows]
      d += r * values[k + 3 * rows]
    }
    score[j] = a
    score[j + 1] = b
    score[j + 2] = c
    score[j + 3] = d
  }
  for (; j < columns; j++) {
    let sum = 0
    for (let i = 0, k = j * rows; i < rows; i++, k++) sum += residual[i] * values[k]
    score[j] = sum
  }
  for (let k = 0; k < columns; k++) score[k] -= theta[k] / variance
}

/** Replaces eta by the residuals d log p(y | eta) / d eta and returns the log likelihood. */
type Likelihood = (eta: Float64Array, labels: Float64Array) => number

// Of exp(-|eta|) only one is needed an observation, and one logarithm for many: the factors 1 + exp(-|eta|) lie in (1, 2].
const logisticLikelihood: Likelihood = (eta, labels) => {
  let value = 0
  let product = 1
  for (let i = 0; i < eta.length; i++) {
    const t = eta[i]
    const small = exponential(-Math.min(Math.abs(t), 700))
    const total = 1 + small
    product *= total
    if ((i & 511) === 511) {
      value -= Math.log(product)
      product = 1
    }
    value += labels[i] * t - Math.max(t, 0)
    eta[i] = labels[i] - (t >= 0 ? 1 : small) / total
  }
  return value - Math.log(product)
}

const probitLikelihood: Likelihood = (eta, labels) => {
  let value = 0
  for (let i = 0; i < eta.length; i++) {
    const sign = labels[i] === 1 ? 1 : -1
    const logCdf = normalLogCdf(sign * eta[i])
    value += logCdf
    eta[i] = sign * Math.exp(-0.5 * eta[i] * eta[i] - 0.5 * Math.log(2 * Math.PI) - logCdf)
  }
  return value
}

const regression = (
  name: string,
  design: Design,
  options: RegressionOptions,
  likelihood: Likelihood
): Target => {
  const { priorVariance = 100 } = options
  checkPositive("priorVariance", priorVariance)
  const eta = new Float64Array(design.rows)
  const d = design.columns
  return {
    name,
    dimensions: d,
    names: design.names,
    evaluate: (positions, points, logDensities, scores) => {
      for (let c = 0; c < points; c++) {
        const theta = positions.subarray(c * d, (c + 1) * d)
        predict(design, theta, eta)
        let value = likelihood(eta, design.labels)
        for (let j = 0; j < d; j++) value -= (0.5 * theta[j] * theta[j]) / priorVariance
        logDensities[c] = value
        backproject(design, theta, eta, priorVariance, scores.subarray(c * d, (c + 1) * d))
      }
    }
  }
}

/** The posterior of Bayesian logistic regression with a N(0, priorVariance I) prior. */
export const logisticRegression = (design: Design, options: RegressionOptions = {}): Target =>
  regression("logistic regression", design, options, logisticLikelihood)

/** The posterior of Bayesian probit regression with a N(0, priorVariance I) prior. */
export const probitRegression = (design: Design, options: RegressionOptions = {}): Target =>
  regression("probit regression", design, options, probitLikelihood)

/** The mean over rows of P(label 1) under logistic coefficients theta: a functional for `functional`. design: of the rows to predict */
export const logisticPrediction = (design: Design): ((theta: Float64Array) => number) => {
  const eta = new Float64Array(design.rows)
  return (theta) => {
    predict(design, theta, eta)
    let sum = 0
    for (const t of eta) sum += 1 / (1 + exponential(-Math.max(-700, Math.min(700, t))))
    return sum / eta.length
  }
}

/** The same under probit coefficients. */
export const probitPrediction = (design: Design): ((theta: Float64Array) => number) => {
  const eta = new Float64Array(design.rows)
  return (theta) => {
    predict(design, theta, eta)
    let sum = 0
    for (const t of eta) sum += Math.exp(normalLogCdf(t))
    return sum / eta.length
  }
}
