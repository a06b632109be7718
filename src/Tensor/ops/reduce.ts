import type { ReduceOperation } from "../Backend.ts"
import { ShapeError } from "../Errors.ts"
import type { Region } from "../Region.ts"
import { type Shape, sizeOf, type Tensor } from "../Tensor.ts"
import { alongShape, axisOf, requireFloat } from "./arguments.ts"
import { full, equal, multiply, where } from "./elementwise.ts"

export interface ReduceOptions {
  /** Default: all of them. */
  readonly axes?: ReadonlyArray<number>
  /** Leave the reduced dimensions in place, of size 1; default false. */
  readonly keepDimensions?: boolean
}

const axesOf = (operation: string, x: Tensor, axes: ReadonlyArray<number> | undefined) =>
  axes === undefined
    ? x.shape.map((_, i) => i)
    : [...new Set(axes.map((axis) => axisOf(operation, x, axis)))].toSorted((a, b) => a - b)

const withUnits = (shape: Shape, axes: ReadonlyArray<number>): Shape =>
  shape.map((size, i) => (axes.includes(i) ? 1 : size))

/** [output with unit dimensions where reduced, the shape the caller asked for]. */
const reduceWith = (r: Region, operation: ReduceOperation, x: Tensor, options: ReduceOptions) => {
  r.check(operation, x)
  const axes = axesOf(operation, x, options.axes)
  const kept = withUnits(x.shape, axes)
  const shape = options.keepDimensions ? kept : x.shape.filter((_, i) => !axes.includes(i))
  const output =
    axes.length === 0 ? r.alias(x, shape) : r.make(shape, x.dtype, r.kernels.reduce(operation, x, axes))
  return { output, kept, axes }
}

export const sum = (r: Region, x: Tensor, options: ReduceOptions = {}): Tensor => {
  const { output, kept } = reduceWith(r, "sum", x, options)
  return r.record(output, [x], (g) => [alongShape(r, r.alias(g, kept), x.shape)])
}

export const mean = (r: Region, x: Tensor, options: ReduceOptions = {}): Tensor => {
  requireFloat("mean", x)
  const count = axesOf("mean", x, options.axes).reduce((n, axis) => n * x.shape[axis], 1)
  return multiply(r, sum(r, x, options), 1 / count)
}

/** sum(x^2) without the squares in memory. */
export const sumOfSquares = (r: Region, x: Tensor, options: ReduceOptions = {}): Tensor => {
  requireFloat("sumOfSquares", x)
  if (axesOf("sumOfSquares", x, options.axes).length === 0)
    throw new ShapeError({ operation: "sumOfSquares", reason: "needs at least one axis", shapes: [x.shape] })
  const { output, kept } = reduceWith(r, "sumOfSquares", x, options)
  return r.record(output, [x], (g) => [multiply(r, multiply(r, x, r.alias(g, kept)), 2)])
}

/** The gradient is shared out equally among equal extrema. */
const extremum = (r: Region, operation: "max" | "min", x: Tensor, options: ReduceOptions): Tensor => {
  const chosenFrom = axesOf(operation, x, options.axes).map((axis) => x.shape[axis])
  if (sizeOf(chosenFrom) === 0)
    throw new ShapeError({ operation, reason: "no elements to choose from", shapes: [x.shape] })
  const { output, kept, axes } = reduceWith(r, operation, x, options)
  return r.record(output, [x], (g) => {
    const isExtremum = where(r, equal(r, x, r.alias(output, kept)), full(r, [], 1, x.dtype), 0)
    const count = reduceWith(r, "sum", isExtremum, { axes }).output
    const share = r.make(
      kept,
      x.dtype,
      r.kernels.binary("divide", r.alias(g, kept), r.alias(count, kept), kept)
    )
    return [multiply(r, isExtremum, share)]
  })
}

export const max = (r: Region, x: Tensor, options: ReduceOptions = {}): Tensor =>
  extremum(r, "max", x, options)
export const min = (r: Region, x: Tensor, options: ReduceOptions = {}): Tensor =>
  extremum(r, "min", x, options)

/** int32 index of the first maximum along the last axis. */
export const argmax = (r: Region, x: Tensor): Tensor => {
  r.check("argmax", x)
  requireFloat("argmax", x)
  if (x.shape.length === 0 || x.shape[x.shape.length - 1] === 0)
    throw new ShapeError({
      operation: "argmax",
      reason: "needs a last axis with elements",
      shapes: [x.shape]
    })
  return r.make(x.shape.slice(0, -1), "int32", r.kernels.argmax(x))
}
