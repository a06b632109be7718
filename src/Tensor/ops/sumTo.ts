import type { Region } from "../Region.ts"
import { sameShape, type Shape, type Tensor } from "../Tensor.ts"

/** The gradient of a broadcast: g summed back to the shape that was broadcast. */
export const sumTo = (r: Region, g: Tensor, shape: Shape): Tensor => {
  if (sameShape(g.shape, shape)) return g
  const lead = g.shape.length - shape.length
  const axes = g.shape.flatMap((size, i) => (i < lead || (shape[i - lead] === 1 && size !== 1) ? [i] : []))
  if (axes.length === 0) return r.alias(g, shape)
  return r.make(shape, g.dtype, r.kernels.reduce("sum", g, axes))
}
