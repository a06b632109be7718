import { broadcastStrides, type Shape } from "../../Tensor/Tensor.ts"

export interface Layout {
  /** Sizes after dimensions that lie one behind the other have been joined; at least one. */
  readonly sizes: ReadonlyArray<number>
  /** Element strides of each operand along them. */
  readonly strides: ReadonlyArray<ReadonlyArray<number>>
}

/** Joins neighbouring dimensions wherever every operand runs through both as if they were one. */
export const joinDimensions = (
  sizes: ReadonlyArray<number>,
  strides: ReadonlyArray<ReadonlyArray<number>>
): Layout => {
  const joined: Array<number> = []
  const joinedStrides: Array<Array<number>> = strides.map(() => [])
  for (let i = 0; i < sizes.length; i++) {
    if (sizes[i] === 1) continue
    const last = joined.length - 1
    const continues = last >= 0 && strides.every((own, o) => joinedStrides[o][last] === own[i] * sizes[i])
    if (continues) joined[last] *= sizes[i]
    else joined.push(sizes[i])
    const at = joined.length - 1
    strides.forEach((own, o) => {
      joinedStrides[o][at] = own[i]
    })
  }
  if (joined.length === 0) return { sizes: [1], strides: strides.map(() => [0]) }
  return { sizes: joined, strides: joinedStrides }
}

/** How operands of the given shapes are read when broadcast to `target`. */
export const broadcastLayout = (target: Shape, shapes: ReadonlyArray<Shape>): Layout =>
  joinDimensions(
    target,
    shapes.map((shape) => broadcastStrides(shape, target))
  )
