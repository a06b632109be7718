import { maximumVolume } from "../../TensorTrain/index.ts"

/**
 * One pass to the right and one to the left over a grid of chosen coordinates, one list a mode: at core k all (prefixes x coordinates x
 * suffixes) are one batch, of which maximum-volume rows go on (TTOpt: Sozykin et al., 2022). The row of the best value is always among them.
 */
export interface TensorSweep {
  /** By mode: the coordinates. */
  readonly grid: ReadonlyArray<Float64Array>
  readonly rank: number
  /** By mode k: index rows [count, k] before it. */
  readonly prefixes: Array<Int32Array>
  /** By mode k: index rows [count, d - 1 - k] after it. */
  readonly suffixes: Array<Int32Array>
  core: number
  direction: "right" | "left" | "done"
  readonly known: Map<string, number>
  best: number
}

export interface GridBatch {
  /** Index rows [count, d] of the whole block, prefixes slowest. */
  readonly indices: Int32Array
  readonly keys: ReadonlyArray<string>
  /** Those that are not known yet, in the order of the rows. */
  readonly unknown: ReadonlyArray<number>
  /** [unknown, d] */
  readonly rows: Float64Array
}

/** Begins with the suffixes of these index rows [starts, d], good points of the grid. */
export const tensorSweep = (
  grid: ReadonlyArray<Float64Array>,
  starts: Int32Array,
  rank: number
): TensorSweep => {
  const d = grid.length
  const count = Math.min(rank, starts.length / d)
  return {
    grid,
    rank,
    prefixes: [new Int32Array(0)],
    suffixes: Array.from({ length: d }, (_, k) => {
      const width = d - 1 - k
      const rows = Array.from({ length: count }, (_, s) => starts.slice(s * d + k + 1, (s + 1) * d))
      return distinctRows(rows, width)
    }),
    core: 0,
    direction: "right",
    known: new Map(),
    best: Number.POSITIVE_INFINITY
  }
}

export const isFinished = (sweep: TensorSweep): boolean => sweep.direction === "done"

const distinctRows = (rows: ReadonlyArray<Int32Array>, width: number): Int32Array => {
  if (width === 0) return new Int32Array(0)
  const distinct = [...new Map(rows.map((row) => [row.join(), row])).values()]
  const result = new Int32Array(distinct.length * width)
  distinct.forEach((row, i) => {
    result.set(row, i * width)
  })
  return result
}

const countOf = (rows: Int32Array, width: number): number => (width === 0 ? 1 : rows.length / width)

/** All of the core that is due. */
export const proposeCore = (sweep: TensorSweep): GridBatch => {
  const { grid, core: k } = sweep
  const d = grid.length
  const [left, right] = [sweep.prefixes[k], sweep.suffixes[k]]
  const [before, after] = [countOf(left, k), countOf(right, d - 1 - k)]
  const size = grid[k].length
  const indices = new Int32Array(before * size * after * d)
  let row = 0
  for (let p = 0; p < before; p++)
    for (let i = 0; i < size; i++)
      for (let s = 0; s < after; s++, row++) {
        indices.set(left.subarray(p * k, (p + 1) * k), row * d)
        indices[row * d + k] = i
        indices.set(right.subarray(s * (d - 1 - k), (s + 1) * (d - 1 - k)), row * d + k + 1)
      }
  const keys = Array.from({ length: row }, (_, r) => indices.subarray(r * d, (r + 1) * d).join())
  const unknown: Array<number> = []
  keys.forEach((key, r) => {
    if (!sweep.known.has(key)) unknown.push(r)
  })
  const rows = new Float64Array(unknown.length * d)
  unknown.forEach((r, i) => {
    for (let j = 0; j < d; j++) rows[i * d + j] = grid[j][indices[r * d + j]]
  })
  return { indices, keys, unknown, rows }
}

/** Takes the values of the unknown rows, chooses the pivots of the core, and goes on to the next. */
export const absorbCore = (sweep: TensorSweep, batch: GridBatch, values: Float64Array): void => {
  const { grid, core: k, known } = sweep
  const d = grid.length
  batch.unknown.forEach((r, i) => {
    known.set(batch.keys[r], values[i])
  })
  const losses = Float64Array.from(batch.keys, (key) => known.get(key) ?? Number.POSITIVE_INFINITY)
  for (const loss of losses) if (loss < sweep.best) sweep.best = loss
  const after = countOf(sweep.suffixes[k], d - 1 - k)
  const before = losses.length / (after * grid[k].length)
  if (sweep.direction === "right") {
    if (k === d - 1) {
      sweep.direction = d > 1 ? "left" : "done"
      return
    }
    const pivots = pivotRows(losses, before * grid[k].length, after, sweep.rank)
    const chosen = new Int32Array(pivots.length * (k + 1))
    pivots.forEach((pivot, i) => {
      const row = pivot * after
      chosen.set(batch.indices.subarray(row * d, row * d + k + 1), i * (k + 1))
    })
    sweep.prefixes[k + 1] = chosen
    sweep.core = k + 1
    return
  }
  if (k === 0) {
    sweep.direction = "done"
    return
  }
  // The left unfolding is [before, n after]: its transpose has a row for each (coordinate, suffix).
  const columns = grid[k].length * after
  const turned = new Float64Array(losses.length)
  for (let p = 0; p < before; p++)
    for (let c = 0; c < columns; c++) turned[c * before + p] = losses[p * columns + c]
  const pivots = pivotRows(turned, columns, before, sweep.rank)
  const width = d - k
  const chosen = new Int32Array(pivots.length * width)
  pivots.forEach((pivot, i) => {
    chosen.set(batch.indices.subarray(pivot * d + k, (pivot + 1) * d), i * width)
  })
  sweep.suffixes[k - 1] = chosen
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
  const least = sorted[0] ?? 0
  const scale = sorted[Math.floor(sorted.length / 4)] - least || 1
  const least1 = (row: number): number => {
    let result = Number.POSITIVE_INFINITY
    for (let c = row * columns; c < (row + 1) * columns; c++) if (losses[c] < result) result = losses[c]
    return result
  }
  const bests = Float64Array.from({ length: rows }, (_, row) => least1(row))
  const order = Array.from(bests.keys()).toSorted((a, b) => bests[a] - bests[b])
  const chosen = new Set([order[0]])
  if (columns <= rows) {
    const basis = maximumVolume(
      losses.map((loss) => Math.exp(-(loss - least) / scale)),
      rows,
      columns
    )
    for (const row of basis?.rows ?? []) if (chosen.size < rank) chosen.add(row)
  }
  for (const row of order) if (chosen.size < Math.min(rank, rows)) chosen.add(row)
  return [...chosen]
}
