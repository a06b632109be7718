/** Side of the squares in which a matrix is turned over: a strip of each side of one stays in a core's first cache. */
const tile = 32

/** xᵀ for x [rows, columns]. */
export const transposed = (x: Float64Array, rows: number, columns: number): Float64Array => {
  const result = new Float64Array(rows * columns)
  for (let top = 0; top < rows; top += tile) {
    const bottom = Math.min(rows, top + tile)
    for (let left = 0; left < columns; left += tile) {
      const right = Math.min(columns, left + tile)
      for (let i = top; i < bottom; i++)
        for (let j = left; j < right; j++) result[j * rows + i] = x[i * columns + j]
    }
  }
  return result
}
