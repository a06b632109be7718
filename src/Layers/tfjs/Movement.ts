import type { Kernels } from "../../Tensor/Backend.ts"
import { sizeOf } from "../../Tensor/Tensor.ts"
import type { Device } from "./Device.ts"
import { infoDType } from "./Elementwise.ts"
import type { TensorInfo } from "./Engine.ts"
import { boundsWithin, checkedIndices } from "./Indices.ts"

type Movement = "transpose" | "broadcastTo" | "slice" | "pad" | "concatenate" | "gather" | "segmentSum"

/** Elements of the 0/1 matrix that rows are summed by, at a time. */
const largestOneHot = 1 << 24

export const movementKernels = (d: Device): Pick<Kernels, Movement> => ({
  transpose: (x, permutation) =>
    d.result(
      "transpose",
      permutation.map((axis) => x.shape[axis]),
      infoDType(x),
      (p) => p.transpose(p.view(x), permutation),
      boundsWithin(d, x)
    ),

  broadcastTo: (x, shape) =>
    d.result("broadcastTo", shape, infoDType(x), (p) => p.broadcast(p.view(x), shape), boundsWithin(d, x)),

  slice: (x, start, size) =>
    d.result("slice", size, infoDType(x), (p) => p.slice(p.view(x), start, size), boundsWithin(d, x)),

  pad: (x, before, after) => {
    const shape = x.shape.map((size, axis) => before[axis] + size + after[axis])
    return d.result("pad", shape, infoDType(x), (p) =>
      sizeOf(x.shape) === 0
        ? p.fill(0, shape, infoDType(x))
        : p.run(
            "PadV2",
            { x: p.view(x) },
            { paddings: before.map((count, axis) => [count, after[axis]]), constantValue: 0 }
          )
    )
  },

  concatenate: (parts, axis) => {
    const shape = parts[0].shape.map((size, i) =>
      i === axis ? parts.reduce((total, part) => total + part.shape[axis], 0) : size
    )
    const filled = parts.filter((part) => sizeOf(part.shape) > 0)
    const bounds = filled.map((part) => boundsWithin(d, part))
    const known = bounds.every((one) => one !== undefined)
    return d.result(
      "concatenate",
      shape,
      infoDType(parts[0]),
      (p) =>
        p.concatenate(
          filled.map((part) => p.view(part)),
          axis
        ),
      known && bounds.length > 0
        ? {
            least: Math.min(...bounds.map(({ least }) => least)),
            greatest: Math.max(...bounds.map(({ greatest }) => greatest)),
            exact: false
          }
        : undefined
    )
  },

  gather: (x, indices) => {
    const [rows, ...width] = x.shape
    return d.result(
      "gather",
      [...indices.shape, ...width],
      infoDType(x),
      (p) =>
        p.run(
          "GatherV2",
          {
            x: p.view(x, [rows, sizeOf(width)]),
            indices: p.reshape(checkedIndices(p, "gather", indices, rows), [sizeOf(indices.shape)])
          },
          { axis: 0, batchDims: 0 }
        ),
      boundsWithin(d, x)
    )
  },

  // As a product with the 0/1 matrix of rows and segments: always in the same order, which sums by atomics are not.
  segmentSum: (x, indices, segments) => {
    const rows = sizeOf(indices.shape)
    const width = x.shape.slice(indices.shape.length)
    const columns = sizeOf(width)
    return d.result("segmentSum", [segments, ...width], infoDType(x), (p) => {
      if (rows === 0) return p.fill(0, [segments, columns], infoDType(x))
      const places = p.reshape(checkedIndices(p, "segmentSum", indices, segments), [rows])
      const values = p.cast(p.view(x, [rows, columns]), "float32")
      const count = Math.max(1, Math.floor(largestOneHot / segments))
      let total: TensorInfo | undefined
      for (let start = 0; start < rows; start += count) {
        const size = Math.min(count, rows - start)
        const chosen = p.run(
          "OneHot",
          { indices: p.slice(places, [start], [size]) },
          { depth: segments, onValue: 1, offValue: 0, dtype: "float32" }
        )
        const part = p.product(
          p.reshape(p.cast(chosen, "float32"), [1, size, segments]),
          p.reshape(p.slice(values, [start, 0], [size, columns]), [1, size, columns]),
          true
        )
        total = total === undefined ? part : p.add(total, part)
      }
      if (total === undefined) throw new Error("segmentSum without rows")
      return p.cast(total, infoDType(x))
    })
  }
})
