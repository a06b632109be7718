/** The best distinct points so far, best first. */
export interface ElitePool {
  readonly capacity: number
  readonly rows: Array<Float64Array>
  readonly losses: Array<number>
}

export const elitePool = (capacity: number): ElitePool => ({ capacity, rows: [], losses: [] })

/** Points that are nearer than this in every coordinate are one. */
const sameWithin = 1e-6

const isSame = (a: Float64Array, b: Float64Array): boolean =>
  a.every((x, k) => Math.abs(x - b[k]) <= sameWithin)

/** Puts a point among the best; of two that are the same the better one stays. */
export const admit = (pool: ElitePool, row: Float64Array, loss: number): void => {
  if (!Number.isFinite(loss)) return
  if (pool.losses.length === pool.capacity && loss >= pool.losses[pool.capacity - 1]) return
  const same = pool.rows.findIndex((other) => isSame(other, row))
  if (same >= 0) {
    if (pool.losses[same] <= loss) return
    pool.rows.splice(same, 1)
    pool.losses.splice(same, 1)
  }
  let at = pool.losses.findIndex((other) => other > loss)
  if (at < 0) at = pool.losses.length
  pool.rows.splice(at, 0, row.slice())
  pool.losses.splice(at, 0, loss)
  if (pool.losses.length > pool.capacity) {
    pool.rows.pop()
    pool.losses.pop()
  }
}

/** By mode, the distinct coordinates of the pool's points; and the points as index rows [points, d] of that grid. */
export const gridOf = (
  pool: ElitePool,
  dimensions: number
): { readonly grid: ReadonlyArray<Float64Array>; readonly indices: Int32Array } => {
  const grid: Array<Array<number>> = Array.from({ length: dimensions }, () => [])
  const indices = new Int32Array(pool.rows.length * dimensions)
  pool.rows.forEach((row, point) => {
    row.forEach((coordinate, k) => {
      let at = grid[k].findIndex((other) => Math.abs(other - coordinate) <= sameWithin)
      if (at < 0) at = grid[k].push(coordinate) - 1
      indices[point * dimensions + k] = at
    })
  })
  return { grid: grid.map((coordinates) => Float64Array.from(coordinates)), indices }
}
