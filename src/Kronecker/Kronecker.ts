import { Context, Effect, Layer, type Scope } from "effect"
import { type Key, key as keyOf } from "../Random/index.ts"
import { Backend, compute, ShapeError, Tensor, type TensorError } from "../Tensor/index.ts"
import { upload } from "../Tensor/Host.ts"
import { hostTask } from "../Tensor/HostTask.ts"
import { checkWeighting, type LowRankFactors, squaredErrorIn, type Weighting } from "../Weight/index.ts"
import { type Arrangement, freeSides, identityArrangement, isIdentity, type Permute } from "./Arrangement.ts"
import { checkFinite, checkShape } from "./Checks.ts"
import type { KroneckerShape } from "./Contraction.ts"
import { nearestKroneckerSum } from "./NearestKroneckerSum.ts"
import { type ArrangementOptions, searchArrangement } from "./SearchArrangement.ts"
import { weightedFit, type WeightedFitOptions } from "./weighted/WeightedFit.ts"
import { expanded, type Factors } from "./weighted/WeightedProblem.ts"

export interface KroneckerFitOptions {
  /** Products in the sum, at least 1. */
  readonly terms: number
  /** Sizes [m1, n1] of the left factors and [m2, n2] of the right ones; m1 m2 = inputs, n1 n2 = outputs. */
  readonly left: readonly [number, number]
  readonly right: readonly [number, number]
  /** Which sides of the matrix may be put into another order; default none. */
  readonly permute?: Permute | undefined
  /**
   * Exchanges that annealing may propose; 0 leaves the search to assignment; default: until more change little, and 0 for a million numbers and more
   * where exchanges in the metric follow.
   */
  readonly swaps?: number | undefined
  /** In what metric the sum is to be near; default the Frobenius norm. */
  readonly weighting?: Weighting | undefined
  /** Adds a low-rank part of this rank to the sum, fitted together with it; default 0, none. */
  readonly rank?: number | undefined
  /**
   * Rounds of exchanges in that metric, at most: 0 leaves the permutations to the unweighted search of diag(C)^{1/2} W, up to four go
   * on from what that finds, with more W's own order is tried as a start too, but not beside a low-rank part; default 20, and 4 for a million numbers and more.
   */
  readonly rounds?: number | undefined
  /** Where the search in the metric sets out from instead of searching in the Frobenius norm first; absent sides are the identity. */
  readonly start?: { readonly rows?: Uint32Array; readonly columns?: Uint32Array } | undefined
  /**
   * M [outputs, outputs], symmetric and positive definite: the factors and the low-rank part are those nearest in this metric of the outputs too,
   * ||C^{1/2} (W - W') M^{1/2}||; permutations are sought without it.
   */
  readonly outputMetric?: Float64Array | undefined
  /** Decides the search; default `key(0)`. */
  readonly key?: Key | undefined
}

export interface KroneckerFit {
  /** A: [terms, m1, n1] and B: [terms, m2, n2], A_r and B_r of equal norms. */
  readonly left: Tensor
  readonly right: Tensor
  /** p and q with W[p[i], q[j]] ~ (sum_r A_r (x) B_r)[i, j]; absent where they are the identity. */
  readonly rowPermutation: Uint32Array | undefined
  readonly columnPermutation: Uint32Array | undefined
  /** The low-rank part, [inputs, rank] and [rank, outputs], in W's own order; undefined where none was asked for. */
  readonly lowRank: { readonly left: Tensor; readonly right: Tensor } | undefined
  /** ||W[p][:, q] - sum|| / ||W||, Frobenius; with a low-rank part, that is taken from W first. */
  readonly relativeError: number
  /** ||C^{1/2} (W[p][:, q] - sum)|| / ||C^{1/2} W|| in the metric of the weighting, whatever `outputMetric`; without a weighting, the same as `relativeError`. */
  readonly weightedRelativeError: number
}

/** Matrices as sums of Kronecker products between permutations. */
export class Kronecker extends Context.Service<
  Kronecker,
  {
    /**
     * The nearest sum that is found: exact without permutations, by starts from like rows and columns, annealing and
     * alternating assignment with them (after arXiv 2401.16367). The factors belong to the scope.
     *
     * With a `weighting` the error is measured in the metric C of the inputs (ProcrustesGPT, arXiv 2506.02818, has such fits without
     * permutations): alternating least squares, and exchanges of rows and columns by their gains in that metric, in which
     * no step raises the error. A low-rank part is fitted together with the factors, and both by an `outputMetric` too, by a quasi-Newton method.
     *
     * Fails with `ShapeError` where the factors do not multiply to the matrix or the weighting has another size, with
     * `NumericalError` for NaN or infinite entries, and for a covariance that is not symmetric and positive definite.
     *
     * @example
     * const fit = yield* kronecker.fit(w, { terms: 4, left: [384, 768], right: [2, 4], permute: "rows-and-columns" })
     */
    readonly fit: (
      w: Tensor,
      options: KroneckerFitOptions
    ) => Effect.Effect<KroneckerFit, TensorError, Backend | Scope.Scope>
  }
>()("tesserae/Kronecker/Kronecker") {
  static readonly layer = Layer.sync(Kronecker, () => Kronecker.of({ fit }))
}

const fit = Effect.fn("Kronecker.fit")(function* (
  w: Tensor,
  {
    terms,
    left,
    right,
    permute = "none",
    swaps,
    weighting,
    rank = 0,
    rounds,
    start,
    outputMetric,
    key = keyOf(0)
  }: KroneckerFitOptions
): Effect.fn.Return<KroneckerFit, TensorError, Backend | Scope.Scope> {
  yield* Effect.annotateCurrentSpan({ terms, left, right, permute })
  const shape: KroneckerShape = { terms, left, right }
  yield* checkShape("Kronecker.fit", w, shape)
  const { factorizations } = yield* Backend
  if (weighting !== undefined) yield* checkWeighting("Kronecker.fit", weighting, w.shape[0], factorizations)
  if (outputMetric !== undefined)
    yield* checkWeighting("Kronecker.fit", { covariance: outputMetric }, w.shape[1], factorizations)
  yield* checkOrder(w, "rows", start?.rows)
  yield* checkOrder(w, "columns", start?.columns)
  const values = yield* Tensor.toArray(w)
  yield* checkFinite("Kronecker.fit", values, w.shape[1])
  const numbers = values instanceof Float32Array ? values : Float64Array.from(values)
  yield* checkRank(w, rank)
  const found =
    weighting === undefined && rank === 0 && outputMetric === undefined
      ? yield* nearest(numbers, shape, { permute, swaps, key })
      : yield* nearestWeighted(numbers, shape, weighting ?? unweighted(w.shape[0]), {
          permute,
          swaps,
          rounds,
          key,
          start: start && startOf(shape, start),
          rank,
          outputMetric
        })
  const { arrangement, factors, lowRank } = found
  const tensors = yield* compute((t) => ({
    left: upload(t.region, factors.left, [terms, ...left], w.dtype),
    right: upload(t.region, factors.right, [terms, ...right], w.dtype),
    lowRank: lowRank && {
      left: upload(t.region, lowRank.left, [w.shape[0], rank], w.dtype),
      right: upload(t.region, lowRank.right, [rank, w.shape[1]], w.dtype)
    }
  }))
  return {
    ...tensors,
    rowPermutation: isIdentity(arrangement.rows) ? undefined : arrangement.rows,
    columnPermutation: isIdentity(arrangement.columns) ? undefined : arrangement.columns,
    relativeError: found.relativeError,
    weightedRelativeError: found.weightedRelativeError
  }
})

const startOf = (
  shape: KroneckerShape,
  { rows, columns }: { readonly rows?: Uint32Array; readonly columns?: Uint32Array }
): Arrangement => {
  const identity = identityArrangement(shape)
  return { rows: rows ?? identity.rows, columns: columns ?? identity.columns }
}

interface Found {
  readonly arrangement: Arrangement
  readonly factors: Factors
  readonly lowRank: LowRankFactors | undefined
  readonly relativeError: number
  readonly weightedRelativeError: number
}

const nearest = Effect.fnUntraced(function* (
  w: Float32Array | Float64Array,
  shape: KroneckerShape,
  options: ArrangementOptions
): Effect.fn.Return<Found, TensorError, Backend> {
  const { factorizations } = yield* Backend
  const arrangement =
    freeSides(shape, options.permute).length === 0
      ? identityArrangement(shape)
      : yield* searchArrangement(w, shape, options)
  const { relativeError, ...factors } = nearestKroneckerSum(w, shape, arrangement, factorizations)
  return { arrangement, factors, lowRank: undefined, relativeError, weightedRelativeError: relativeError }
})

const nearestWeighted = Effect.fnUntraced(function* (
  w: Float32Array | Float64Array,
  shape: KroneckerShape,
  weighting: Weighting,
  options: WeightedFitOptions
): Effect.fn.Return<Found, TensorError, Backend> {
  const { factorizations: host } = yield* Backend
  const fitted = yield* weightedFit(w, shape, weighting, options)
  const [inputs, outputs] = [shape.left[0] * shape.right[0], shape.left[1] * shape.right[1]]
  return yield* hostTask(() => {
    const { factors, arrangement, lowRank } = fitted
    const numbers = Float64Array.from(w)
    const rest = expanded(factors, shape, arrangement, host)
    const part = lowRank && host.multiply(lowRank.left, lowRank.right, inputs, options.rank, outputs)
    for (let e = 0; e < rest.length; e++) rest[e] = numbers[e] - rest[e] - (part?.[e] ?? 0)
    const shareIn = (metric: Weighting) => {
      const [error, whole] = [rest, numbers].map((x) => squaredErrorIn(metric, undefined, x, outputs, host))
      return whole === 0 ? 0 : Math.sqrt(error / whole)
    }
    return {
      ...fitted,
      relativeError: shareIn(unweighted(inputs)),
      weightedRelativeError: shareIn(weighting)
    }
  })
})

const unweighted = (inputs: number): Weighting => ({ rows: new Float64Array(inputs).fill(1) })

const checkOrder = (
  w: Tensor,
  side: "rows" | "columns",
  order: Uint32Array | undefined
): Effect.Effect<void, ShapeError> => {
  const size = w.shape[side === "rows" ? 0 : 1]
  const isOrder =
    order === undefined ||
    (order.length === size && new Set(order).size === size && order.every((item) => item < size))
  return isOrder
    ? Effect.void
    : Effect.fail(
        new ShapeError({
          operation: "Kronecker.fit",
          reason: `the start's ${side} must be each of 0 to ${size - 1} once`,
          shapes: [w.shape, [order.length]]
        })
      )
}

const checkRank = (w: Tensor, rank: number): Effect.Effect<void, ShapeError> =>
  Number.isInteger(rank) && rank >= 0 && rank <= Math.min(...w.shape)
    ? Effect.void
    : Effect.fail(
        new ShapeError({
          operation: "Kronecker.fit",
          reason: `the rank of the low-rank part must be from 0 to the matrix's shorter side, not ${rank}`,
          shapes: [w.shape]
        })
      )
