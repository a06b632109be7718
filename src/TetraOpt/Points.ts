import { Effect } from "effect"
import { timeSlice } from "../Iteration/TimeSlice.ts"
import { BatchFunctionError } from "./Errors.ts"
import type { Dimension } from "./Dimension.ts"
import type { AnyParameter } from "./Parameter.ts"
import type { Space } from "./Space.ts"
import type { Rows } from "./sweeps/Mode.ts"

/** Points of a space to be evaluated at once; they are overwritten by the next ones, so what is to be kept must be copied. */
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

const plain = (parameter: AnyParameter) =>
  parameter.kind === "conditional" ? parameter.parameter : parameter

/** Writes the values of a parameter in every d-th place of `values`, from `start` on, from the coordinates there in `rows`. */
type Reader = (rows: Float64Array, values: Float64Array, start: number, d: number) => void

const readerOf = ({ toValue }: Dimension, parameter: AnyParameter): Reader => {
  const known = plain(parameter)
  if (known.kind === "categorical")
    return (rows, values, start, d) => {
      for (let e = start; e < values.length; e += d) values[e] = rows[e]
    }
  if (known.kind === "float" && known.scale === "linear") {
    // What toValue does, without a call for every number.
    const { min, max } = known
    return (rows, values, start, d) => {
      for (let e = start; e < values.length; e += d)
        values[e] = Math.min(max, Math.max(min, min + rows[e] * (max - min)))
    }
  }
  return (rows, values, start, d) => {
    for (let e = start; e < values.length; e += d)
      values[e] = Number.isNaN(rows[e]) ? Number.NaN : Number(toValue(rows[e]))
  }
}

/** Reads rows as a search has them, coordinates in [0, 1] or levels, as points. */
export const pointReader = <A>(space: Space<A>): ((rows: Rows) => Points<A>) => {
  const d = space.dimensions.length
  const readers = space.dimensions.map((dimension) => readerOf(dimension, space.parameters[dimension.name]))
  let room = new Float64Array(0)
  return ({ rows, count }) => {
    if (room.length < count * d) room = new Float64Array(2 * count * d)
    const values = room.subarray(0, count * d)
    for (let k = 0; k < d; k++) readers[k](rows, values, k, d)
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
