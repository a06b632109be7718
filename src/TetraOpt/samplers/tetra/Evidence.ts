import type { Stream } from "../../../Random/index.ts"
import { dot } from "./GrowingCholesky.ts"
import { type Hyperparameters, type Locations, logSlope } from "./Kernel.ts"
import { Posterior } from "./Posterior.ts"

/** Logarithms of hyper-parameters, normal a priori: one weight a dimension, then the amplitude, then the noise. */
interface Prior {
  readonly means: Float64Array
  readonly deviations: Float64Array
}

/**
 * A priori two random points of a space are about equally alike whatever its number of parameters, so the weights fall with that number
 * (for scales: Hvarfner et al., 2024). Little noise is expected: what looks like it is mostly how parameters work together.
 */
const priorOf = ({ isCategory, count }: Locations): Prior => {
  const weight = 2 / (count + 4)
  return {
    // On a scale, places at random are as alike as categories are where the square of the weight is 2.4^2 as much.
    means: Float64Array.of(
      ...isCategory.map((is) => Math.log(is ? weight : 2.4 * Math.sqrt(weight))),
      0,
      Math.log(0.01)
    ),
    deviations: Float64Array.of(...isCategory.map((is) => (is ? 1 : 0.8)), 0.7, 0.8)
  }
}

const fromLogarithms = (logs: Float64Array, count: number): Hyperparameters => ({
  weights: logs.slice(0, count).map(Math.exp),
  amplitude: Math.exp(logs[count]),
  noise: Math.exp(logs[count + 1])
})

const toLogarithms = ({ weights, amplitude, noise }: Hyperparameters): Float64Array =>
  Float64Array.of(...weights, amplitude, noise).map(Math.log)

/** What is assumed before anything is known. */
export const initialHyperparameters = (locations: Locations): Hyperparameters =>
  fromLogarithms(priorOf(locations).means, locations.count)

const iterations = 15

/**
 * Hyper-parameters of greatest evidence times prior, from the given ones on, by signs of the gradient (Rprop: Riedmiller and Braun, 1993).
 * points: locations [n], targets [n]. O(n^3) an iteration.
 */
export const fitHyperparameters = (
  locations: Locations,
  points: ReadonlyArray<Float64Array>,
  targets: Float64Array,
  from: Hyperparameters
): Hyperparameters => {
  const { count } = locations
  const prior = priorOf(locations)
  const logs = toLogarithms(from)
  const steps = new Float64Array(count + 2).fill(0.2)
  const last = new Float64Array(count + 2)
  let best = { evidence: Number.NEGATIVE_INFINITY, logs: logs.slice() }
  for (let iteration = 0; iteration < iterations; iteration++) {
    const { evidence, gradient } = logEvidence(locations, points, targets, fromLogarithms(logs, count))
    const posterior = evidence + logPrior(prior, logs)
    for (let p = 0; p < logs.length; p++) gradient[p] -= (logs[p] - prior.means[p]) / prior.deviations[p] ** 2
    if (posterior > best.evidence) best = { evidence: posterior, logs: logs.slice() }
    for (let p = 0; p < logs.length; p++) {
      const agreement = gradient[p] * last[p]
      if (agreement > 0) steps[p] = Math.min(0.6, 1.3 * steps[p])
      else if (agreement < 0) steps[p] *= 0.5
      last[p] = gradient[p]
      logs[p] += Math.sign(gradient[p]) * steps[p]
    }
  }
  return fromLogarithms(best.logs, count)
}

/** Gaussian process of the points, and ln p(targets) but for a constant. */
const conditioned = (
  locations: Locations,
  points: ReadonlyArray<Float64Array>,
  targets: Float64Array,
  hyperparameters: Hyperparameters
) => {
  const posterior = new Posterior(locations, hyperparameters)
  const covariances = points.map((point) => posterior.append(point))
  posterior.setTargets(targets)
  const { factor, coefficients } = posterior
  const evidence = -0.5 * dot(targets, 0, coefficients, points.length) - factor.logDeterminant
  return { posterior, covariances, evidence }
}

const logPrior = ({ means, deviations }: Prior, logs: Float64Array): number =>
  logs.reduce((sum, log, p) => sum - 0.5 * ((log - means[p]) / deviations[p]) ** 2, 0)

const randomSteps = 8
const stepLength = 0.4

/**
 * Hyper-parameters drawn at random in the neighbourhood of the given ones, in proportion to evidence times prior: the end of a short walk
 * (Metropolis et al., 1953). So proposals differ by what the observations leave open.
 */
export const drawHyperparameters = (
  locations: Locations,
  points: ReadonlyArray<Float64Array>,
  targets: Float64Array,
  from: Hyperparameters,
  random: Stream
): Hyperparameters => {
  const { count } = locations
  const prior = priorOf(locations)
  const logPosterior = (logs: Float64Array): number =>
    conditioned(locations, points, targets, fromLogarithms(logs, count)).evidence + logPrior(prior, logs)
  let logs = toLogarithms(from)
  let here = logPosterior(logs)
  for (let step = 0; step < randomSteps; step++) {
    const next = logs.map((log) => log + stepLength * random.normal())
    const there = logPosterior(next)
    if (Math.log(random.uniform()) >= there - here) continue
    logs = next
    here = there
  }
  return fromLogarithms(logs, count)
}

/** ln p(targets) but for a constant, and its gradient by the logarithms of the hyper-parameters. */
export const logEvidence = (
  locations: Locations,
  points: ReadonlyArray<Float64Array>,
  targets: Float64Array,
  hyperparameters: Hyperparameters
): { readonly evidence: number; readonly gradient: Float64Array } => {
  const { isCategory, count } = locations
  const { weights, amplitude, noise } = hyperparameters
  const { posterior, covariances, evidence } = conditioned(locations, points, targets, hyperparameters)
  const { factor, coefficients: alpha } = posterior
  const inverse = factor.inverse()
  const gradient = new Float64Array(count + 2)
  for (let i = 0, start = 0; i < points.length; start += ++i) {
    for (let j = 0; j < i; j++) {
      const share = (alpha[i] * alpha[j] - inverse[start + j]) * covariances[i][j]
      gradient[count] += share
      for (let k = 0; k < count; k++)
        gradient[k] += share * logSlope(isCategory[k], weights[k], points[i][k], points[j][k])
    }
    const share = 0.5 * (alpha[i] * alpha[i] - inverse[start + i])
    gradient[count] += share * amplitude
    gradient[count + 1] += share * noise
  }
  return { evidence, gradient }
}
