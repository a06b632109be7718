import type { ElitePool } from "./ElitePool.ts"
import type { LineMinimum } from "./Line.ts"
import { isSmooth, type Mode } from "./Mode.ts"

/** Coordinates that a tensor-train sweep puts together anew, one list a mode. */
export interface CandidateGrid {
  readonly coordinates: ReadonlyArray<Float64Array>
  /** The points of the pool [points, d], as indices into the lists, best first. */
  readonly elite: Int32Array
}

const mostCandidates = 10

/** Coordinates in [0, 1] that are nearer to each other than this are one. */
const sameWithin = 1e-4

/**
 * By mode, the coordinates of the pool's points and the best local minima of lines, `minima`; and, of a mode without nearness, levels up to the
 * limit. Modes outside the window keep the pool's coordinates alone.
 */
export const candidateGrid = (
  pool: ElitePool,
  modes: ReadonlyArray<Mode>,
  window: Int32Array,
  minima: ReadonlyArray<ReadonlyArray<LineMinimum>>
): CandidateGrid => {
  const d = modes.length
  const elite = new Int32Array(pool.rows.length * d)
  const coordinates = modes.map((mode, k) => {
    const within = mode.levels === 0 ? sameWithin : 0
    const list: Array<number> = []
    const place = (coordinate: number): number =>
      list.findIndex((other) => Math.abs(other - coordinate) <= within)
    for (const [point, row] of pool.rows.entries()) {
      const at = place(row[k])
      elite[point * d + k] = at < 0 ? list.push(row[k]) - 1 : at
    }
    const add = (coordinate: number): void => {
      if (list.length < mostCandidates && place(coordinate) < 0) list.push(coordinate)
    }
    if (window.includes(k)) {
      for (const { coordinate } of minima[k].toSorted((a, b) => a.loss - b.loss)) add(coordinate)
      if (!isSmooth(mode)) for (let level = 0; level < Math.min(mode.levels, mostCandidates); level++) add(level)
    }
    return Float64Array.from(list)
  })
  return { coordinates, elite }
}
