import { broadcastStrides, type Shape, sizeOf, stridesOf, type TypedArray } from "../../Tensor/Tensor.ts"
import { elementsAt, type HostArray, offsetsOf, zerosLike } from "./HostArray.ts"

const flatIndex = (index: ReadonlyArray<number>, strides: ReadonlyArray<number>): number =>
  index.reduce((offset, position, axis) => offset + position * strides[axis], 0)

export const transpose = (x: HostArray, permutation: ReadonlyArray<number>): TypedArray => {
  const strides = stridesOf(x.shape)
  const shape = permutation.map((axis) => x.shape[axis])
  return elementsAt(
    x.values,
    offsetsOf(
      shape,
      permutation.map((axis) => strides[axis])
    )
  )
}

export const broadcastTo = (x: HostArray, shape: Shape): TypedArray =>
  elementsAt(x.values, offsetsOf(shape, broadcastStrides(x.shape, shape)))

export const slice = (x: HostArray, start: ReadonlyArray<number>, size: Shape): TypedArray => {
  const strides = stridesOf(x.shape)
  return elementsAt(x.values, offsetsOf(size, strides, flatIndex(start, strides)))
}

export const pad = (
  x: HostArray,
  before: ReadonlyArray<number>,
  after: ReadonlyArray<number>
): TypedArray => {
  const shape = x.shape.map((size, axis) => before[axis] + size + after[axis])
  const strides = stridesOf(shape)
  const cells = offsetsOf(x.shape, strides, flatIndex(before, strides))
  const result = zerosLike(x.values, sizeOf(shape))
  for (let i = 0; i < cells.length; i++) result[cells[i]] = x.values[i]
  return result
}

export const concatenate = (parts: ReadonlyArray<HostArray>, axis: number): TypedArray => {
  const outer = sizeOf(parts[0].shape.slice(0, axis))
  const inner = sizeOf(parts[0].shape.slice(axis + 1))
  const result = zerosLike(
    parts[0].values,
    parts.reduce((size, part) => size + part.values.length, 0)
  )
  let offset = 0
  for (let i = 0; i < outer; i++) {
    for (const part of parts) {
      const block = part.shape[axis] * inner
      result.set(part.values.subarray(i * block, (i + 1) * block), offset)
      offset += block
    }
  }
  return result
}
