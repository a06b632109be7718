/** Element types; `int32` carries indices and the 0/1 results of comparisons. */
export type DType = "float32" | "float64" | "int32"

/** Sizes of the dimensions, outermost first; `[]` is a scalar. Elements are row-major and contiguous. */
export type Shape = ReadonlyArray<number>

export type TypedArray = Float32Array | Float64Array | Int32Array

/** A backend's own handle of some memory; only the backend that made it looks inside. */
export type Buffer = object

/**
 * The memory behind one or more tensors. `buffer` is a cell: an in-place update (an optimiser's step) may put another
 * handle into it. `references` counts the tensors that share it; at 0 the buffer has been released.
 */
export class Storage {
  buffer: Buffer
  references = 1
  constructor(buffer: Buffer) {
    this.buffer = buffer
  }
}

/**
 * An n-dimensional array of numbers on a backend. It belongs to the `Scope` it was made in; used after that scope has
 * been left, operations fail with `UseAfterFree`.
 */
export interface Tensor {
  readonly shape: Shape
  readonly dtype: DType
  readonly storage: Storage
}

export const sizeOf = (shape: Shape): number => {
  let size = 1
  for (const dimension of shape) size *= dimension
  return size
}

export const bytesPerElement = (dtype: DType): number => (dtype === "float64" ? 8 : 4)

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((dimension, i) => dimension === b[i])

/** Element strides of a contiguous row-major array. */
export const stridesOf = (shape: Shape): Array<number> => {
  const strides = Array.from<number>({ length: shape.length })
  let stride = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride
    stride *= shape[i]
  }
  return strides
}

/** The shape that two shapes broadcast to (numpy's rule), or undefined where they do not fit. */
export const broadcastShapes = (a: Shape, b: Shape): Shape | undefined => {
  const rank = Math.max(a.length, b.length)
  const shape = Array.from<number>({ length: rank })
  for (let i = 0; i < rank; i++) {
    const da = a[a.length - rank + i] ?? 1
    const db = b[b.length - rank + i] ?? 1
    if (da !== db && da !== 1 && db !== 1) return undefined
    shape[i] = da === 1 ? db : da
  }
  return shape
}

/** Strides that read `shape` as if it were broadcast to `target`: 0 along the repeated dimensions. */
export const broadcastStrides = (shape: Shape, target: Shape): Array<number> => {
  const own = stridesOf(shape)
  return target.map((_, i) => {
    const j = i - (target.length - shape.length)
    return j < 0 || shape[j] === 1 ? 0 : own[j]
  })
}

export const arrayFor = (dtype: DType, length: number): TypedArray =>
  dtype === "float32"
    ? new Float32Array(length)
    : dtype === "float64"
      ? new Float64Array(length)
      : new Int32Array(length)

export const dtypeOf = (array: TypedArray): DType =>
  array instanceof Float32Array ? "float32" : array instanceof Float64Array ? "float64" : "int32"
