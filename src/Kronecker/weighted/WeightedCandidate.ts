import type { Arrangement } from "../Arrangement.ts"
import { leftStep } from "./AlternatingLeastSquares.ts"
import { leftRoot, type NormalRoot } from "./NormalMatrix.ts"
import {
  type ArrangedProblem,
  arranged,
  type Factors,
  inColumns,
  type WeightedProblem
} from "./WeightedProblem.ts"

/** An arrangement, factors for it, and what they capture: ||C^{1/2} W||² less the squared error. */
export interface WeightedCandidate {
  readonly arrangement: Arrangement
  readonly factors: Factors
  readonly captured: number
}

/** A candidate with what exchanges of its rows and columns read: large, so that it is no part of a state. */
export interface PreparedCandidate extends WeightedCandidate {
  readonly steps: ArrangedProblem
  /** Of A's normal matrix for this B and this order of the rows, whatever that of the columns. */
  readonly root: NormalRoot
}

/** The candidate's A must be the best for its B. */
export const prepared = (problem: WeightedProblem, candidate: WeightedCandidate): PreparedCandidate => {
  const { arrangement, factors, captured } = candidate
  const steps = arranged(problem, arrangement)
  return { arrangement, factors, captured, steps, root: leftRoot(steps, factors.right) }
}

/** Without what is no part of a state. */
export const candidateOf = ({ arrangement, factors, captured }: WeightedCandidate): WeightedCandidate => ({
  arrangement,
  factors,
  captured
})

/** With the same B, the columns in another order and the best A for that. */
export const withColumns = (
  problem: WeightedProblem,
  { arrangement: before, steps: stepsBefore, root, factors }: PreparedCandidate,
  columns: Uint32Array
): PreparedCandidate => {
  const arrangement = { ...before, columns }
  const steps = inColumns(problem, stepsBefore, arrangement)
  return { arrangement, steps, root, ...leftStep(steps, factors, root) }
}

/** With the same B, the rows in another order and the best A for that. */
export const withRows = (
  problem: WeightedProblem,
  { arrangement: before, factors }: PreparedCandidate,
  rows: Uint32Array
): PreparedCandidate => {
  const arrangement = { ...before, rows }
  const steps = arranged(problem, arrangement)
  const root = leftRoot(steps, factors.right)
  return { arrangement, steps, root, ...leftStep(steps, factors, root) }
}
