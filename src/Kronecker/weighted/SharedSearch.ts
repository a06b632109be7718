import { fold, type Key, stream } from "../../Random/index.ts"
import { sweep } from "./AlternatingLeastSquares.ts"
import { type Arrangement, identityArrangement } from "../Arrangement.ts"
import { exchangeShared, type SharedCandidate, type SharedProblem, sharedError } from "./SharedExchanges.ts"
import { arranged, type WeightedProblem } from "./WeightedProblem.ts"
import type { WeightedCandidate } from "./WeightedCandidate.ts"
import { exchangeRound } from "./WeightedSearch.ts"
import { initWeightedSum } from "./WeightedSum.ts"

export interface SharedSearchOptions {
  /** Orders of the hidden units to set out from; the best one is taken. */
  readonly starts: ReadonlyArray<Uint32Array>
  /** Whether the first weight's rows and the second's columns may be reordered as well, which has to be undone at run time. */
  readonly permuteOuter: boolean
  /** Rounds, at most. */
  readonly rounds: number
  readonly key: Key
}

/** Serialisable; with the problem and the options it determines all that follows. */
export interface SharedSearchState {
  readonly round: number
  readonly candidate: SharedCandidate
  /** The sum of the two squared relative errors. */
  readonly error: number
  readonly isSettled: boolean
}

export interface SharedSearchInfo {
  readonly round: number
  /** Hidden units that changed places. */
  readonly moved: number
  readonly error: number
}

/** A round that lessens the error by a smaller part than this ends the search. */
const tolerance = 3e-3

const candidateAt = (problem: WeightedProblem, arrangement: Arrangement): WeightedCandidate => {
  const { factors, captured } = initWeightedSum(problem, arrangement)
  return { arrangement, factors, captured }
}

/** The state before the first round. */
export const initSharedSearch = (
  problem: SharedProblem,
  { starts, rounds }: SharedSearchOptions
): SharedSearchState => {
  const { first, second } = problem
  const tried = starts.map((order) => {
    const candidate = {
      first: candidateAt(first, { ...identityArrangement(first.shape), columns: order }),
      second: candidateAt(second, { ...identityArrangement(second.shape), rows: order })
    }
    return { candidate, error: sharedError(problem, candidate) }
  })
  const best = tried.reduce((a, b) => (b.error < a.error ? b : a))
  return { round: 0, ...best, isSettled: rounds <= 0 || best.error === 0 }
}

/**
 * One round of the search for an order of the hidden units that serves both weights: exchanges of hidden units, exchanges on
 * the outer sides where they may be reordered, and sweeps of least squares for both; the sum of the squared relative errors
 * never rises. Pure given the state.
 */
export const sharedSearchStep = (
  problem: SharedProblem,
  options: SharedSearchOptions,
  state: SharedSearchState
): readonly [SharedSearchState, SharedSearchInfo] => {
  const numbers = stream(fold(options.key, state.round))
  const { candidate, moved } = exchangeShared(problem, state.candidate, numbers)
  const outer = (of: WeightedProblem, one: WeightedCandidate, side: "rows" | "columns") =>
    options.permuteOuter ? exchangeRound(of, side, one, numbers).candidate : swept(of, one)
  const found = {
    first: outer(problem.first, candidate.first, "rows"),
    second: outer(problem.second, candidate.second, "columns")
  }
  const error = sharedError(problem, found)
  const kept = error < state.error ? { candidate: found, error } : state
  const round = state.round + 1
  const isSettled = round >= options.rounds || !(state.error - kept.error > tolerance * state.error)
  return [
    { round, candidate: kept.candidate, error: kept.error, isSettled },
    { round, moved, error: kept.error }
  ]
}

const swept = (problem: WeightedProblem, candidate: WeightedCandidate): WeightedCandidate => {
  const next = sweep(arranged(problem, candidate.arrangement), candidate.factors)
  return next.captured > candidate.captured ? { arrangement: candidate.arrangement, ...next } : candidate
}
