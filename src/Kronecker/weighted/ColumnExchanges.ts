import type { Stream } from "../../Random/index.ts"
import { identityPermutation, sideLayout } from "../Arrangement.ts"
import { Placement } from "../Placement.ts"
import { annealPool } from "../PoolAnnealing.ts"
import { columnCouplings, poolCouplings } from "./WeightedCouplings.ts"
import { type PreparedCandidate, withColumns } from "./WeightedCandidate.ts"
import type { WeightedProblem } from "./WeightedProblem.ts"

const poolItems = 256
/** Bounds the couplings of a pool, slots² items² numbers. */
const poolNumbers = 2 ** 24
const proposalsPerItem = 200
const acceptedPerItem = 3

/**
 * Exchanges of columns that gain, in pools of groups; gains are exact for the present B with A at its best (`ColumnCouplings`), and pools
 * do not meet, so what is captured never falls.
 */
export const exchangeColumns = (
  problem: WeightedProblem,
  start: PreparedCandidate,
  numbers: Stream
): { readonly candidate: PreparedCandidate; readonly moved: number } => {
  const { arrangement } = start
  const { groups, slots } = sideLayout(problem.shape, "columns")
  const all = columnCouplings(problem, start)
  const items = Math.min(poolItems, Math.sqrt(poolNumbers) / slots)
  const pools = Math.max(1, Math.floor(groups / Math.max(2, Math.floor(items / slots))))
  const drawn = numbers.permutation(groups)
  const columns = arrangement.columns.slice()
  for (let pool = 0; pool < pools; pool++) {
    const [first, last] = [pool, pool + 1].map((i) => Math.floor((i * groups) / pools))
    const chosen = drawn.subarray(first, last)
    const places = Uint32Array.from(
      { length: chosen.length * slots },
      (_, e) => chosen[Math.floor(e / slots)] * slots + (e % slots)
    )
    const members = places.map((place) => arrangement.columns[place])
    const placement = new Placement(poolCouplings(all, members), identityPermutation(members.length))
    const limits = {
      proposals: proposalsPerItem * members.length,
      accepted: acceptedPerItem * members.length
    }
    annealPool(placement, limits, 0, numbers.integer(2 ** 32))
    places.forEach((place, i) => {
      columns[place] = members[placement.order[i]]
    })
  }
  const moved = columns.reduce(
    (count, item, place) => count + (item === arrangement.columns[place] ? 0 : 1),
    0
  )
  if (moved === 0) return { candidate: start, moved }
  const candidate = withColumns(problem, start, columns)
  // Couplings are float32: where nothing is left to be gained, rounding may lose.
  return candidate.captured > start.captured ? { candidate, moved } : { candidate: start, moved: 0 }
}
