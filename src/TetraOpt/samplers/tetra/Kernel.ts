import type { SearchRows } from "../../Space.ts"

/** The location of a parameter that does not exist. */
export const absent = -1

/**
 * Which of the dimensions of a space count as categories, where two coordinates are equal or not, and which as a scale from 0 to 1; and rows as
 * locations: the category or the place on the scale, `absent` where the parameter does not exist.
 */
export class Locations {
  readonly space: SearchRows
  readonly count: number
  readonly isCategory: ReadonlyArray<boolean>

  constructor(space: SearchRows) {
    this.space = space
    this.count = space.dimensions.length
    this.isCategory = space.dimensions.map(
      ({ isOrdered, levels }) => !isOrdered || (levels > 0 && levels <= 2)
    )
  }

  at(k: number, coordinate: number): number {
    if (Number.isNaN(coordinate)) return absent
    return this.isCategory[k] ? coordinate : this.space.dimensions[k].position(coordinate)
  }

  of(row: ArrayLike<number>): Float64Array {
    return Float64Array.from({ length: this.count }, (_, k) => this.at(k, row[k]))
  }
}

/** amplitude, one weight a dimension, and the variance of the noise; all above 0. */
export interface Hyperparameters {
  readonly weights: Float64Array
  readonly amplitude: number
  readonly noise: number
}

const root5 = Math.sqrt(5)

/**
 * How far apart two places are. A parameter that does not exist lies off the middle of the scale, on an axis of its own: as far from the middle
 * as the ends are.
 */
export const distance = (a: number, b: number): number => {
  if (a >= 0 && b >= 0) return Math.abs(a - b)
  if (a < 0 && b < 0) return 0
  return Math.hypot((a < 0 ? b : a) - 0.5, 0.5)
}

/** Matern's correlation of order 5/2 and length 1 / weight at a distance; never 0, so that it can be divided by. */
export const matern = (weight: number, distance: number): number => {
  const r = root5 * weight * distance
  return Math.max(1e-12, (1 + r + (r * r) / 3) * Math.exp(-r))
}

/** The derivative of the logarithm of a correlation, exp(-weight) for two different categories, else Matern's, by the logarithm of its weight. */
export const logSlope = (isCategory: boolean, weight: number, a: number, b: number): number => {
  if (a === b) return 0
  if (isCategory) return -weight
  const r = root5 * weight * distance(a, b)
  return -(r * r * (1 + r)) / (3 + 3 * r + r * r)
}
