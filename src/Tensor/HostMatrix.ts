/** Side of the squares in which a matrix is turned over: a strip of each side of one stays in a core's first cache. */
const tile = 32

interface Tile {
  readonly top: number
  readonly bottom: number
  readonly first: number
  readonly last: number
}

/** The squares [top, bottom) by [first, last) of a matrix [n, n] that hold its lower triangle: what walks down columns stays in the cache. */
export const lowerTiles = (n: number): ReadonlyArray<Tile> => {
  const tiles: Array<Tile> = []
  for (let top = 0; top < n; top += tile)
    for (let first = 0; first <= top; first += tile)
      tiles.push({ top, bottom: Math.min(n, top + tile), first, last: Math.min(n, first + tile) })
  return tiles
}

/** x <- scale (x + xᵀ) / 2 off the diagonal, for x [n, n]. */
export const symmetrise = (x: Float64Array, n: number, scale = 1): void => {
  for (const { top, bottom, first, last } of lowerTiles(n))
    for (let i = top; i < bottom; i++)
      for (let j = first; j < Math.min(i, last); j++)
        x[i * n + j] = x[j * n + i] = (scale * (x[i * n + j] + x[j * n + i])) / 2
}

/** Where the first number is that is not finite, or -1; `findIndex` takes ten times as long. */
export const indexOfNotFinite = (values: ArrayLike<number>): number => {
  for (let e = 0; e < values.length; e++) if (!Number.isFinite(values[e])) return e
  return -1
}

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
