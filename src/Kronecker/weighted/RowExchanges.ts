import type { Stream } from "../../Random/index.ts"
import { type Exchange, ExchangeGains } from "./ExchangeGains.ts"
import { rowCouplings, rowGradient } from "./RowCouplings.ts"
import { type PreparedCandidate, withRows } from "./WeightedCandidate.ts"
import { isLarge, type WeightedProblem } from "./WeightedProblem.ts"

/** Rows of the tables of a pool, which are tableSize² numbers; larger sides are cut into pools. */
const tableSize = 1024
/**
 * A pool costs the same whether a side has few or many: of many, so many have their turn, drawn anew each time. Of large matrices fewer: three weights of the shipped model with twelve pools end 0.7 % less near with four a round than with eight.
 */
const poolsAtOnce = { usual: 8, ofLarge: 4 }
/** The tables, and the systems of 2 terms unknowns, are too large where a group's part of them exceeds this. */
const largestPart = 256
/** An exchange that lessens the squared error by a smaller part than this gains nothing. */
const least = 1e-9

/** Whether exchanges of rows between groups of this size can be looked at. */
export const canExchangeRows = (terms: number, slots: number): boolean => terms * slots * slots <= largestPart

/**
 * The best exchanges of rows between pairs of groups, at most one a group, all at once: each gain is exact by itself (`RowCouplings`);
 * where all together do not gain, the better half is tried, and so on. What is captured never falls.
 */
export const exchangeRows = (
  problem: WeightedProblem,
  start: PreparedCandidate,
  numbers: Stream
): { readonly candidate: PreparedCandidate; readonly moved: number } => {
  const { arrangement } = start
  const {
    terms,
    left: [groups],
    right: [slots]
  } = problem.shape
  const atOnce = Math.max(2, Math.floor(tableSize / (slots * slots * terms)))
  const pools = Math.max(1, Math.floor(groups / atOnce))
  const drawn = numbers.permutation(groups)
  const common = rowGradient(problem, start)
  const found: Array<Exchange> = []
  const atMost = isLarge(problem.shape) ? poolsAtOnce.ofLarge : poolsAtOnce.usual
  const floor = least * (problem.squaredNorm - start.captured)
  for (let pool = 0; pool < Math.min(pools, atMost); pool++) {
    const [first, last] = [pool, pool + 1].map((i) => Math.floor((i * groups) / pools))
    const chosen = drawn.subarray(first, last)
    const place = (item: number) => chosen[Math.floor(item / slots)] * slots + (item % slots)
    const best = bestExchanges(new ExchangeGains(rowCouplings(common, chosen)), chosen.length, slots, floor)
    for (const one of best) found.push({ first: place(one.first), second: place(one.second), gain: one.gain })
  }
  found.sort((x, y) => y.gain - x.gain)
  for (let count = found.length; count > 0; count = Math.floor(count / 2)) {
    const rows = arrangement.rows.slice()
    for (const { first, second } of found.slice(0, count)) {
      rows[first] = arrangement.rows[second]
      rows[second] = arrangement.rows[first]
    }
    const candidate = withRows(problem, start, rows)
    if (candidate.captured > start.captured) return { candidate, moved: 2 * count }
  }
  return { candidate: start, moved: 0 }
}

// Of each two groups the best exchange; of these the better ones, none of which shares a group.
const bestExchanges = (
  gains: ExchangeGains,
  groups: number,
  slots: number,
  floor: number
): Array<Exchange> => {
  const found: Array<Exchange> = []
  for (let g = 0; g < groups; g++)
    for (let h = 0; h < g; h++) {
      gains.between(g, h)
      let best = { first: 0, second: 0, gain: floor }
      for (let first = g * slots; first < (g + 1) * slots; first++)
        for (let second = h * slots; second < (h + 1) * slots; second++) {
          const gain = gains.gain(first, second)
          if (gain > best.gain) best = { first, second, gain }
        }
      if (best.gain > floor) found.push(best)
    }
  found.sort((x, y) => y.gain - x.gain)
  const taken = new Uint8Array(groups)
  return found.filter(({ first, second }) => {
    const [g, h] = [Math.floor(first / slots), Math.floor(second / slots)]
    if (taken[g] + taken[h] > 0) return false
    taken[g] = taken[h] = 1
    return true
  })
}
