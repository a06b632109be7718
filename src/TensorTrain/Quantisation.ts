import { Effect } from "effect"
import { Backend, ShapeError, type TensorError } from "../Tensor/index.ts"
import { hostTask } from "../Tensor/HostTask.ts"
import { decompose } from "./Decomposition.ts"
import { product } from "./dense/HostProducts.ts"
import { requireMemory } from "./dense/Memory.ts"
import { orthogonalise, orthogonaliseRight, type Sweep, sweepOf, trainOf } from "./Orthogonalisation.ts"
import { round } from "./Rounding.ts"
import { TensorTrain } from "./TensorTrain.ts"
import { type Accuracy, defaultTolerance } from "./Truncation.ts"

/** How often a base goes into each mode: n_k = base^counts[k]; a mode that is no power of it is a `ShapeError`. */
export const digitCounts = (modes: ReadonlyArray<number>, base: number): ReadonlyArray<number> =>
  modes.map((size) => {
    const count = Number.isInteger(base) && base >= 2 ? Math.round(Math.log(size) / Math.log(base)) : 0
    if (count === 0 || base ** count !== size)
      throw new ShapeError({
        operation: "TensorTrain.quantise",
        reason: `mode size ${size} is no power of ${base}`,
        shapes: [modes]
      })
    return count
  })

/** Index rows [count, d] as rows of digits: each index becomes its digits, the least significant first. */
export const toDigits = (indices: Int32Array, counts: ReadonlyArray<number>, base: number): Int32Array => {
  const width = counts.reduce((total, count) => total + count, 0)
  const rows = indices.length / counts.length
  const digits = new Int32Array(rows * width)
  let at = 0
  for (let row = 0; row < rows; row++)
    counts.forEach((count, k) => {
      let rest = indices[row * counts.length + k]
      for (let digit = 0; digit < count; digit++) {
        digits[at++] = rest % base
        rest = Math.floor(rest / base)
      }
    })
  return digits
}

/** The inverse of `toDigits`. */
export const fromDigits = (digits: Int32Array, counts: ReadonlyArray<number>, base: number): Int32Array => {
  const width = counts.reduce((total, count) => total + count, 0)
  const rows = digits.length / width
  const indices = new Int32Array(rows * counts.length)
  let at = 0
  for (let row = 0; row < rows; row++)
    counts.forEach((count, k) => {
      let [index, weight] = [0, 1]
      for (let digit = 0; digit < count; digit++) {
        index += digits[at++] * weight
        weight *= base
      }
      indices[row * counts.length + k] = index
    })
  return indices
}

/**
 * QTT: every mode of size base^q as q modes of size base, the least significant digit first (Khoromskij, "O(d log N)-quantics
 * approximation", 2011), within ||X - Y|| <= tolerance ||Y||. Each core is decomposed while the others are orthogonal, so
 * that its error is the error of the whole; then the whole is rounded.
 */
export const quantise = Effect.fnUntraced(function* (
  train: TensorTrain,
  base: number,
  counts: ReadonlyArray<number>,
  { tolerance = defaultTolerance, maxRank }: Accuracy
): Effect.fn.Return<TensorTrain, TensorError, Backend> {
  const { factorizations: host } = yield* Backend
  const last = train.modes.length - 1
  const sweep = sweepOf(yield* orthogonalise(train, last))
  const modes: Array<number> = []
  const ranks: Array<number> = [1]
  const cores: Array<Float64Array> = []
  for (let k = last; k >= 0; k--) {
    const [rows, columns] = [sweep.ranks[k], ranks[0]]
    const values = digitsReversed(sweep.cores[k], rows, columns, counts[k], base)
    const { train: split } = yield* decompose(values, digitModes(rows, columns, counts[k], base), {
      tolerance: tolerance / (2 * Math.sqrt(train.modes.length))
    })
    modes.unshift(...split.modes.map(() => base))
    ranks.unshift(rows, ...split.ranks.slice(1, -1))
    cores.unshift(...split.cores)
    if (k > 0) {
      const pair: Sweep = {
        modes: [train.modes[k - 1], base],
        ranks: [sweep.ranks[k - 1], rows, ranks[1]],
        cores: [sweep.cores[k - 1], cores[0]],
        exponent: 0
      }
      yield* hostTask(() => orthogonaliseRight(pair, 1, host))
      cores[0] = pair.cores[1]
      ranks[0] = pair.ranks[1]
      sweep.ranks[k] = pair.ranks[1]
      sweep.cores[k - 1] = pair.cores[0]
      sweep.exponent += pair.exponent
    }
  }
  const quantised = yield* hostTask(() => trainOf({ modes, ranks, cores, exponent: sweep.exponent }, 0))
  return yield* round(quantised, { tolerance: tolerance / 2, maxRank })
})

/** A core [r, base^q, r'] as a dense tensor of q modes, its ranks taken into the first and the last. */
const digitModes = (rows: number, columns: number, count: number, base: number): ReadonlyArray<number> =>
  Array.from(
    { length: count },
    (_, digit) => (digit === 0 ? rows : 1) * base * (digit === count - 1 ? columns : 1)
  )

const reversedDigits = (value: number, count: number, base: number): number => {
  let [rest, result] = [value, 0]
  for (let digit = 0; digit < count; digit++) {
    result = result * base + (rest % base)
    rest = Math.floor(rest / base)
  }
  return result
}

/** The inverse of `quantise`: groups of digits, of these counts, become one mode each. Exact. */
export const dequantise = Effect.fnUntraced(function* (
  train: TensorTrain,
  counts: ReadonlyArray<number>
): Effect.fn.Return<TensorTrain, TensorError, Backend> {
  const total = counts.reduce((all, count) => all + count, 0)
  const base = train.modes[0]
  if (
    total !== train.modes.length ||
    !counts.every((count) => Number.isInteger(count) && count >= 1) ||
    !train.modes.every((size) => size === base)
  )
    return yield* new ShapeError({
      operation: "TensorTrain.dequantise",
      reason: `needs modes of one size, and counts of digits that add up to ${train.modes.length}`,
      shapes: [train.modes, counts]
    })
  const { factorizations: host } = yield* Backend
  return yield* hostTask(() => {
    const ranks: Array<number> = [1]
    const cores: Array<Float64Array> = []
    let first = 0
    for (const count of counts) {
      const rows = train.ranks[first]
      const shape = [rows, base ** count, train.ranks[first + count]]
      requireMemory("TensorTrain.dequantise", shape, "join fewer digits to a mode")
      let [core, height] = [train.cores[first], rows * base]
      for (let k = first + 1; k < first + count; k++) {
        core = product(host, core, train.cores[k], height, train.ranks[k], base * train.ranks[k + 1])
        height *= base
      }
      first += count
      cores.push(digitsReversed(core, rows, train.ranks[first], count, base))
      ranks.push(train.ranks[first])
    }
    return new TensorTrain(
      counts.map((count) => base ** count),
      ranks,
      cores
    )
  })
})

// core: [r, base^q, r'] whose middle index has the digits in reverse
const digitsReversed = (
  core: Float64Array,
  rows: number,
  columns: number,
  count: number,
  base: number
): Float64Array => {
  const size = base ** count
  const result = new Float64Array(core.length)
  for (let p = 0; p < rows; p++)
    for (let index = 0; index < size; index++) {
      const from = (p * size + reversedDigits(index, count, base)) * columns
      result.set(core.subarray(from, from + columns), (p * size + index) * columns)
    }
  return result
}
