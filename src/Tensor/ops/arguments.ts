import { DTypeError, ShapeError } from "../Errors.ts"
import type { Region } from "../Region.ts"
import type { Shape, Tensor } from "../Tensor.ts"

export const requireFloat = (operation: string, x: Tensor): void => {
  if (x.dtype === "int32")
    throw new DTypeError({ operation, expected: ["float32", "float64"], actual: x.dtype })
}

export const requireIndices = (operation: string, x: Tensor): void => {
  if (x.dtype !== "int32") throw new DTypeError({ operation, expected: ["int32"], actual: x.dtype })
}

export const requireSameDType = (operation: string, ...tensors: ReadonlyArray<Tensor>): void => {
  for (const x of tensors)
    if (x.dtype !== tensors[0].dtype)
      throw new DTypeError({ operation, expected: [tensors[0].dtype], actual: x.dtype })
}

export const requireShape = (operation: string, shape: Shape): void => {
  if (!shape.every((size) => Number.isInteger(size) && size >= 0))
    throw new ShapeError({ operation, reason: "sizes are whole numbers, none negative", shapes: [shape] })
}

/** An axis counted from the end where negative, as an index from the front. */
export const axisOf = (operation: string, x: Tensor, axis: number): number => {
  const index = axis < 0 ? axis + x.shape.length : axis
  if (!Number.isInteger(index) || index < 0 || index >= x.shape.length)
    throw new ShapeError({ operation, reason: `no axis ${axis}`, shapes: [x.shape] })
  return index
}

/** x under a new name that this region owns, where an operation has nothing to do. */
export const unchanged = (r: Region, x: Tensor): Tensor => r.record(r.alias(x, x.shape), [x], (g) => [g])

export const alongShape = (r: Region, x: Tensor, shape: Shape): Tensor =>
  r.make(shape, x.dtype, r.kernels.broadcastTo(x, shape))
