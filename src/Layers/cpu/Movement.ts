import type { Kernels } from "../../Tensor/Backend.ts"
import { bytesPerElement, sizeOf, stridesOf, type Tensor } from "../../Tensor/Tensor.ts"
import { addressOf, type Dispatch } from "./Dispatch.ts"
import type { Block } from "./Memory.ts"

const offsetOf = (start: ReadonlyArray<number>, strides: ReadonlyArray<number>): number =>
  start.reduce((total, value, i) => total + value * strides[i], 0)

export const transpose = (d: Dispatch, x: Tensor, permutation: ReadonlyArray<number>): Block => {
  const shape = permutation.map((axis) => x.shape[axis])
  const strides = stridesOf(x.shape)
  const from = permutation.map((axis) => strides[axis])
  return d.filled(shape, x.dtype, (out) => d.copy(shape, x.dtype, addressOf(x), from, out, stridesOf(shape)))
}

type Movement = "transpose" | "broadcastTo" | "slice" | "pad" | "concatenate" | "gather" | "segmentSum"

/** Kernels that put elements elsewhere: all but the last are one strided copy or copies of rows. */
export const movementKernels = (d: Dispatch): Pick<Kernels, Movement> => ({
  transpose: (x, permutation) => transpose(d, x, permutation),
  broadcastTo: (x, shape) => d.broadcastTo(x, shape),
  slice: (x, start, size) => {
    const strides = stridesOf(x.shape)
    const from = addressOf(x) + offsetOf(start, strides) * bytesPerElement(x.dtype)
    return d.filled(size, x.dtype, (out) => d.copy(size, x.dtype, from, strides, out, stridesOf(size)))
  },
  pad: (x, before, after) => {
    const shape = x.shape.map((size, i) => size + before[i] + after[i])
    const strides = stridesOf(shape)
    const bytes = bytesPerElement(x.dtype)
    return d.filled(shape, x.dtype, (out) => {
      d.memory.bytes.fill(0, out, out + sizeOf(shape) * bytes)
      const to = out + offsetOf(before, strides) * bytes
      d.copy(x.shape, x.dtype, addressOf(x), stridesOf(x.shape), to, strides)
    })
  },
  concatenate: (parts, axis) => {
    const { dtype } = parts[0]
    const shape = parts[0].shape.map((size, i) =>
      i === axis ? parts.reduce((total, x) => total + x.shape[axis], 0) : size
    )
    const strides = stridesOf(shape)
    return d.filled(shape, dtype, (out) => {
      let offset = 0
      for (const x of parts) {
        const to = out + offset * strides[axis] * bytesPerElement(dtype)
        d.copy(x.shape, dtype, addressOf(x), stridesOf(x.shape), to, strides)
        offset += x.shape[axis]
      }
    })
  },
  gather: (x, indices) => {
    d.checkIndices("gather", indices, x.shape[0])
    const width = x.shape.slice(1)
    const size = sizeOf(width)
    const count = sizeOf(indices.shape)
    return d.filled([...indices.shape, ...width], x.dtype, (out) =>
      d.rows(
        d.mover("gather", x.dtype),
        [
          [addressOf(x), 0],
          [addressOf(indices), 4],
          [out, size * bytesPerElement(x.dtype)]
        ],
        count,
        [size],
        count * size
      )
    )
  },
  segmentSum: (x, indices, segments) => {
    d.checkIndices("segmentSum", indices, segments)
    const width = x.shape.slice(indices.shape.length)
    const size = sizeOf(width)
    const count = sizeOf(indices.shape)
    return d.filled([segments, ...width], x.dtype, (out) => {
      d.memory.bytes.fill(0, out, out + segments * size * bytesPerElement(x.dtype))
      const fixed = [addressOf(x), addressOf(indices), out, count, size]
      d.columns(d.kernel("segmentSum", x.dtype), size, fixed, count * size)
    })
  }
})
