import type { Stream } from "../../Random/index.ts"
import { identityPermutation } from "../Arrangement.ts"
import { Placement } from "../Placement.ts"
import { ExchangeGains } from "./ExchangeGains.ts"
import { rowCouplings, rowGradient } from "./RowCouplings.ts"
import { columnCouplings, poolCouplings } from "./WeightedCouplings.ts"
import {
  candidateOf,
  prepared,
  type PreparedCandidate,
  type WeightedCandidate,
  withColumns,
  withRows
} from "./WeightedCandidate.ts"
import type { WeightedProblem } from "./WeightedProblem.ts"

/**
 * Two weights with hidden units between them: the columns of the first and the rows of the second stand in one order,
 * which nothing has to undo at run time.
 */
export interface SharedProblem {
  readonly first: WeightedProblem
  readonly second: WeightedProblem
}

export interface SharedCandidate {
  readonly first: WeightedCandidate
  /** Its rows are in the order of the first's columns. */
  readonly second: WeightedCandidate
}

/** The two squared errors, each as a part of its own ||C^{1/2} W||²: what a shared order is to lessen. */
export const sharedError = (problem: SharedProblem, { first, second }: SharedCandidate): number =>
  partOf(problem.first, first) + partOf(problem.second, second)

const partOf = ({ squaredNorm }: WeightedProblem, { captured }: WeightedCandidate): number =>
  squaredNorm === 0 ? 0 : 1 - captured / squaredNorm

/** Rows of the second weight's tables in a pool. */
const tableSize = 1024
const poolsAtOnce = 8
const least = 1e-9

interface SharedExchange {
  readonly first: number
  readonly second: number
  readonly gain: number
}

/**
 * One round of exchanges of hidden units, by what both weights gain together; both gains are exact for the present right factors with
 * the left ones at their best. At most one exchange a block of whole groups of both, all at once; where these do not gain together, the
 * better half is tried, and so on, so that the error does not rise. The candidates have the A that is best for their B.
 */
export const exchangeShared = (
  problem: SharedProblem,
  candidate: SharedCandidate,
  numbers: Stream
): { readonly candidate: SharedCandidate; readonly moved: number } => {
  const { first, second } = problem
  const [slots, rowSlots] = [first.shape.right[1], second.shape.right[0]]
  const blockSize = leastCommonMultiple(slots, rowSlots)
  const order = candidate.first.arrangement.columns
  const blocks = order.length / blockSize
  const blockRows = blockSize * rowSlots * second.shape.terms
  const atOnce = Math.max(2, Math.floor(tableSize / blockRows))
  const pools = Math.max(1, Math.floor(blocks / atOnce))
  const drawn = numbers.permutation(blocks)
  const start = preparedPair(problem, candidate)
  const columns = columnCouplings(first, start.first)
  const rows = rowGradient(second, start.second)
  const found: Array<SharedExchange> = []
  for (let pool = 0; pool < Math.min(pools, poolsAtOnce); pool++) {
    const [from, to] = [pool, pool + 1].map((i) => Math.floor((i * blocks) / pools))
    const places = Uint32Array.from(
      { length: (to - from) * blockSize },
      (_, e) => drawn[from + Math.floor(e / blockSize)] * blockSize + (e % blockSize)
    )
    const groups = Uint32Array.from(
      { length: places.length / rowSlots },
      (_, g) => places[g * rowSlots] / rowSlots
    )
    const placement = new Placement(
      poolCouplings(
        columns,
        places.map((place) => order[place])
      ),
      identityPermutation(places.length)
    )
    const gains = new ExchangeGains(rowCouplings(rows, groups))
    const gainOf = (x: number, y: number) =>
      placement.swapGain(x, y) / (first.squaredNorm || 1) + gains.gain(x, y) / (second.squaredNorm || 1)
    found.push(...bestOfBlocks(gains, gainOf, places, blockSize, rowSlots))
  }
  found.sort((x, y) => y.gain - x.gain)
  const before = sharedError(problem, candidate)
  for (let count = found.length; count > 0; count = Math.floor(count / 2)) {
    const next = order.slice()
    for (const one of found.slice(0, count)) {
      next[one.first] = order[one.second]
      next[one.second] = order[one.first]
    }
    const tried = inOrderOf(problem, start, next)
    if (sharedError(problem, tried) < before) return { candidate: tried, moved: 2 * count }
  }
  return { candidate, moved: 0 }
}

interface PreparedPair {
  readonly first: PreparedCandidate
  readonly second: PreparedCandidate
}

export const preparedPair = (problem: SharedProblem, { first, second }: SharedCandidate): PreparedPair => ({
  first: prepared(problem.first, first),
  second: prepared(problem.second, second)
})

/** The candidates with their hidden units in another order, and the best A for it. */
export const inOrderOf = (
  problem: SharedProblem,
  { first, second }: PreparedPair,
  order: Uint32Array
): SharedCandidate => ({
  first: candidateOf(withColumns(problem.first, first, order)),
  second: candidateOf(withRows(problem.second, second, order))
})

// Of each two blocks the best exchange that gains; of these the better ones, none of which shares a block. Places are those of the order.
const bestOfBlocks = (
  gains: ExchangeGains,
  gainOf: (x: number, y: number) => number,
  places: Uint32Array,
  blockSize: number,
  rowSlots: number
): Array<SharedExchange> => {
  const found: Array<SharedExchange> = []
  const blocks = places.length / blockSize
  for (let g = 0; g < blocks; g++)
    for (let h = 0; h < g; h++) {
      let best = { first: 0, second: 0, gain: least }
      for (let u = (g * blockSize) / rowSlots; u < ((g + 1) * blockSize) / rowSlots; u++)
        for (let v = (h * blockSize) / rowSlots; v < ((h + 1) * blockSize) / rowSlots; v++) {
          gains.between(u, v)
          for (let x = u * rowSlots; x < (u + 1) * rowSlots; x++)
            for (let y = v * rowSlots; y < (v + 1) * rowSlots; y++) {
              const gain = gainOf(x, y)
              if (gain > best.gain) best = { first: x, second: y, gain }
            }
        }
      if (best.gain > least) found.push(best)
    }
  found.sort((x, y) => y.gain - x.gain)
  const taken = new Uint8Array(blocks)
  return found.flatMap(({ first, second, gain }) => {
    const [g, h] = [Math.floor(first / blockSize), Math.floor(second / blockSize)]
    if (taken[g] + taken[h] > 0) return []
    taken[g] = 1
    taken[h] = 1
    return [{ first: places[first], second: places[second], gain }]
  })
}

const leastCommonMultiple = (a: number, b: number): number => {
  let [x, y] = [a, b]
  while (y > 0) [x, y] = [y, x % y]
  return (a * b) / x
}
