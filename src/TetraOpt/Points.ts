import { Effect } from "effect"
import { timeSlice } from "../Tensor/TimeSlice.ts"
import { BatchFunctionError } from "./Errors.ts"
import type { AnyParameter } from "./Parameter.ts"
import type { Space } from "./Space.ts"
import type { Rows } from "./sweeps/Mode.ts"

/** Points of a space to be evaluated at once. */
export interface Points<A> {
  readonly count: number
  /**
   * [count, d], row-major, the parameters in the order of the space: a number's value; of a category the position among its values; NaN where the
   * parameter does not exist.
   */
  readonly values: Float64Array
  readonly configuration: (point: number) => A
}

/**
 * A function to be minimised, at many points at once: one value a point, or an effect that gives them. What is not finite, and all of a batch that
 * throws or fails, counts as failed points.
 */
export type BatchObjective<A, E = never, R = never> = (
  points: Points<A>
) => ArrayLike<number> | Effect.Effect<ArrayLike<number>, E, R>

const isCategorical = (parameter: AnyParameter): boolean =>
  (parameter.kind === "conditional" ? parameter.parameter : parameter).kind === "categorical"

/** Reads rows as a search has them, coordinates in [0, 1] or levels, as points. */
export const pointReader = <A>(space: Space<A>): ((rows: Rows) => Points<A>) => {
  const d = space.dimensions.length
  const readers = space.dimensions.map(({ name, toValue }) =>
    isCategorical(space.parameters[name])
      ? (level: number) => level
      : (coordinate: number) => (Number.isNaN(coordinate) ? coordinate : Number(toValue(coordinate)))
  )
  return ({ rows, count }) => {
    const values = new Float64Array(count * d)
    for (let k = 0; k < d; k++) {
      const read = readers[k]
      for (let e = k; e < values.length; e += d) values[e] = read(rows[e])
    }
    return {
      count,
      values,
      configuration: (point) => space.configuration(rows.subarray(point * d, (point + 1) * d))
    }
  }
}

const pointsBetweenPauses = 16

/**
 * A function of one configuration as one of batches, that gives way to other fibers every 10 ms. Where it throws, that point has failed.
 *
 * @example
 * const best = yield* minimize(pointwise(({ x, y }) => (x - 1) ** 2 + y ** 2), space, { evaluations: 2000 })
 */
export const pointwise = <A>(evaluate: (configuration: A) => number): BatchObjective<A, BatchFunctionError> =>
  Effect.fnUntraced(function* ({ count, configuration }: Points<A>) {
    const values = new Float64Array(count)
    const pause = timeSlice()
    let failures = 0
    let last: unknown
    for (let point = 0; point < count; point++) {
      try {
        values[point] = evaluate(configuration(point))
      } catch (cause) {
        values[point] = Number.NaN
        failures++
        last = cause
      }
      if (point % pointsBetweenPauses === pointsBetweenPauses - 1) yield* pause
    }
    if (failures === count) return yield* new BatchFunctionError({ reason: threw(last), cause: last })
    return values
  })

export const threw = (cause: unknown): string =>
  `threw ${cause instanceof Error ? cause.message : String(cause)}`
