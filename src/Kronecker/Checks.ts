import { Effect } from "effect"
import { NumericalError, ShapeError, type Tensor } from "../Tensor/index.ts"
import type { KroneckerShape } from "./Contraction.ts"

/** Fails with `ShapeError` where the factors do not multiply to the matrix. */
export const checkShape = (
  operation: string,
  w: Tensor,
  { terms, left, right }: KroneckerShape
): Effect.Effect<void, ShapeError> => {
  const sizes = [terms, ...left, ...right]
  const fits =
    w.shape.length === 2 &&
    sizes.every((size) => Number.isInteger(size) && size >= 1) &&
    left[0] * right[0] === w.shape[0] &&
    left[1] * right[1] === w.shape[1]
  return fits
    ? Effect.void
    : Effect.fail(
        new ShapeError({
          operation,
          reason:
            `${terms} terms of [${left.join(", ")}] (x) [${right.join(", ")}] make ` +
            `[${left[0] * right[0]}, ${left[1] * right[1]}]; the matrix must be of that size, and all sizes at least 1`,
          shapes: [w.shape, left, right]
        })
      )
}

/** Fails with `NumericalError` where an entry is NaN or infinite. */
export const checkFinite = (
  operation: string,
  values: ArrayLike<number>,
  columns: number
): Effect.Effect<void, NumericalError> => {
  let count = 0
  let first = -1
  for (let i = 0; i < values.length; i++)
    if (!Number.isFinite(values[i])) {
      if (count === 0) first = i
      count++
    }
  return count === 0
    ? Effect.void
    : Effect.fail(
        new NumericalError({
          operation,
          reason:
            `${count} of ${values.length} entries are not finite, the first at ` +
            `[${Math.floor(first / columns)}, ${first % columns}]: ${values[first]}`
        })
      )
}
