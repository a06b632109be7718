import { GrowingCholesky } from "./GrowingCholesky.ts"
import { distance, type Hyperparameters, type Locations, matern } from "./Kernel.ts"

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
  /** By dimension, the points' locations there. */
  readonly #columns: ReadonlyArray<Array<number>>
  /** The correlation of different categories. */
  readonly #unlike: Float64Array

  constructor(locations: Locations, hyperparameters: Hyperparameters) {
    this.locations = locations
    this.hyperparameters = hyperparameters
    this.#columns = locations.isCategory.map(() => [])
    this.#unlike = hyperparameters.weights.map((weight) => Math.exp(-weight))
  }

  /** values [points] by the correlation, along dimension k, of the place with each point. */
  multiply(values: Float64Array, k: number, place: number): void {
    const column = this.#columns[k]
    const unlike = this.#unlike[k]
    if (this.locations.isCategory[k]) {
      for (let i = 0; i < values.length; i++) if (column[i] !== place) values[i] *= unlike
    } else {
      const weight = this.hyperparameters.weights[k]
      for (let i = 0; i < values.length; i++) values[i] *= matern(weight, distance(place, column[i]))
    }
  }

  /** What `multiply` does, undone. */
  divide(values: Float64Array, k: number, place: number): void {
    const column = this.#columns[k]
    const unlike = this.#unlike[k]
    if (this.locations.isCategory[k]) {
      for (let i = 0; i < values.length; i++) if (column[i] !== place) values[i] /= unlike
    } else {
      const weight = this.hyperparameters.weights[k]
      for (let i = 0; i < values.length; i++) values[i] /= matern(weight, distance(place, column[i]))
    }
  }

  /** Of a location with all points, [points]. */
  covariances(location: ArrayLike<number>, into = new Float64Array(this.points.length)) {
    into.fill(this.hyperparameters.amplitude)
    for (let k = 0; k < location.length; k++) this.multiply(into, k, location[k])
    return into
  }

  /** A point more, of which the variance knows; gives its covariances with those before. O(points^2). */
  append(location: Float64Array): Float64Array {
    const { amplitude, noise } = this.hyperparameters
    const covariances = this.covariances(location)
    this.factor.append(covariances, amplitude + noise)
    this.points.push(location)
    location.forEach((place, k) => {
      this.#columns[k].push(place)
    })
    return covariances
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
    this.factor.solveLower(v, 0, v.length)
    this.factor.solveUpper(v)
  }

  /** Forgets the points from the given one on. */
  truncate(size: number): void {
    if (size >= this.points.length) return
    this.points.length = size
    for (const column of this.#columns) column.length = size
    this.factor.truncate(size)
  }
}
