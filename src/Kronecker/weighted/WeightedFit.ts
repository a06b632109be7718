import { Effect } from "effect"
import { run } from "../../Iteration/index.ts"
import { fold, type Key } from "../../Random/index.ts"
import { Backend, type TensorError } from "../../Tensor/index.ts"
import { hostTask } from "../../Tensor/HostTask.ts"
import { type LowRankFactors, unwhiten, type Weighting, whiten } from "../../Weight/index.ts"
import { balanced, leftStep } from "./AlternatingLeastSquares.ts"
import { type Arrangement, freeSides, identityArrangement, inOrder, type Permute } from "../Arrangement.ts"
import type { KroneckerShape } from "../Contraction.ts"
import { exchangeAxes } from "./ExchangeAxes.ts"
import {
  beside,
  initKroneckerPlusLowRank,
  kroneckerPlusLowRankStep,
  withoutLowRank
} from "./KroneckerPlusLowRank.ts"
import { nearestKroneckerSum } from "../NearestKroneckerSum.ts"
import { scaledRows } from "./ScaledRows.ts"
import { searchArrangement } from "../SearchArrangement.ts"
import {
  type ArrangedProblem,
  arranged,
  expanded,
  type Factors,
  squaredErrorOf,
  type WeightedProblem,
  weightedProblem
} from "./WeightedProblem.ts"
import { initWeightedSearch, type WeightedCandidate, weightedSearchStep } from "./WeightedSearch.ts"
import {
  initWeightedSum,
  settlingSweeps,
  sumState,
  type WeightedSumState,
  weightedSumStep
} from "./WeightedSum.ts"

export interface WeightedFitOptions {
  readonly permute: Permute
  /** Of the unweighted search that makes a start. */
  readonly swaps: number | undefined
  readonly rounds: number | undefined
  /** In place of that search. */
  readonly start?: Arrangement | undefined
  /** Of the outputs: in this too the low-rank part is the best beside the sum that was found. */
  readonly outputMetric?: Float64Array | undefined
  readonly key: Key
}

export interface WeightedFit {
  readonly arrangement: Arrangement
  readonly factors: Factors
  /** ||C^{1/2} (W[p][:, q] - sum)|| / ||C^{1/2} W|| */
  readonly weightedRelativeError: number
}

const usualRounds = 20
/** Rounds of the search that a sum with a low-rank part sets out from. */
const startRounds = 3

/**
 * The sum nearest in the metric of a checked weighting that is found. One row to a right factor makes it a nearest sum in the
 * Frobenius norm, of Lᵀ W: exact without permutations, and found as ever with them. Else alternating least squares and, with
 * permutations, exchanges of rows and columns by their gains in the full metric.
 */
export const weightedFit = Effect.fn("Kronecker.weightedFit")(function* (
  w: Float32Array | Float64Array,
  shape: KroneckerShape,
  weighting: Weighting,
  options: WeightedFitOptions
): Effect.fn.Return<WeightedFit, TensorError, Backend> {
  const { factorizations: host } = yield* Backend
  const { permute, swaps, start, key } = options
  const isFree = freeSides(shape, permute).length > 0
  const outputs = shape.left[1] * shape.right[1]
  if (shape.right[0] === 1) {
    const white = yield* hostTask(() => whiten(weighting, Float64Array.from(w), outputs, host))
    const arrangement = isFree
      ? (start ?? (yield* searchArrangement(white, shape, { permute, swaps, key })))
      : identityArrangement(shape)
    return yield* hostTask(() => {
      const sum = nearestKroneckerSum(white, shape, arrangement, host)
      const {
        terms,
        left: [m1, n1]
      } = shape
      const solved = unwhiten(weighting, exchangeAxes(sum.left, terms, m1, n1), terms * n1, host)
      const factors = balanced({ left: exchangeAxes(solved, m1, terms, n1), right: sum.right }, terms)
      return { arrangement, factors, weightedRelativeError: sum.relativeError }
    })
  }
  const problem = yield* hostTask(() => weightedProblem(w, shape, weighting, host))
  return yield* fitOf(problem, yield* settledCandidate(problem, options, true))
})

/**
 * A Kronecker sum and a matrix of low rank whose sum is nearest in the metric: the two in turns, each at its best for what the other
 * leaves, from the better of two starts, either first. Options as for `weightedFit`.
 */
export const weightedFitWithLowRank = Effect.fn("Kronecker.weightedFitWithLowRank")(function* (
  w: Float32Array | Float64Array,
  shape: KroneckerShape,
  rank: number,
  weighting: Weighting,
  options: WeightedFitOptions
): Effect.fn.Return<WeightedFit & { readonly lowRank: LowRankFactors }, TensorError, Backend> {
  const { factorizations: host } = yield* Backend
  const { permute, rounds = usualRounds, key, outputMetric } = options
  const problem = yield* hostTask(() => weightedProblem(w, shape, weighting, host))
  const turns = { permute, rank, rounds, key: fold(key, "turns") }
  const short = { ...options, rounds: options.start === undefined ? Math.min(rounds, startRounds) : 0 }
  const rest = yield* hostTask(() => withoutLowRank(problem, rank))
  const [first, second] = [
    yield* settledCandidate(problem, short, false),
    yield* settledCandidate(rest, short, false)
  ]
  const state = yield* run({
    init: hostTask(() => {
      const [a, b] = [first, second].map((start) => initKroneckerPlusLowRank(problem, turns, start))
      return b.squaredError < a.squaredError ? b : a
    }),
    step: (before) => hostTask(() => kroneckerPlusLowRankStep(problem, turns, before)),
    isDone: ({ isSettled }) => isSettled
  })
  const { kronecker } = state
  const { lowRank, squaredError } = yield* hostTask(() =>
    outputMetric === undefined ? state : beside(problem, kronecker, rank, outputMetric)
  )
  return {
    ...inUnitsOfW(problem, kronecker),
    lowRank: scaledBy(problem.unit, lowRank),
    weightedRelativeError: problem.squaredNorm === 0 ? 0 : Math.sqrt(squaredError / problem.squaredNorm)
  }
})

/** The arrangement that the search in the metric arrives at, and factors for it by least squares until they settle. */
const settledCandidate = Effect.fn("Kronecker.weightedSearch")(function* (
  problem: WeightedProblem,
  { permute, swaps, rounds = usualRounds, start, key }: WeightedFitOptions,
  withIdentity: boolean
): Effect.fn.Return<WeightedCandidate, TensorError, Backend> {
  const { shape } = problem
  const identity = identityArrangement(shape)
  if (freeSides(shape, permute).length === 0)
    return yield* settled(problem, identity, () => initWeightedSum(problem, identity))
  const scaled = start ?? (yield* searchArrangement(scaledRows(problem), shape, { permute, swaps, key }))
  const starts = withIdentity ? [scaled, identity] : [scaled]
  const options = { permute, starts, rounds, key: fold(key, "weighted") }
  const state = yield* run({
    init: hostTask(() => initWeightedSearch(problem, options)),
    step: (before) => hostTask(() => weightedSearchStep(problem, options, before)),
    isDone: ({ stage }) => stage === "settled"
  })
  const { factors } = state.current
  const arrangement = inOrder(state.current.arrangement, shape)
  // The order of the groups is A's alone, which is found anew.
  return yield* settled(problem, arrangement, (steps) => sumState(problem, leftStep(steps, factors)))
})

const settled = Effect.fn("Kronecker.weightedSum")(function* (
  problem: WeightedProblem,
  arrangement: Arrangement,
  start: (steps: ArrangedProblem) => WeightedSumState
): Effect.fn.Return<WeightedCandidate, TensorError> {
  const steps = yield* hostTask(() => arranged(problem, arrangement))
  const { factors, captured } = yield* run({
    init: hostTask(() => start(steps)),
    step: (before) => hostTask(() => weightedSumStep(problem, steps, settlingSweeps, before)),
    isDone: ({ isSettled }) => isSettled
  })
  return { arrangement, factors, captured }
})

const fitOf = (
  problem: WeightedProblem,
  candidate: WeightedCandidate
): Effect.Effect<WeightedFit, TensorError> =>
  hostTask(() => {
    const { shape, host, squaredNorm } = problem
    const approximation = expanded(candidate.factors, shape, candidate.arrangement, host)
    return {
      ...inUnitsOfW(problem, candidate),
      weightedRelativeError:
        squaredNorm === 0 ? 0 : Math.sqrt(squaredErrorOf(problem, approximation) / squaredNorm)
    }
  })

const inUnitsOfW = ({ shape, unit }: WeightedProblem, { arrangement, factors }: WeightedCandidate) => ({
  arrangement,
  factors: scaledBy(unit, balanced(factors, shape.terms))
})

const scaledBy = (unit: number, { left, right }: Factors): Factors => {
  const scale = Math.sqrt(unit)
  return { left: left.map((value) => value * scale), right: right.map((value) => value * scale) }
}
