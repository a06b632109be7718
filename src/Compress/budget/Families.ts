import type { Candidate } from "./Candidates.ts"
import { lowRankCandidates } from "./Candidates.ts"
import type { MeasuredWeight } from "./MeasuredWeight.ts"

/** For each weight what it may become. */
export type Family = ReadonlyArray<ReadonlyArray<Candidate>>

/**
 * Where a mixed plan is sought: among all candidates, among low ranks, and among Kronecker sums (where a weight has any). A search among all ends
 * where it began to go down, and a plan of one format may lie deeper.
 *
 * sums: by the weights' names, see `kroneckerCandidates`.
 */
export const mixedFamilies = (
  weights: ReadonlyArray<MeasuredWeight>,
  sums: Readonly<Record<string, ReadonlyArray<Candidate>>>
): readonly [Family, ...ReadonlyArray<Family>] => {
  const lowRanks = weights.map(lowRankCandidates)
  const own = weights.map(({ name }) => sums[name] ?? [])
  if (own.every(({ length }) => length === 0)) return [lowRanks]
  const asTheyAre = lowRanks.map((candidates) => candidates.filter(({ plan }) => plan === undefined))
  return [
    lowRanks.map((candidates, i) => [...candidates, ...own[i]]),
    lowRanks,
    lowRanks.map((candidates, i) => (own[i].length === 0 ? candidates : [...asTheyAre[i], ...own[i]]))
  ]
}
