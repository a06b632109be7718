import { fold, type Key, stream } from "../../Random/index.ts"
import { lowRankBetween, type LowRankFactors, squaredErrorIn } from "../../Weight/index.ts"
import { leftStep } from "./AlternatingLeastSquares.ts"
import type { Permute } from "../Arrangement.ts"
import { arranged, expanded, inUnits, type WeightedProblem, withTarget } from "./WeightedProblem.ts"
import { exchangeRound, type WeightedCandidate } from "./WeightedSearch.ts"

export interface LowRankOptions {
  readonly permute: Permute
  readonly rank: number
  /** Rounds, at most. */
  readonly rounds: number
  readonly key: Key
}

/** Serialisable; with the problem and the options it determines all that follows. */
export interface KroneckerPlusLowRankState {
  readonly round: number
  readonly kronecker: WeightedCandidate
  /** In units of the problem. */
  readonly lowRank: LowRankFactors
  readonly squaredError: number
  readonly isSettled: boolean
}

export interface KroneckerPlusLowRankInfo {
  readonly round: number
  readonly squaredError: number
}

/** A round that lessens the squared error by a smaller part than this is the last. */
const tolerance = 1e-3

/** What is left of W without the nearest matrix of the rank: what the Kronecker sum is first sought for. */
export const withoutLowRank = (problem: WeightedProblem, rank: number): WeightedProblem =>
  withTarget(problem, minus(problem.w, productOf(problem, bestLowRank(problem, problem.w, rank), rank)))

/** The state before the first round, from a Kronecker sum sought for `withoutLowRank`. */
export const initKroneckerPlusLowRank = (
  problem: WeightedProblem,
  { rank }: LowRankOptions,
  kronecker: WeightedCandidate
): KroneckerPlusLowRankState => ({
  round: 0,
  ...withBestLowRank(problem, rank, kronecker),
  isSettled: problem.squaredNorm === 0
})

/**
 * One round: the Kronecker sum and its permutations for what the low-rank part leaves, then the low-rank part for what the sum
 * leaves, which is a whitened singular value decomposition and exact; no part raises the error.
 */
export const kroneckerPlusLowRankStep = (
  problem: WeightedProblem,
  options: LowRankOptions,
  state: KroneckerPlusLowRankState
): readonly [KroneckerPlusLowRankState, KroneckerPlusLowRankInfo] => {
  const { permute, rank, rounds, key } = options
  const rest = withTarget(problem, minus(problem.w, productOf(problem, state.lowRank, rank)))
  const { arrangement, factors } = state.kronecker
  const start = { arrangement, ...leftStep(arranged(rest, arrangement), factors) }
  const { candidate } = exchangeRound(rest, permute, start, stream(fold(key, state.round)))
  const found = withBestLowRank(problem, rank, candidate)
  const kept = found.squaredError < state.squaredError ? found : state
  const round = state.round + 1
  const gain = state.squaredError - kept.squaredError
  const isSettled = round >= rounds || !(gain > tolerance * state.squaredError)
  return [
    {
      round,
      kronecker: kept.kronecker,
      lowRank: kept.lowRank,
      squaredError: kept.squaredError,
      isSettled
    },
    { round, squaredError: kept.squaredError }
  ]
}

/** The best low-rank part beside a sum, in a metric of the outputs too where one is given; the error is that in C alone. */
export const beside = (
  problem: WeightedProblem,
  { factors, arrangement }: WeightedCandidate,
  rank: number,
  outputMetric?: Float64Array
): { readonly lowRank: LowRankFactors; readonly squaredError: number } => {
  const rest = minus(problem.w, expanded(factors, problem.shape, arrangement, problem.host))
  const lowRank = bestLowRank(problem, rest, rank, outputMetric)
  const left = minus(rest, productOf(problem, lowRank, rank))
  return {
    lowRank,
    squaredError: squaredErrorIn(inUnits(problem.metric), undefined, left, outputsOf(problem), problem.host)
  }
}

const withBestLowRank = (problem: WeightedProblem, rank: number, kronecker: WeightedCandidate) => ({
  kronecker,
  ...beside(problem, kronecker, rank)
})

const outputsOf = ({ shape }: WeightedProblem): number => shape.left[1] * shape.right[1]

const bestLowRank = (
  { shape, metric, host }: WeightedProblem,
  w: Float64Array,
  rank: number,
  outputMetric?: Float64Array
): LowRankFactors =>
  lowRankBetween(w, shape.left[1] * shape.right[1], rank, inUnits(metric), outputMetric, host)

const productOf = ({ shape, host }: WeightedProblem, { left, right }: LowRankFactors, rank: number) =>
  host.multiply(left, right, shape.left[0] * shape.right[0], rank, shape.left[1] * shape.right[1])

const minus = (a: Float64Array, b: Float64Array): Float64Array => a.map((value, e) => value - b[e])
