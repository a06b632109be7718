import type { Effect } from "effect"
import type { TensorError } from "../../Tensor/index.ts"

/**
 * A density to sample from, known up to a factor, and its score, for many points at once. `evaluate` writes log densities [points] and
 * scores [points, dimensions] of positions [points, dimensions]; it answers at once, or with an Effect to wait for (a device). Outside
 * its support the log density is -Infinity.
 */
export interface Target {
  readonly name: string
  readonly dimensions: number
  readonly names: ReadonlyArray<string>
  readonly evaluate: (
    positions: Float64Array,
    points: number,
    logDensities: Float64Array,
    scores: Float64Array
  ) => void | Effect.Effect<void, TensorError>
}

/** x0, x1, ... */
export const defaultNames = (dimensions: number): ReadonlyArray<string> =>
  Array.from({ length: dimensions }, (_, i) => `x${i}`)

/**
 * A target from plain functions of one point: `logDensityAndScore` writes the score [dimensions] and returns the log density.
 *
 * @example
 * const target = pointwise("exponential", 1, ([x], score) => ((score[0] = -1), x < 0 ? -Infinity : -x))
 */
export const pointwise = (
  name: string,
  dimensions: number,
  logDensityAndScore: (x: Float64Array, score: Float64Array) => number,
  names: ReadonlyArray<string> = defaultNames(dimensions)
): Target => ({
  name,
  dimensions,
  names,
  evaluate: (positions, points, logDensities, scores) => {
    for (let c = 0; c < points; c++)
      logDensities[c] = logDensityAndScore(
        positions.subarray(c * dimensions, (c + 1) * dimensions),
        scores.subarray(c * dimensions, (c + 1) * dimensions)
      )
  }
})
