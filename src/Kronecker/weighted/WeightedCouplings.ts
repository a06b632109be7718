import { transposed } from "../../Tensor/HostMatrix.ts"
import type { PairCouplings } from "../PairCouplings.ts"
import { halfSolved } from "./NormalMatrix.ts"
import { exchangeAxes } from "./ExchangeAxes.ts"
import type { PreparedCandidate } from "./WeightedCandidate.ts"
import { rowsInOrder, type WeightedProblem } from "./WeightedProblem.ts"

/**
 * What columns gain by standing together, exactly, for a fixed B and a fixed order of the rows: with A at its best, ||C^{1/2} W||²
 * less the squared error is the sum over groups of columns of ||sum_s N^{-1/2} u(s, x_s)||², N the normal matrix of A and x_s the
 * column in slot s. So columns couple in pairs, and groups not at all: what the annealing of the unweighted problem moves
 * in, with a metric.
 */
export interface ColumnCouplings {
  readonly slots: number
  readonly columns: number
  /** N^{-1/2} u, [terms m1, slots, columns], u the part of A's right-hand side that column x has in slot s */
  readonly solved: Float64Array
  readonly problem: WeightedProblem
}

/** For the candidate's B and order of rows. */
export const columnCouplings = (
  problem: WeightedProblem,
  { arrangement: { rows }, factors: { right }, steps, root }: PreparedCandidate
): ColumnCouplings => {
  const { shape, product, host } = problem
  const {
    terms,
    left: [m1, n1],
    right: [m2, n2]
  } = shape
  const columns = n1 * n2
  // [(s, r), i] [i, (a, x)] -> [(s, r), (a, x)]
  const factor = transposed(right, terms * m2, n2)
  const ordered = exchangeAxes(rowsInOrder(product, rows, columns), m1, m2, columns)
  const parts = host.multiply(factor, ordered, n2 * terms, m2, m1 * columns)
  const aims = exchangeAxes(parts, n2, terms * m1, columns)
  const solved = halfSolved(steps, root, aims, n2 * columns)
  return { slots: n2, columns, solved, problem }
}

/** The couplings of some columns among themselves; items are counted as in `chosen`. */
export const poolCouplings = (all: ColumnCouplings, chosen: Uint32Array): PairCouplings => {
  const { slots, columns, solved, problem } = all
  const n = chosen.length
  const inner = solved.length / (slots * columns)
  const size = slots * n
  const taken = new Float64Array(inner * size)
  for (let row = 0, e = 0; row < inner * slots; row++)
    for (let i = 0; i < n; i++, e++) taken[e] = solved[row * columns + chosen[i]]
  const gram = problem.host.multiply(taken, taken, size, inner, size, { transposeA: true })
  const own = new Float32Array(size)
  const pairs = new Float32Array(size * size)
  for (let s = 0; s < slots; s++)
    for (let x = 0; x < n; x++) {
      const row = (s * n + x) * size
      own[s * n + x] = gram[row + s * n + x]
      for (let t = 0; t < slots; t++) {
        if (t === s) continue
        const to = ((s * slots + t) * n + x) * n
        for (let y = 0; y < n; y++) pairs[to + y] = gram[row + t * n + y]
      }
    }
  return { slots, items: n, own, pairs }
}
