import { SpaceError } from "./Errors.ts"
import type { AnyParameter, Category, Parameter } from "./Parameter.ts"

/**
 * A parameter as one coordinate of a row: a number in [0, 1] where it is continuous, else the index of a level. A parameter that does not
 * exist, given the others, has the coordinate NaN.
 */
export interface Dimension {
  readonly name: string
  /** How many levels there are; 0: continuous. */
  readonly levels: number
  /** Whether neighbouring levels are expected to do alike. */
  readonly isOrdered: boolean
  readonly toValue: (coordinate: number) => Category
  /** undefined where the value is none of the parameter's. */
  readonly toCoordinate: (value: unknown) => number | undefined
  /** Where a coordinate lies in [0, 1], by the parameter's scale. */
  readonly position: (coordinate: number) => number
  /** Other dimensions, by index, and the coordinates of which one is needed. */
  readonly given: ReadonlyArray<{ readonly dimension: number; readonly coordinates: ReadonlySet<number> }>
}

const largestCount = Number.MAX_SAFE_INTEGER

/** Throws a `SpaceError` for a parameter that is none. */
export const dimensionOf = (
  name: string,
  parameter: AnyParameter,
  earlier: ReadonlyArray<Dimension>
): Dimension => {
  if (parameter.kind !== "conditional") return { name, given: [], ...coordinatesOf(name, parameter) }
  const given = Object.entries(parameter.given).map(([other, values]) => {
    const dimension = earlier.findIndex((one) => one.name === other)
    if (dimension < 0)
      throw new SpaceError({ parameter: name, reason: `depends on ${other}, which is no earlier parameter` })
    if (earlier[dimension].levels === 0)
      throw new SpaceError({
        parameter: name,
        reason: `depends on ${other}, which is continuous; use one with levels, such as categorical`
      })
    if (values.length === 0)
      throw new SpaceError({ parameter: name, reason: `depends on ${other}, but no value of it is named` })
    const coordinates = values.map((value) => {
      const coordinate = earlier[dimension].toCoordinate(value)
      if (coordinate === undefined)
        throw new SpaceError({
          parameter: name,
          reason: `depends on ${other} being ${String(value)}, which it never is`
        })
      return coordinate
    })
    return { dimension, coordinates: new Set(coordinates) }
  })
  return { name, given, ...coordinatesOf(name, parameter.parameter) }
}

type Coordinates = Pick<Dimension, "levels" | "isOrdered" | "toValue" | "toCoordinate" | "position">

const coordinatesOf = (name: string, parameter: Parameter): Coordinates => {
  if (parameter.kind === "categorical") return ofCategories(name, parameter.values, parameter.ordered)
  const { min, max, scale } = parameter
  if (!(Number.isFinite(min) && Number.isFinite(max)))
    throw new SpaceError({ parameter: name, reason: `bounds must be finite, not [${min}, ${max}]` })
  if (min > max)
    throw new SpaceError({
      parameter: name,
      reason: `the lower bound ${min} is above the upper bound ${max}`
    })
  if (scale === "log" && min <= 0)
    throw new SpaceError({
      parameter: name,
      reason: `a log scale needs bounds above 0, not ${min}; use a linear one`
    })
  const [low, high] = scale === "log" ? [Math.log(min), Math.log(max)] : [min, max]
  const share = (value: number): number =>
    high === low ? 0 : ((scale === "log" ? Math.log(value) : value) - low) / (high - low)
  const isNumber = (value: unknown): value is number =>
    typeof value === "number" && value >= min && value <= max
  if (parameter.kind === "float") {
    if (min === max)
      throw new SpaceError({ parameter: name, reason: `both bounds are ${min}; leave the parameter out` })
    const at = (u: number) => low + u * (high - low)
    return {
      levels: 0,
      isOrdered: true,
      toValue: (u) => Math.min(max, Math.max(min, scale === "log" ? Math.exp(at(u)) : at(u))),
      toCoordinate: (value) => (isNumber(value) ? share(value) : undefined),
      position: (u) => u
    }
  }
  const { step } = parameter
  if (!(Number.isSafeInteger(min) && Number.isSafeInteger(max)))
    throw new SpaceError({ parameter: name, reason: `bounds must be whole numbers, not [${min}, ${max}]` })
  if (!(Number.isSafeInteger(step) && step >= 1))
    throw new SpaceError({ parameter: name, reason: `the step must be a whole number above 0, not ${step}` })
  const levels = Math.floor((max - min) / step) + 1
  if (levels > largestCount)
    throw new SpaceError({ parameter: name, reason: `${levels} values are too many` })
  return {
    levels,
    isOrdered: true,
    toValue: (level) => min + level * step,
    toCoordinate: (value) =>
      isNumber(value) && (value - min) % step === 0 ? (value - min) / step : undefined,
    position: (level) => share(min + level * step)
  }
}

const ofCategories = (name: string, values: ReadonlyArray<Category>, ordered: boolean): Coordinates => {
  if (values.length === 0) throw new SpaceError({ parameter: name, reason: "has no values" })
  if (new Set(values).size < values.length)
    throw new SpaceError({ parameter: name, reason: `has a value twice: ${values.join(", ")}` })
  return {
    levels: values.length,
    isOrdered: ordered,
    toValue: (level) => values[level],
    toCoordinate: (value) => {
      const level = values.findIndex((one) => one === value)
      return level < 0 ? undefined : level
    },
    position: (level) => level / Math.max(1, values.length - 1)
  }
}
