import { ShapeError } from "../Errors.ts"
import type { Region } from "../Region.ts"
import { sameShape, type Tensor } from "../Tensor.ts"
import { requireFloat, requireIndices } from "./arguments.ts"

/** Rows of x [n, width...] named by int32 indices [indices...] -> [indices..., width...]; an index outside [0, n) is a `ShapeError`. */
export const gather = (r: Region, x: Tensor, indices: Tensor): Tensor => {
  r.check("gather", x, indices)
  requireIndices("gather", indices)
  if (x.shape.length === 0)
    throw new ShapeError({ operation: "gather", reason: "needs rows", shapes: [x.shape] })
  const output = r.make([...indices.shape, ...x.shape.slice(1)], x.dtype, r.kernels.gather(x, indices))
  return r.record(output, [x], (g) => [
    r.make(x.shape, x.dtype, r.kernels.segmentSum(g, indices, x.shape[0]))
  ])
}

/** Rows of x [indices..., width...] added up where their int32 index says -> [segments, width...]. */
export const segmentSum = (r: Region, x: Tensor, indices: Tensor, segments: number): Tensor => {
  r.check("segmentSum", x, indices)
  requireIndices("segmentSum", indices)
  requireFloat("segmentSum", x)
  const rank = indices.shape.length
  if (!sameShape(x.shape.slice(0, rank), indices.shape))
    throw new ShapeError({
      operation: "segmentSum",
      reason: "one index a row",
      shapes: [x.shape, indices.shape]
    })
  if (!Number.isInteger(segments) || segments < 0)
    throw new ShapeError({
      operation: "segmentSum",
      reason: `${segments} is not a count of segments`,
      shapes: [x.shape, indices.shape]
    })
  const output = r.make(
    [segments, ...x.shape.slice(rank)],
    x.dtype,
    r.kernels.segmentSum(x, indices, segments)
  )
  return r.record(output, [x], (g) => [r.make(x.shape, x.dtype, r.kernels.gather(g, indices))])
}
