import type { Shape, TypedArray } from "../../Tensor/Tensor.ts"

/** Contiguous row-major elements on the host: what the reference kernels read. */
export interface HostArray {
  readonly values: TypedArray
  readonly shape: Shape
}

/** Zeros of the element type of `values`. */
export const zerosLike = (values: TypedArray, length = values.length): TypedArray =>
  values instanceof Float32Array
    ? new Float32Array(length)
    : values instanceof Float64Array
      ? new Float64Array(length)
      : new Int32Array(length)

/** The size of the last dimension and how many rows of it there are. */
export const rowsOf = ({ values, shape }: HostArray): { readonly rows: number; readonly width: number } => {
  const width = shape[shape.length - 1]
  return { rows: width === 0 ? 0 : values.length / width, width }
}

/**
 * For each index of `shape` in row-major order, start + the scalar product of the index and `strides`: where that element
 * lies in an array walked with those strides.
 */
export const offsetsOf = (shape: Shape, strides: ReadonlyArray<number>, start = 0): Int32Array => {
  const offsets = new Int32Array(shape.reduce((size, dimension) => size * dimension, 1))
  if (offsets.length === 0) return offsets
  offsets[0] = start
  let filled = 1
  // Each dimension, innermost first, repeats the block filled so far, shifted by its stride.
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const block = filled
    for (let i = 1; i < shape[axis]; i++) {
      const shift = i * strides[axis]
      for (let j = 0; j < block; j++) offsets[filled++] = offsets[j] + shift
    }
  }
  return offsets
}

/** The elements that lie at `offsets`. */
export const elementsAt = (values: TypedArray, offsets: Int32Array): TypedArray => {
  const result = zerosLike(values, offsets.length)
  for (let i = 0; i < offsets.length; i++) result[i] = values[offsets[i]]
  return result
}
