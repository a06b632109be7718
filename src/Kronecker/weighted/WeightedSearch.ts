import { fold, type Key, type Stream, stream } from "../../Random/index.ts"
import { sweep } from "./AlternatingLeastSquares.ts"
import { type Arrangement, freeSides, type Permute } from "../Arrangement.ts"
import { exchangeColumns } from "./ColumnExchanges.ts"
import { canExchangeRows, exchangeRows } from "./RowExchanges.ts"
import { candidateOf, prepared, type WeightedCandidate } from "./WeightedCandidate.ts"
import { type WeightedProblem, weightedErrorOf } from "./WeightedProblem.ts"
import { initWeightedSum } from "./WeightedSum.ts"

export interface WeightedSearchOptions {
  readonly permute: Permute
  /** Arrangements to set out from; the one that has come furthest after four rounds goes on. With no more rounds than that, the first. */
  readonly starts: ReadonlyArray<Arrangement>
  /** Rounds from the best start, at most. */
  readonly rounds: number
  readonly key: Key
}

/** Serialisable; with the problem and the options it determines all that follows. */
export interface WeightedSearchState {
  readonly stage: "trial" | "descent" | "settled"
  /** Which start is tried. */
  readonly trial: number
  /** Rounds since its start, or since the best start was gone on with. */
  readonly round: number
  readonly current: WeightedCandidate
  /** The best start so far, where another is tried. */
  readonly best: WeightedCandidate | undefined
}

export interface WeightedSearchInfo {
  readonly stage: WeightedSearchState["stage"]
  readonly moved: { readonly rows: number; readonly columns: number }
  /** ||C^{1/2} (W - W')|| / ||C^{1/2} W|| of the candidate that the step arrived at. */
  readonly relativeError: number
}

const trialRounds = 4
/** A start is given up early while its squared error is so many times that of the best. */
const hopeless = 1.3
const leastSquaresSweeps = 2
/** A round that lessens the squared error by a smaller part than this ends the search. */
const tolerance = 3e-3

const candidateAt = (problem: WeightedProblem, arrangement: Arrangement): WeightedCandidate => {
  const { factors, captured } = initWeightedSum(problem, arrangement)
  return { arrangement, factors, captured }
}

/** The state before the first round, from the first of the starts. */
export const initWeightedSearch = (
  problem: WeightedProblem,
  { starts, rounds }: WeightedSearchOptions
): WeightedSearchState => ({
  stage:
    problem.squaredNorm === 0 || rounds <= 0
      ? "settled"
      : starts.length > 1 && rounds > trialRounds
        ? "trial"
        : "descent",
  trial: 0,
  round: 0,
  current: candidateAt(problem, starts[0]),
  best: undefined
})

/**
 * One round of the search for the arrangement whose best sum is nearest in the metric C: exchanges of columns, exchanges of rows, and
 * sweeps of alternating least squares, none of which lets the error rise. Gains of exchanges are exact for the present B, all that
 * A could do about them included. Pure given the state, until its stage is "settled".
 */
export const weightedSearchStep = (
  problem: WeightedProblem,
  options: WeightedSearchOptions,
  state: WeightedSearchState
): readonly [WeightedSearchState, WeightedSearchInfo] => {
  const numbers = stream(fold(fold(options.key, state.trial), `${state.stage} ${state.round}`))
  const { candidate: current, moved } = exchangeRound(problem, options.permute, state.current, numbers)
  const relativeError = weightedErrorOf(problem, current.captured)
  return [following(problem, options, state, current), { stage: state.stage, moved, relativeError }]
}

/** Exchanges of columns, exchanges of rows, and sweeps of least squares; what is captured never falls. */
export const exchangeRound = (
  problem: WeightedProblem,
  permute: Permute,
  candidate: WeightedCandidate,
  numbers: Stream
): { readonly candidate: WeightedCandidate; readonly moved: WeightedSearchInfo["moved"] } => {
  const { terms, right } = problem.shape
  const sides = freeSides(problem.shape, permute)
  let current = prepared(problem, candidate)
  const moved = { rows: 0, columns: 0 }
  if (sides.includes("columns")) {
    const exchanged = exchangeColumns(problem, current, numbers)
    moved.columns = exchanged.moved
    current = exchanged.candidate
  }
  if (sides.includes("rows") && canExchangeRows(terms, right[0])) {
    const exchanged = exchangeRows(problem, current, numbers)
    moved.rows = exchanged.moved
    current = exchanged.candidate
  }
  const { arrangement, steps } = current
  let found = candidateOf(current)
  for (let i = 0; i < leastSquaresSweeps; i++) {
    const next = sweep(steps, found.factors)
    if (next.captured > found.captured) found = { arrangement, ...next }
  }
  return { candidate: found, moved }
}

const following = (
  problem: WeightedProblem,
  { starts, rounds }: WeightedSearchOptions,
  state: WeightedSearchState,
  current: WeightedCandidate
): WeightedSearchState => {
  const { stage, trial, best } = state
  const round = state.round + 1
  const errorOf = ({ captured }: WeightedCandidate) => problem.squaredNorm - captured
  const isHopeless = best !== undefined && errorOf(current) > hopeless * errorOf(best)
  if (stage === "trial" && (round >= trialRounds || isHopeless)) {
    const better = best === undefined || current.captured > best.captured ? current : best
    return trial + 1 < starts.length
      ? {
          stage,
          trial: trial + 1,
          round: 0,
          current: candidateAt(problem, starts[trial + 1]),
          best: better
        }
      : { stage: "descent", trial: trial + 1, round: 0, current: better, best: undefined }
  }
  const gain = current.captured - state.current.captured
  const isSettled = stage === "descent" && (round >= rounds || !(gain > tolerance * errorOf(current)))
  return { stage: isSettled ? "settled" : stage, trial, round, current, best }
}
