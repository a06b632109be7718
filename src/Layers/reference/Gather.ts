import { ShapeError } from "../../Tensor/Errors.ts"
import { sizeOf, type TypedArray } from "../../Tensor/Tensor.ts"
import { type HostArray, zerosLike } from "./HostArray.ts"

const checkIndices = (operation: string, x: HostArray, indices: HostArray, rows: number): void => {
  const wrong = indices.values.findIndex((index) => index < 0 || index >= rows)
  if (wrong >= 0)
    throw new ShapeError({
      operation,
      reason: `index ${indices.values[wrong]} at position ${wrong} is outside [0, ${rows})`,
      shapes: [x.shape, indices.shape]
    })
}

/** x: [n, width...], indices: [indices...] -> [indices..., width...] */
export const gather = (x: HostArray, indices: HostArray): TypedArray => {
  checkIndices("gather", x, indices, x.shape[0])
  const width = sizeOf(x.shape.slice(1))
  const result = zerosLike(x.values, indices.values.length * width)
  indices.values.forEach((index, i) => {
    result.set(x.values.subarray(index * width, (index + 1) * width), i * width)
  })
  return result
}

/** x: [indices..., width...] -> [segments, width...] */
export const segmentSum = (x: HostArray, indices: HostArray, segments: number): TypedArray => {
  checkIndices("segmentSum", x, indices, segments)
  const width = sizeOf(x.shape.slice(indices.shape.length))
  const totals = new Float64Array(segments * width)
  indices.values.forEach((segment, i) => {
    for (let j = 0; j < width; j++) totals[segment * width + j] += x.values[i * width + j]
  })
  const result = zerosLike(x.values, totals.length)
  result.set(totals)
  return result
}
