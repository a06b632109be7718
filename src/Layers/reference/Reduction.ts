import type { ReduceOperation } from "../../Tensor/Backend.ts"
import { stridesOf, type TypedArray } from "../../Tensor/Tensor.ts"
import { type HostArray, offsetsOf, rowsOf, zerosLike } from "./HostArray.ts"

interface Reduction {
  readonly initial: number
  readonly combine: (accumulated: number, x: number) => number
}

const reductions: { readonly [Operation in ReduceOperation]: Reduction } = {
  sum: { initial: 0, combine: (total, x) => total + x },
  sumOfSquares: { initial: 0, combine: (total, x) => total + x * x },
  max: { initial: -Infinity, combine: Math.max },
  min: { initial: Infinity, combine: Math.min }
}

/** Accumulates in float64 whatever the element type. */
export const reduce = (operation: ReduceOperation, x: HostArray, axes: ReadonlyArray<number>): TypedArray => {
  const { initial, combine } = reductions[operation]
  const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
  // Stride 0 along the reduced axes: each element of x finds the cell that it is accumulated into.
  const strides = stridesOf(kept).map((stride, axis) => (axes.includes(axis) ? 0 : stride))
  const cells = offsetsOf(x.shape, strides)
  const totals = new Float64Array(kept.reduce((size, dimension) => size * dimension, 1)).fill(initial)
  for (let i = 0; i < cells.length; i++) totals[cells[i]] = combine(totals[cells[i]], x.values[i])
  const result = zerosLike(x.values, totals.length)
  result.set(totals)
  return result
}

export const argmax = (x: HostArray): TypedArray => {
  const { rows, width } = rowsOf(x)
  const result = new Int32Array(rows)
  for (let row = 0; row < rows; row++) {
    let best = 0
    for (let i = 1; i < width; i++) if (x.values[row * width + i] > x.values[row * width + best]) best = i
    result[row] = best
  }
  return result
}
