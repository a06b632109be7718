import { maximumVolume } from "../../TensorTrain/index.ts"
import type { CandidateGrid } from "./CandidateGrid.ts"
import type { Rows } from "./Mode.ts"

/**
 * A pass to the right and one to the left over a grid of candidates, one list a mode of its window: at core k all (prefixes x candidates x
 * suffixes) are one batch, of which maximum-volume rows go on (TTOpt: Sozykin et al., 2022). The row of the best value is always among them.
 */
export interface TensorSweep {
  readonly grid: CandidateGrid
  readonly rank: number
  /** By core k: index rows [count, k] before it. */
  readonly prefixes: Array<Int32Array>
  /** By core k: index rows [count, cores - 1 - k] after it. */
  readonly suffixes: Array<Int32Array>
  core: number
  direction: "right" | "left" | "done"
  best: number
}

/** Begins with the suffixes of the grid's elite. */
export const tensorSweep = (grid: CandidateGrid, rank: number): TensorSweep => {
  const cores = grid.candidates.length
  return {
    grid,
    rank,
    prefixes: [new Int32Array(0)],
    suffixes: Array.from({ length: cores }, (_, k) => firstSuffixes(grid.elite, k + 1, cores, rank)),
    core: 0,
    direction: "right",
    best: Number.POSITIVE_INFINITY
  }
}

export const isFinished = ({ direction }: TensorSweep): boolean => direction === "done"

/** The first `rank` distinct ends of index rows [starts, cores], from core k on. */
const firstSuffixes = (starts: Int32Array, k: number, cores: number, rank: number): Int32Array => {
  const width = cores - k
  const chosen: Array<number> = []
  for (let at = k; at < starts.length && chosen.length < rank; at += cores)
    if (!chosen.some((other) => isSame(starts, at, other, width))) chosen.push(at)
  const result = new Int32Array(chosen.length * width)
  for (const [i, at] of chosen.entries()) result.set(starts.subarray(at, at + width), i * width)
  return result
}

const isSame = (rows: Int32Array, a: number, b: number, width: number): boolean => {
  for (let j = 0; j < width; j++) if (rows[a + j] !== rows[b + j]) return false
  return true
}

const countOf = (rows: Int32Array, width: number): number => (width === 0 ? 1 : rows.length / width)

/** The block of the core that is due: rows [prefixes, candidates, suffixes, d]. */
export const proposeCore = ({ grid, core: k, prefixes, suffixes }: TensorSweep): Rows => {
  const { base, window, candidates } = grid
  const d = base.length
  const [left, right] = [prefixes[k], suffixes[k]]
  const width = candidates.length - 1 - k
  const [before, after] = [countOf(left, k), countOf(right, width)]
  const count = before * candidates[k].length * after
  const rows = new Float64Array(count * d)
  let row = 0
  for (let p = 0; p < before; p++)
    for (const candidate of candidates[k])
      for (let s = 0; s < after; s++, row += d) {
        if (window.length < d) rows.set(base, row)
        for (let j = 0; j < k; j++) rows[row + window[j]] = candidates[j][left[p * k + j]]
        rows[row + window[k]] = candidate
        for (let j = 0; j < width; j++)
          rows[row + window[k + 1 + j]] = candidates[k + 1 + j][right[s * width + j]]
      }
  return { rows, count }
}

/** Takes the losses of the block, chooses the pivots of the core, and goes on to the next. */
export const absorbCore = (sweep: TensorSweep, losses: Float64Array): void => {
  const { grid, core: k, rank, prefixes, suffixes } = sweep
  const cores = grid.candidates.length
  const size = grid.candidates[k].length
  const width = cores - 1 - k
  const after = countOf(suffixes[k], width)
  const before = losses.length / (after * size)
  for (const loss of losses) if (loss < sweep.best) sweep.best = loss
  if (sweep.direction === "right") {
    if (k === cores - 1) {
      sweep.direction = cores === 1 ? "done" : "left"
      return
    }
    // A row is (prefix, coordinate), a column a suffix.
    const pivots = pivotRows(losses, before * size, after, rank)
    const chosen = new Int32Array(pivots.length * (k + 1))
    for (const [i, pivot] of pivots.entries()) {
      const prefix = Math.floor(pivot / size)
      chosen.set(prefixes[k].subarray(prefix * k, (prefix + 1) * k), i * (k + 1))
      chosen[i * (k + 1) + k] = pivot % size
    }
    prefixes[k + 1] = chosen
    sweep.core = k + 1
    return
  }
  if (k === 0) {
    sweep.direction = "done"
    return
  }
  // A row is (coordinate, suffix), a column a prefix.
  const columns = size * after
  const turned = new Float64Array(losses.length)
  for (let p = 0; p < before; p++)
    for (let c = 0; c < columns; c++) turned[c * before + p] = losses[p * columns + c]
  const pivots = pivotRows(turned, columns, before, rank)
  const chosen = new Int32Array(pivots.length * (width + 1))
  for (const [i, pivot] of pivots.entries()) {
    const suffix = pivot % after
    chosen[i * (width + 1)] = Math.floor(pivot / after)
    chosen.set(suffixes[k].subarray(suffix * width, (suffix + 1) * width), i * (width + 1) + 1)
  }
  suffixes[k - 1] = chosen
  sweep.core = k - 1
}

/**
 * Up to `rank` rows of losses [rows, columns]. Good points count most: losses become exp(-(loss - least) / scale), with the distance of
 * the lowest quarter as the scale; the row of the least loss comes first, the others are of maximum volume, or, where columns depend on each
 * other, those with the least losses.
 */
const pivotRows = (
  losses: Float64Array,
  rows: number,
  columns: number,
  rank: number
): ReadonlyArray<number> => {
  const sorted = losses.filter(Number.isFinite).toSorted()
  const least = sorted.length === 0 ? 0 : sorted[0]
  const scale = (sorted.length === 0 ? 0 : sorted[Math.floor(sorted.length / 4)] - least) || 1
  const bests = new Float64Array(rows).fill(Number.POSITIVE_INFINITY)
  for (let row = 0; row < rows; row++)
    for (let c = row * columns; c < (row + 1) * columns; c++)
      if (losses[c] < bests[row]) bests[row] = losses[c]
  const order = Array.from(bests.keys()).toSorted((a, b) => bests[a] - bests[b])
  const chosen = new Set([order[0]])
  if (columns <= rows && rank > 1) {
    const heights = losses.map((loss) => Math.exp(-(loss - least) / scale))
    for (const row of maximumVolume(heights, rows, columns)?.rows ?? [])
      if (chosen.size < rank) chosen.add(row)
  }
  for (const row of order) if (chosen.size < Math.min(rank, rows)) chosen.add(row)
  return [...chosen]
}
