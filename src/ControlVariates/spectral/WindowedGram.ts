import { Effect } from "effect"
import type { Factorizations } from "../../Tensor/index.ts"
import { timeSlice } from "../../Iteration/TimeSlice.ts"
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
  /** Draws in each fold. */
  readonly draws: Float64Array
  /** [windows][folds] of symmetric [features + functionals]^2. */
  readonly grams: ReadonlyArray<ReadonlyArray<Float64Array>>
}

/** Draws in a block at least, so that a block of features stays in the second-level cache; and blocks in a halo. */
const [leastBlock, blocksInHalo] = [1024, 4]

const meanOf = (series: Float64Array, pieces: ReadonlyArray<Piece>): number => {
  let [sum, count] = [0, 0]
  for (const { first, length } of pieces) {
    for (let t = first; t < first + length; t++) sum += series[t]
    count += length
  }
  return sum / count
}

/** The sum of a run of numbers, in four chains: additions wait for each other. */
const sumOf = (x: Float64Array, begin: number, end: number): number => {
  let [a, b, c, d] = [0, 0, 0, 0]
  let t = begin
  for (; t + 4 <= end; t += 4) {
    a += x[t]
    b += x[t + 1]
    c += x[t + 2]
    d += x[t + 3]
  }
  for (; t < end; t++) a += x[t]
  return a + b + (c + d)
}

/**
 * x' W x of series from which their means m are taken off, given that of series and the constant 1 (the last row) as they are:
 * g - m u' - u m' + m m' v, u the products with the constant and v its square. features of a target's own scores have means near zero, so that nothing cancels.
 */
const centre = (gram: Float64Array, size: number, means: Float64Array): Float64Array => {
  const rows = size - 1
  const result = new Float64Array(rows * rows)
  const ones = gram.subarray(rows * size)
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < rows; j++)
      result[i * rows + j] =
        gram[i * size + j] - means[i] * ones[j] - ones[i] * means[j] + means[i] * means[j] * ones[rows]
  return result
}

/**
 * One pass over the draws for the means and all windows together; memory for a block of draws and for the results. Time
 * O(draws features^2), whatever the windows' widths.
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
    const series = p + functionals.length
    // Features, functionals, and 1 where there is a draw.
    const rows = series + 1
    const pause = timeSlice()
    const halo = Math.max(...windows.flatMap(({ filters }) => filters.map(reachOf)))
    const longest = pieces.reduce((most, { length }) => Math.max(most, length), 0) + halo
    const block = Math.min(longest, Math.max(leastBlock, blocksInHalo * halo))
    const stride = halo + block
    const x = new Float64Array(rows * stride)
    const folds = pieces.reduce((most, { fold }) => Math.max(most, fold), 0) + 1
    const draws = new Float64Array(folds)
    // Functionals are anything: their means are taken off first, lest they cancel.
    const offsets = functionals.map((f) => meanOf(f, pieces))
    const sums = new Float64Array(rows)
    const raw = windows.map(() => Array.from({ length: folds }, () => new Float64Array(rows * rows)))
    const spare = [new Float64Array(stride), new Float64Array(stride)] as const
    const filtered = new Float64Array(rows * block)
    const load = (first: number, length: number): void => {
      features.write(first, length, x.subarray(halo), stride)
      functionals.forEach((f, k) => {
        const to = (p + k) * stride + halo
        for (let t = 0; t < length; t++) x[to + t] = f[first + t] - offsets[k]
      })
      x.fill(1, series * stride + halo, series * stride + halo + length)
    }
    const accumulate = (window: Window, gram: Float64Array, length: number): void => {
      for (const filter of window.filters) {
        const y = filtered.subarray(0, rows * length)
        filterRows(filter, x, rows, stride, halo, length, y, spare)
        const product = host.multiply(y, y, rows, length, rows, { transposeB: true })
        for (let i = 0; i < gram.length; i++) gram[i] += filter.weight * product[i]
      }
    }
    for (const { first, length, fold } of pieces) {
      draws[fold] += length
      let before = 0
      for (let start = 0; start < length + halo; start += before) {
        const count = Math.min(block, length + halo - start)
        const known = Math.max(0, Math.min(length - start, count))
        // The last draws of the block before are the halo of this one; before the first there is nothing.
        for (let at = 0; at < x.length; at += stride)
          if (start === 0) x.fill(0, at, at + halo)
          else x.copyWithin(at, at + before, at + before + halo)
        if (known > 0) load(first + start, known)
        for (let row = 0, at = halo; row < rows; row++, at += stride) {
          sums[row] += sumOf(x, at, at + known)
          x.fill(0, at + known, at + count)
        }
        for (let w = 0; w < windows.length; w++) {
          accumulate(windows[w], raw[w][fold], count)
          yield* pause
        }
        before = count
      }
    }
    const means = sums.map((sum) => sum / sums[series])
    return {
      features: p,
      functionals: functionals.length,
      draws,
      grams: raw.map((ofFolds) => ofFolds.map((gram) => centre(gram, rows, means)))
    }
  })
