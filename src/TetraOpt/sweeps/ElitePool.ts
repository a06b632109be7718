import { isSmooth, type Mode } from "./Mode.ts"
import type { LineMinimum } from "./LineSweeps.ts"

/** The best distinct points so far, best first. */
export interface ElitePool {
  readonly capacity: number
  readonly rows: Array<Float64Array>
  readonly losses: Array<number>
}

export const elitePool = (capacity: number): ElitePool => ({ capacity, rows: [], losses: [] })

/** Points that are nearer than this in every coordinate are one. */
const sameWithin = 1e-6

const isSame = (a: Float64Array, b: Float64Array): boolean => {
  for (let k = 0; k < a.length; k++) if (!(Math.abs(a[k] - b[k]) <= sameWithin)) return false
  return true
}

/** Puts a point among the best; of two that are the same the better one stays. */
export const admit = (pool: ElitePool, row: Float64Array, loss: number): void => {
  if (!Number.isFinite(loss)) return
  const { rows, losses, capacity } = pool
  if (losses.length === capacity && loss >= losses[capacity - 1]) return
  const same = rows.findIndex((other) => isSame(other, row))
  if (same >= 0) {
    if (losses[same] <= loss) return
    rows.splice(same, 1)
    losses.splice(same, 1)
  }
  let at = losses.findIndex((other) => other > loss)
  if (at < 0) at = losses.length
  rows.splice(at, 0, row.slice())
  losses.splice(at, 0, loss)
  if (losses.length > capacity) {
    rows.pop()
    losses.pop()
  }
}

export const gridLength = { most: 10, within: 1e-4 }

/**
 * By mode, the distinct coordinates of the pool's points and the best local minima of lines; and the points as index rows [points, d]
 * of that grid.
 */
export const gridOf = (
  pool: ElitePool,
  modes: ReadonlyArray<Mode>,
  minima: ReadonlyArray<ReadonlyArray<LineMinimum>> | undefined
): { readonly grid: ReadonlyArray<Float64Array>; readonly indices: Int32Array } => {
  const d = modes.length
  const indices = new Int32Array(pool.rows.length * d)
  const grid = modes.map((mode, k) => {
    const within = mode.levels === 0 ? gridLength.within : 0
    const coordinates: Array<number> = []
    const find = (coordinate: number): number =>
      coordinates.findIndex((other) => Math.abs(other - coordinate) <= within)
    pool.rows.forEach((row, point) => {
      let at = find(row[k])
      if (at < 0) at = coordinates.push(row[k]) - 1
      indices[point * d + k] = at
    })
    if (minima !== undefined)
      for (const { coordinate } of minima[k].toSorted((a, b) => a.loss - b.loss))
        if (coordinates.length < gridLength.most && find(coordinate) < 0) coordinates.push(coordinate)
    if (!isSmooth(mode))
      for (let level = 0; level < mode.levels && coordinates.length < gridLength.most; level++)
        if (find(level) < 0) coordinates.push(level)
    return Float64Array.from(coordinates)
  })
  return { grid, indices }
}
