import { type Operations, ShapeError, type Tensor } from "../Tensor/index.ts"

/** Applies a function of matrices to x [..., width] as if it were [rows, width]: [rows, n] becomes [..., n] again. */
export const overRows = (t: Operations, x: Tensor, body: (rows: Tensor) => Tensor): Tensor => {
  if (x.shape.length === 2) return body(x)
  const leading = x.shape.slice(0, -1)
  const y = body(t.reshape(x, [leading.reduce((rows, size) => rows * size, 1), x.shape[x.shape.length - 1]]))
  return t.reshape(y, [...leading, y.shape[1]])
}

/** The sizes of a matrix; anything else is a `ShapeError`. */
export const matrixShape = (operation: string, x: Tensor): readonly [number, number] => {
  if (x.shape.length !== 2) throw new ShapeError({ operation, reason: "needs a matrix", shapes: [x.shape] })
  return [x.shape[0], x.shape[1]]
}
