import { Effect, type Scope } from "effect"
import { run } from "../../Iteration/index.ts"
import { fold, type Key, key as keyOf } from "../../Random/index.ts"
import { Backend, compute, ShapeError, Tensor, type TensorError } from "../../Tensor/index.ts"
import { upload } from "../../Tensor/Host.ts"
import { hostTask } from "../../Tensor/HostTask.ts"
import { checkWeighting, type Weighting } from "../../Weight/index.ts"
import { balanced } from "./AlternatingLeastSquares.ts"
import { identityPermutation, isIdentity } from "../Arrangement.ts"
import { checkFinite, checkShape } from "../Checks.ts"
import type { KroneckerShape } from "../Contraction.ts"
import { scaledRows } from "./ScaledRows.ts"
import { searchArrangement } from "../SearchArrangement.ts"
import { initSharedSearch, sharedSearchStep } from "./SharedSearch.ts"
import { weightedErrorOf, type WeightedProblem, weightedProblem } from "./WeightedProblem.ts"
import type { WeightedCandidate } from "./WeightedCandidate.ts"

/** One of the two weights, the sum that it is to become, and the metric that its error counts in. */
export interface SharedFitSide {
  readonly terms: number
  readonly left: readonly [number, number]
  readonly right: readonly [number, number]
  readonly weighting: Weighting
}

export interface SharedFitOptions {
  /** The weight [inputs, hidden] whose columns, and that [hidden, outputs] whose rows, are the hidden units. */
  readonly first: SharedFitSide
  readonly second: SharedFitSide
  /** Whether the first's rows and the second's columns may be reordered as well, at the price of their index buffers; default false. */
  readonly permuteOuter?: boolean | undefined
  /** Exchanges that annealing may propose for each of the starts; default: until more change little. */
  readonly swaps?: number | undefined
  /** Rounds of shared exchanges, at most; default 20. */
  readonly rounds?: number | undefined
  /** Decides the search; default `key(0)`. */
  readonly key?: Key | undefined
}

/** One of the two sums: its permutation of the outer side, and how near it comes in its metric. */
export interface SharedFitPart {
  /** A: [terms, m1, n1] and B: [terms, m2, n2] */
  readonly left: Tensor
  readonly right: Tensor
  /** The first's order of rows, or the second's of columns; undefined where it is the identity. */
  readonly outerPermutation: Uint32Array | undefined
  readonly weightedRelativeError: number
}

export interface SharedFit {
  /** h: the network with first[:, h], its bias[h] and second[h] is the same network, and the sums are of these. */
  readonly hiddenOrder: Uint32Array
  readonly first: SharedFitPart
  readonly second: SharedFitPart
}

const usualRounds = 20

/**
 * Two weights with hidden units between them as sums of Kronecker products, whose permutation of the hidden units is free: one
 * order for the columns of the first (and its bias) and the rows of the second, sought for the least sum of the two squared
 * relative errors in their metrics. The factors belong to the scope.
 *
 * Fails with `ShapeError` where factors do not multiply to their matrix, or the hidden sides differ, and with `NumericalError` for NaN and
 * covariances that are not positive definite.
 *
 * @example
 *   const { hiddenOrder, first, second } = yield* fitShared(fc, proj, {
 *     first: { terms: 4, left: [384, 768], right: [2, 4], weighting: { covariance: before } },
 *     second: { terms: 4, left: [768, 384], right: [4, 2], weighting: { covariance: after } }
 *   })
 */
export const fitShared = Effect.fn("Kronecker.fitShared")(function* (
  first: Tensor,
  second: Tensor,
  options: SharedFitOptions
): Effect.fn.Return<SharedFit, TensorError, Backend | Scope.Scope> {
  const { permuteOuter = false, rounds = usualRounds, swaps, key = keyOf(0) } = options
  const problem = {
    first: yield* problemOf(first, options.first),
    second: yield* problemOf(second, options.second)
  }
  const hidden = first.shape[1]
  if (second.shape[0] !== hidden)
    return yield* new ShapeError({
      operation: "fitShared",
      reason: "the first matrix needs as many columns as the second has rows",
      shapes: [first.shape, second.shape]
    })
  const columns = yield* searchArrangement(scaledRows(problem.first), problem.first.shape, {
    permute: "columns",
    swaps,
    key: fold(key, "first")
  })
  const rows = yield* searchArrangement(scaledRows(problem.second), problem.second.shape, {
    permute: "rows",
    swaps,
    key: fold(key, "second")
  })
  const search = {
    starts: [identityPermutation(hidden), columns.columns, rows.rows],
    permuteOuter,
    rounds,
    key: fold(key, "shared")
  }
  const { candidate } = yield* run({
    init: hostTask(() => initSharedSearch(problem, search)),
    step: (before) => hostTask(() => sharedSearchStep(problem, search, before)),
    isDone: ({ isSettled }) => isSettled
  })
  return {
    hiddenOrder: candidate.first.arrangement.columns,
    first: yield* partOf(problem.first, candidate.first, candidate.first.arrangement.rows, first),
    second: yield* partOf(problem.second, candidate.second, candidate.second.arrangement.columns, second)
  }
})

const problemOf = Effect.fnUntraced(function* (
  w: Tensor,
  { terms, left, right, weighting }: SharedFitSide
): Effect.fn.Return<WeightedProblem, TensorError, Backend> {
  const { factorizations: host } = yield* Backend
  const shape: KroneckerShape = { terms, left, right }
  yield* checkShape("fitShared", w, shape)
  yield* checkWeighting("fitShared", weighting, w.shape[0], host)
  const values = yield* Tensor.toArray(w)
  yield* checkFinite("fitShared", values, w.shape[1])
  return yield* hostTask(() => weightedProblem(Float64Array.from(values), shape, weighting, host))
})

const partOf = (
  problem: WeightedProblem,
  { factors, captured }: WeightedCandidate,
  outer: Uint32Array,
  { dtype }: Tensor
): Effect.Effect<SharedFitPart, TensorError, Backend | Scope.Scope> => {
  const { shape, unit } = problem
  const scale = Math.sqrt(unit)
  const { left, right } = balanced(factors, shape.terms)
  const scaled = (values: Float64Array) => values.map((value) => value * scale)
  return Effect.map(
    compute((t) => ({
      left: upload(t.region, scaled(left), [shape.terms, ...shape.left], dtype),
      right: upload(t.region, scaled(right), [shape.terms, ...shape.right], dtype)
    })),
    (tensors) => ({
      ...tensors,
      outerPermutation: isIdentity(outer) ? undefined : outer,
      weightedRelativeError: weightedErrorOf(problem, captured)
    })
  )
}
