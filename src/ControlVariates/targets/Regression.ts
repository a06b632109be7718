import { checkPositive } from "../Errors.ts"
import type { Design } from "./Design.ts"
import { exponential } from "./Exponential.ts"
import { normalLogCdf } from "../../Distributions/index.ts"
import type { Target } from "./Target.ts"
import { regressionKernel, type RegressionKernel } from "./wasm/RegressionKernel.ts"

export interface RegressionOptions {
  /** Variance of the independent normal priors of all coefficients: finite, so that separable data too have a posterior. Default 100. */
  readonly priorVariance?: number | undefined
}

/** The log likelihood at the theta of a kernel whose rows have the signs of their labels; its gradient in the kernel's score. */
type Likelihood = (kernel: RegressionKernel) => number

const logisticLikelihood: Likelihood = (kernel) => kernel.logistic()

const probitLikelihood: Likelihood = (kernel) => {
  const { eta } = kernel
  kernel.predict()
  let value = 0
  for (let i = 0; i < eta.length; i++) {
    const logCdf = normalLogCdf(eta[i])
    value += logCdf
    eta[i] = Math.exp(-0.5 * eta[i] * eta[i] - 0.5 * Math.log(2 * Math.PI) - logCdf)
  }
  kernel.backproject()
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
  const kernel = regressionKernel(design, "labels")
  const { theta, score } = kernel
  const d = design.columns
  return {
    name,
    dimensions: d,
    names: design.names,
    evaluate: (positions, points, logDensities, scores) => {
      for (let c = 0, at = 0; c < points; c++, at += d) {
        for (let j = 0; j < d; j++) theta[j] = positions[at + j]
        let value = likelihood(kernel)
        for (let j = 0; j < d; j++) {
          value -= (0.5 * theta[j] * theta[j]) / priorVariance
          scores[at + j] = score[j] - theta[j] / priorVariance
        }
        logDensities[c] = value
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

/** The mean over rows of P(label 1) = chance(linear predictor). */
const prediction = (design: Design, chance: (eta: number) => number): ((theta: Float64Array) => number) => {
  const { theta, eta, predict } = regressionKernel(design, "none")
  return (coefficients) => {
    theta.set(coefficients)
    predict()
    let sum = 0
    for (let i = 0; i < eta.length; i++) sum += chance(eta[i])
    return sum / eta.length
  }
}

/** The mean over rows of P(label 1) under logistic coefficients theta: a functional for `functional`. design: of the rows to predict */
export const logisticPrediction = (design: Design): ((theta: Float64Array) => number) =>
  prediction(design, (eta) => 1 / (1 + exponential(-Math.max(-700, Math.min(700, eta)))))

/** The same under probit coefficients. */
export const probitPrediction = (design: Design): ((theta: Float64Array) => number) =>
  prediction(design, (eta) => Math.exp(normalLogCdf(eta)))
