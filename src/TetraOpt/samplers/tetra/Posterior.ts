import { GrowingCholesky } from "./GrowingCholesky.ts"
import { correlation, type Hyperparameters, type Locations } from "./Kernel.ts"

/**
 * What is known of a function after some of its values, under a Gaussian process whose covariance is a product over the parameters. Its mean is
 * sum_i c_i prod_k correlation_k(x_k, x_ik): a tensor train (a canonical sum) of as many terms as there are points, with interactions of all orders.
 */
export class Posterior {
  readonly locations: Locations
  readonly hyperparameters: Hyperparameters
  /** Those with targets, then those whose values are not known yet. */
  readonly points: Array<Float64Array> = []
  readonly factor = new GrowingCholesky()
  /** How many points have targets. */
  told = 0
  /** Of the mean, [told]. */
  coefficients = new Float64Array(0)
  /** The least of the means at the points. */
  leastMean = 0

  constructor(locations: Locations, hyperparameters: Hyperparameters) {
    this.locations = locations
    this.hyperparameters = hyperparameters
  }

  covariances(location: ArrayLike<number>, into = new Float64Array(this.points.length)) {
    const { isCategory, count } = this.locations
    const { weights, amplitude } = this.hyperparameters
    for (let i = 0; i < into.length; i++) {
      const point = this.points[i]
      let value = amplitude
      for (let k = 0; k < count; k++) value *= correlation(isCategory[k], weights[k], location[k], point[k])
      into[i] = value
    }
    return into
  }

  /** A point more: the variance knows it. O(points^2). */
  append(location: Float64Array): void {
    const { amplitude, noise } = this.hyperparameters
    this.factor.append(this.covariances(location), amplitude + noise)
    this.points.push(location)
  }

  /** The targets of the first points; those after them only lessen the variance, as if their values were what the mean says. */
  setTargets(targets: Float64Array): void {
    this.told = targets.length
    const coefficients = targets.slice()
    this.solve(coefficients)
    this.coefficients = coefficients
    this.leastMean = Number.POSITIVE_INFINITY
    for (let i = 0; i < this.told; i++)
      this.leastMean = Math.min(this.leastMean, targets[i] - this.hyperparameters.noise * coefficients[i])
  }

  /** v [told] becomes the inverse of the covariance of the told points, noise included, times v. */
  solve(v: Float64Array): void {
    this.factor.solveLower(v, v.length)
    this.factor.solveUpper(v, v.length)
  }

  /** Forgets the points from the given one on. */
  truncate(size: number): void {
    this.points.length = Math.min(this.points.length, size)
    this.factor.truncate(size)
  }
}
