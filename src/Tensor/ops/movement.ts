import { ShapeError } from "../Errors.ts"
import type { Region } from "../Region.ts"
import { type Shape, sizeOf, type Tensor } from "../Tensor.ts"
import { axisOf, requireSameDType, unchanged } from "./arguments.ts"

/** The same elements under another shape of equal size; one dimension may be -1. Nothing is copied. */
export const reshape = (r: Region, x: Tensor, shape: Shape): Tensor => {
  r.check("reshape", x)
  const unknown = shape.filter((size) => size === -1).length
  const known = sizeOf(shape.filter((size) => size !== -1))
  const size = sizeOf(x.shape)
  const inferred = known === 0 ? 0 : size / known
  const target = shape.map((dimension) => (dimension === -1 ? inferred : dimension))
  if (unknown > 1 || !target.every((d) => Number.isInteger(d) && d >= 0) || sizeOf(target) !== size)
    throw new ShapeError({
      operation: "reshape",
      reason: `${size} elements do not fit`,
      shapes: [x.shape, shape]
    })
  return r.record(r.alias(x, target), [x], (g) => [r.alias(g, x.shape)])
}

/** Dimension i of the result is dimension permutation[i] of x; default: reversed. */
export const transpose = (r: Region, x: Tensor, permutation?: ReadonlyArray<number>): Tensor => {
  r.check("transpose", x)
  const order = permutation ?? x.shape.map((_, i) => x.shape.length - 1 - i)
  const inverse = order.map((_, i) => order.indexOf(i))
  if (order.length !== x.shape.length || inverse.includes(-1))
    throw new ShapeError({
      operation: "transpose",
      reason: "not a permutation of the axes",
      shapes: [x.shape, order]
    })
  if (order.every((axis, i) => axis === i)) return unchanged(r, x)
  const permuted = (y: Tensor, by: ReadonlyArray<number>) =>
    r.make(
      by.map((axis) => y.shape[axis]),
      y.dtype,
      r.kernels.transpose(y, by)
    )
  return r.record(permuted(x, order), [x], (g) => [permuted(g, inverse)])
}

/** The block of `size` that begins at `start`. */
export const slice = (r: Region, x: Tensor, start: ReadonlyArray<number>, size: Shape): Tensor => {
  r.check("slice", x)
  const fits =
    start.length === x.shape.length &&
    size.length === x.shape.length &&
    x.shape.every(
      (dimension, i) =>
        Number.isInteger(start[i]) &&
        Number.isInteger(size[i]) &&
        start[i] >= 0 &&
        size[i] >= 0 &&
        start[i] + size[i] <= dimension
    )
  if (!fits)
    throw new ShapeError({
      operation: "slice",
      reason: "the block lies outside",
      shapes: [x.shape, start, size]
    })
  const after = x.shape.map((dimension, i) => dimension - start[i] - size[i])
  return r.record(r.make(size, x.dtype, r.kernels.slice(x, start, size)), [x], (g) => [
    r.make(x.shape, x.dtype, r.kernels.pad(g, start, after))
  ])
}

/** Zeros before and after, a count for each dimension. */
export const pad = (
  r: Region,
  x: Tensor,
  before: ReadonlyArray<number>,
  after: ReadonlyArray<number>
): Tensor => {
  r.check("pad", x)
  const fits =
    before.length === x.shape.length &&
    after.length === x.shape.length &&
    [...before, ...after].every((n) => Number.isInteger(n) && n >= 0)
  if (!fits)
    throw new ShapeError({
      operation: "pad",
      reason: "a count for each dimension, none negative",
      shapes: [x.shape, before, after]
    })
  const shape = x.shape.map((dimension, i) => dimension + before[i] + after[i])
  return r.record(r.make(shape, x.dtype, r.kernels.pad(x, before, after)), [x], (g) => [
    r.make(x.shape, x.dtype, r.kernels.slice(g, before, x.shape))
  ])
}

export const concatenate = (r: Region, parts: ReadonlyArray<Tensor>, axis: number): Tensor => {
  if (parts.length === 0)
    throw new ShapeError({ operation: "concatenate", reason: "nothing to join", shapes: [] })
  r.check("concatenate", ...parts)
  requireSameDType("concatenate", ...parts)
  const along = axisOf("concatenate", parts[0], axis)
  const fits = parts.every(
    (x) =>
      x.shape.length === parts[0].shape.length &&
      x.shape.every((size, i) => i === along || size === parts[0].shape[i])
  )
  if (!fits)
    throw new ShapeError({
      operation: "concatenate",
      reason: `shapes differ outside axis ${along}`,
      shapes: parts.map((x) => x.shape)
    })
  const shape = parts[0].shape.map((size, i) =>
    i === along ? parts.reduce((total, x) => total + x.shape[along], 0) : size
  )
  const output = r.make(shape, parts[0].dtype, r.kernels.concatenate(parts, along))
  return r.record(output, parts, (g) => {
    let offset = 0
    return parts.map((x) => {
      const start = x.shape.map((_, i) => (i === along ? offset : 0))
      offset += x.shape[along]
      return r.isTracked(x) ? r.make(x.shape, x.dtype, r.kernels.slice(g, start, x.shape)) : undefined
    })
  })
}
