import { Effect } from "effect"
import type { Factorizations } from "../../Tensor/index.ts"
import { timeSlice } from "../../Tensor/TimeSlice.ts"
import type { Chains } from "../Chains.ts"
import type { Features } from "../stein/Features.ts"
import { filterRows } from "./Filtering.ts"
import { reachOf, type Window } from "./Window.ts"

/** Consecutive draws of one chain, counted over all chains; windows do not look beyond their ends. */
export interface Piece {
  readonly first: number
  readonly length: number
  readonly fold: number
}

/** Each chain in `folds` pieces of nearly equal length; piece j of every chain belongs to fold j. */
export const piecesOf = ({ chains, draws }: Chains, folds: number): ReadonlyArray<Piece> =>
  Array.from({ length: chains * folds }, (_, index) => {
    const fold = index % folds
    const start = Math.floor((fold * draws) / folds)
    const end = Math.floor(((fold + 1) * draws) / folds)
    return { first: Math.floor(index / folds) * draws + start, length: end - start, fold }
  })

/** x' W x of features and functionals, their pooled means taken off, by window and fold; divided by no number of draws. */
export interface WindowedGrams {
  readonly features: number
  readonly functionals: number
  /** Means of features, then of functionals. */
  readonly means: Float64Array
  /** Draws in each fold. */
  readonly draws: Float64Array
  /** [windows][folds] of symmetric [features + functionals]^2. */
  readonly grams: ReadonlyArray<ReadonlyArray<Float64Array>>
}

/** Numbers in a block of features: 8 MiB of them. */
const blockNumbers = 1 << 20

const transposed = (x: Float64Array, rows: number, columns: number, result: Float64Array): void => {
  // Tiles keep both sides in the first-level cache.
  for (let r0 = 0; r0 < rows; r0 += 16)
    for (let c0 = 0; c0 < columns; c0 += 16) {
      const [r1, c1] = [Math.min(rows, r0 + 16), Math.min(columns, c0 + 16)]
      for (let r = r0; r < r1; r++) for (let c = c0; c < c1; c++) result[c * rows + r] = x[r * columns + c]
    }
}

/**
 * One pass for the means, one for all windows together; memory for a block of about 8 MiB (longer where a window is wide) and for
 * the results. Time O(draws features^2), whatever the windows' widths.
 */
export const windowedGrams = (
  host: Factorizations,
  features: Features,
  functionals: ReadonlyArray<Float64Array>,
  pieces: ReadonlyArray<Piece>,
  windows: ReadonlyArray<Window>
): Effect.Effect<WindowedGrams> =>
  Effect.gen(function* () {
    const p = features.count
    const rows = p + functionals.length
    const pause = timeSlice()
    const halo = Math.max(...windows.flatMap(({ filters }) => filters.map(reachOf)))
    const longest = pieces.reduce((most, { length }) => Math.max(most, length), 0) + halo
    const block = Math.min(longest, Math.max(256, Math.ceil(blockNumbers / rows), halo))
    const stride = halo + block
    const x = new Float64Array(rows * stride)
    const folds = pieces.reduce((most, { fold }) => Math.max(most, fold), 0) + 1
    const draws = new Float64Array(folds)
    const means = new Float64Array(rows)
    const total = pieces.reduce((sum, { length }) => sum + length, 0)
    const load = (first: number, length: number, offset: number): void => {
      features.write(first, length, x.subarray(offset), stride)
      functionals.forEach((series, k) =>
        x.set(series.subarray(first, first + length), (p + k) * stride + offset)
      )
    }
    for (const { first, length, fold } of pieces) {
      draws[fold] += length
      for (let start = 0; start < length; start += block) {
        const count = Math.min(block, length - start)
        load(first + start, count, 0)
        for (let row = 0; row < rows; row++) {
          let sum = 0
          for (let t = row * stride, end = t + count; t < end; t++) sum += x[t]
          means[row] += sum / total
        }
        yield* pause
      }
    }
    const grams = windows.map(() => Array.from({ length: folds }, () => new Float64Array(rows * rows)))
    const spare = [new Float64Array(stride), new Float64Array(stride)] as const
    const filtered = new Float64Array(rows * block)
    const columns = new Float64Array(rows * block)
    const accumulate = (windowIndex: number, fold: number, length: number): void => {
      const gram = grams[windowIndex][fold]
      for (const filter of windows[windowIndex].filters) {
        const y = filtered.subarray(0, rows * length)
        const yt = columns.subarray(0, rows * length)
        filterRows(filter, x, rows, stride, halo, length, y, spare)
        transposed(y, rows, length, yt)
        const product = host.multiply(y, yt, rows, length, rows)
        for (let i = 0; i < gram.length; i++) gram[i] += filter.weight * product[i]
      }
    }
    for (const { first, length, fold } of pieces)
      for (let start = 0; start < length + halo; start += block) {
        const count = Math.min(block, length + halo - start)
        // Draws start - halo .. start + count - 1 of the piece; zeros (after centring) outside of it.
        const from = Math.max(0, start - halo)
        const to = Math.min(length, start + count)
        const offset = from - (start - halo)
        const known = to - from
        if (known > 0) load(first + from, known, offset)
        for (let row = 0; row < rows; row++) {
          const at = row * stride
          x.fill(0, at, at + offset)
          for (let t = at + offset; t < at + offset + known; t++) x[t] -= means[row]
          x.fill(0, at + offset + Math.max(0, known), at + halo + count)
        }
        for (let w = 0; w < windows.length; w++) {
          accumulate(w, fold, count)
          yield* pause
        }
      }
    return { features: p, functionals: functionals.length, means, draws, grams }
  })
