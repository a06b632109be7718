import { UvipOptionError } from "../Errors.ts"

/** [stateSize] scales from an option; throws a `UvipOptionError` unless they are that many positive numbers. Default: all 1. */
export const scaleOf = (scale: ReadonlyArray<number> | undefined, stateSize: number): Float64Array => {
  const scales = Float64Array.from(scale ?? Array.from({ length: stateSize }, () => 1))
  if (scales.length !== stateSize || !scales.every((s) => s > 0 && s < Infinity))
    throw new UvipOptionError({ option: "scale", value: scale, expected: `${stateSize} positive numbers` })
  return scales
}

/** [rows, stateSize], divided by the scales. */
export const scaled = (states: Float64Array, rows: number, scale: Float64Array): Float64Array => {
  const size = scale.length
  const result = new Float64Array(rows * size)
  for (let e = 0; e < result.length; e++) result[e] = states[e] / scale[e % size]
  return result
}
