import type { Factorizations } from "../../Tensor/index.ts"

/** Below so many multiplications a loop here is faster than the way to a BLAS and back. */
const smallProduct = 2_000

/** a [m, k] b [k, n]. */
export const product = (
  host: Factorizations,
  a: Float64Array,
  b: Float64Array,
  m: number,
  k: number,
  n: number
): Float64Array => {
  if (m * k * n > smallProduct) return host.multiply(a, b, m, k, n)
  const result = new Float64Array(m * n)
  for (let i = 0; i < m; i++)
    for (let p = 0; p < k; p++) {
      const factor = a[i * k + p]
      if (factor === 0) continue
      for (let j = 0; j < n; j++) result[i * n + j] += factor * b[p * n + j]
    }
  return result
}

export const identity = (size: number): Float64Array<ArrayBuffer> => {
  const matrix = new Float64Array(size * size)
  for (let p = 0; p < size; p++) matrix[p * size + p] = 1
  return matrix
}

/** The first `kept` columns of a [rows, columns]. */
export const leadingColumns = (
  a: Float64Array,
  rows: number,
  columns: number,
  kept: number
): Float64Array => {
  if (kept === columns) return a
  const result = new Float64Array(rows * kept)
  for (let i = 0; i < rows; i++) result.set(a.subarray(i * columns, i * columns + kept), i * kept)
  return result
}

/** a [rows, columns] with column j multiplied by factors[j]. */
export const scaledColumns = (a: Float64Array, columns: number, factors: Float64Array): Float64Array => {
  const result = new Float64Array(a.length)
  for (let start = 0; start < a.length; start += columns)
    for (let j = 0; j < columns; j++) result[start + j] = a[start + j] * factors[j]
  return result
}
