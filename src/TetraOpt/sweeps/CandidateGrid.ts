import type { ElitePool } from "./ElitePool.ts"
import type { LineMinimum } from "./Line.ts"
import { isSmooth, type Mode } from "./Mode.ts"

/** Coordinates that a tensor-train sweep puts together anew: one list for each mode of a window. */
export interface CandidateGrid {
  readonly window: Int32Array
  /** [d]: where the modes outside the window stay. */
  readonly base: Float64Array
  readonly candidates: ReadonlyArray<Float64Array>
  /** The points of the pool [points, window], as indices into the lists, best first. */
  readonly elite: Int32Array
}

const most = 10

/** Coordinates in [0, 1] that are nearer to each other than this are one. */
const sameWithin = 1e-4

/**
 * By mode, the coordinates of the pool's points and the best local minima of lines, `minima`; and, of a mode without nearness, levels up to the
 * limit. The pool must have a point, and its points must agree outside the window.
 */
export const candidateGrid = (
  pool: ElitePool,
  modes: ReadonlyArray<Mode>,
  window: Int32Array,
  minima: ReadonlyArray<ReadonlyArray<LineMinimum>>
): CandidateGrid => {
  const width = window.length
  const elite = new Int32Array(pool.rows.length * width)
  const candidates = Array.from(window, (k, w) => {
    const mode = modes[k]
    const within = mode.levels === 0 ? sameWithin : 0
    const list: Array<number> = []
    const place = (coordinate: number): number =>
      list.findIndex((other) => Math.abs(other - coordinate) <= within)
    for (const [point, row] of pool.rows.entries()) {
      const at = place(row[k])
      elite[point * width + w] = at < 0 ? list.push(row[k]) - 1 : at
    }
    const add = (coordinate: number): void => {
      if (list.length < most && place(coordinate) < 0) list.push(coordinate)
    }
    for (const { coordinate } of minima[k].toSorted((a, b) => a.loss - b.loss)) add(coordinate)
    if (!isSmooth(mode)) for (let level = 0; level < Math.min(mode.levels, most); level++) add(level)
    return Float64Array.from(list)
  })
  return { window, base: pool.rows[0], candidates, elite }
}
