import { Effect } from "effect"
import { transposed } from "../Tensor/HostMatrix.ts"
import type { TensorTrain } from "./TensorTrain.ts"
import { timeSlice } from "../Iteration/TimeSlice.ts"

/**
 * Up to `beam` index rows [count, d] of large modulus. To the right, partial rows over the first modes are kept by the norm of
 * their partial product, which, with orthonormal rows in all later cores, is the norm of everything that begins so; to the left
 * likewise with orthonormal columns before.
 */
export const beamSearch = Effect.fnUntraced(function* (
  train: TensorTrain,
  beam: number,
  direction: "right" | "left"
) {
  const pause = timeSlice()
  let partial: Partial = { count: 1, vectors: Float64Array.of(1), rows: new Int32Array(0) }
  const dimensions = train.modes.length
  for (let step = 0; step < dimensions; step++) {
    const k = direction === "right" ? step : dimensions - 1 - step
    partial = extend(partial, coreTowards(train, k, direction), train.modes[k], step, beam)
    yield* pause
  }
  return direction === "right" ? partial.rows : reversedRows(partial.rows, dimensions)
})

interface Partial {
  readonly count: number
  /** [count, rank] */
  readonly vectors: Float64Array
  /** [count, step], in the order of the search. */
  readonly rows: Int32Array
}

/** Core k as [entering rank, n, leaving rank]. */
const coreTowards = (train: TensorTrain, k: number, direction: "right" | "left"): Float64Array => {
  const core = train.cores[k]
  if (direction === "right") return core
  const [rows, size, columns] = [train.ranks[k], train.modes[k], train.ranks[k + 1]]
  // [r, n r'] -> [n r', r] = [n, r', r] -> [r', n, r]
  const turned = transposed(core, rows, size * columns)
  const result = new Float64Array(core.length)
  for (let i = 0; i < size; i++)
    for (let s = 0; s < columns; s++)
      result.set(
        turned.subarray((i * columns + s) * rows, (i * columns + s + 1) * rows),
        (s * size + i) * rows
      )
  return result
}

const extend = (
  { count, vectors, rows }: Partial,
  core: Float64Array,
  size: number,
  step: number,
  beam: number
): Partial => {
  const entering = vectors.length / count
  const columns = core.length / (entering * size)
  const width = size * columns
  // extended: [count, n, leaving rank]
  const extended = new Float64Array(count * width)
  for (let row = 0; row < count; row++)
    for (let p = 0; p < entering; p++) {
      const factor = vectors[row * entering + p]
      for (let j = 0; j < width; j++) extended[row * width + j] += factor * core[p * width + j]
    }
  const norms = new Float64Array(count * size)
  let largest = 0
  for (let e = 0; e < norms.length; e++) {
    let squares = 0
    for (let s = 0; s < columns; s++) squares += extended[e * columns + s] ** 2
    norms[e] = squares
    if (squares > largest) largest = squares
  }
  const order = Array.from(norms.keys()).toSorted((a, b) => norms[b] - norms[a])
  const kept = order.slice(0, beam)
  const scale = largest === 0 ? 1 : Math.sqrt(largest)
  const next = new Float64Array(kept.length * columns)
  const nextRows = new Int32Array(kept.length * (step + 1))
  kept.forEach((e, at) => {
    for (let s = 0; s < columns; s++) next[at * columns + s] = extended[e * columns + s] / scale
    const row = Math.floor(e / size)
    nextRows.set(rows.subarray(row * step, (row + 1) * step), at * (step + 1))
    nextRows[at * (step + 1) + step] = e % size
  })
  return { count: kept.length, vectors: next, rows: nextRows }
}

const reversedRows = (rows: Int32Array, width: number): Int32Array => {
  const result = rows.slice()
  for (let start = 0; start < rows.length; start += width) result.subarray(start, start + width).reverse()
  return result
}
