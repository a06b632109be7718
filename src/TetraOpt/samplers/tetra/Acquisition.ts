import type { Stream } from "../../../Random/index.ts"
import { logExpectedImprovement } from "../NormalDistribution.ts"
import type { Posterior } from "./Posterior.ts"
import { PriorSample } from "./PriorSample.ts"
import { dot } from "./GrowingCholesky.ts"

/** How much is to be hoped from a point; the higher the better. */
export interface Acquisition {
  /** Part of what is hoped for, a function of its own of the location. */
  readonly prior: PriorSample | undefined
  /**
   * covariances: of the point with all of the posterior's [size]; prior: the value of `prior` there. Where the result would not exceed
   * `threshold`, any value not above it may be given instead.
   */
  readonly score: (covariances: Float64Array, prior: number, threshold: number) => number
}

/**
 * Minus one function drawn from the posterior (Thompson sampling), by Matheron's rule: a function drawn from the prior, corrected by what it gets
 * wrong at the points (Wilson et al., 2020).
 */
export const thompson = (posterior: Posterior, random: Stream): Acquisition => {
  const prior = new PriorSample(posterior.locations, posterior.hyperparameters, random)
  const deviation = Math.sqrt(posterior.hyperparameters.noise)
  const wrong = Float64Array.from(
    posterior.points.slice(0, posterior.told),
    (point) => prior.value(prior.phases(point)) + deviation * random.normal()
  )
  const correction = posterior.coefficients.slice()
  posterior.solve(wrong)
  wrong.forEach((value, i) => {
    correction[i] -= value
  })
  return {
    prior,
    score: (covariances, prior) => -prior - dot(covariances, 0, correction, correction.length)
  }
}

/** Points that are taken into account before looking whether there is still hope. */
const block = 32

/** The logarithm of the expected improvement on the least posterior mean at a point. */
export const expectedImprovement = (posterior: Posterior): Acquisition => {
  const { amplitude, noise } = posterior.hyperparameters
  const best = posterior.leastMean
  const hope = (mean: number, variance: number): number => {
    const deviation = Math.sqrt(Math.max(1e-12 * amplitude, variance))
    return logExpectedImprovement((best - mean) / deviation) + Math.log(deviation)
  }
  const solved = new Float64Array(posterior.points.length)
  return {
    prior: undefined,
    score: (covariances, _, threshold) => {
      const mean = dot(covariances, 0, posterior.coefficients, posterior.told)
      // What some points alone says of the variance is an upper bound, and the hope grows with it: first the nearest, then more and more.
      let largest = 0
      for (let i = 0; i < solved.length; i++) if (covariances[i] > largest) largest = covariances[i]
      const bound = hope(mean, amplitude - (largest * largest) / (amplitude + noise))
      if (bound <= threshold) return bound
      solved.set(covariances)
      let [variance, hoped] = [amplitude, bound]
      for (let from = 0; from < solved.length && hoped > threshold; from += block) {
        const to = Math.min(solved.length, from + block)
        posterior.factor.solveLower(solved, from, to)
        for (let i = from; i < to; i++) variance -= solved[i] * solved[i]
        hoped = hope(mean, variance)
      }
      return hoped
    }
  }
}
