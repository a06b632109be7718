import { Context, Effect, Layer, type Scope } from "effect"
import { type Key, key as keyOf } from "../Random/index.ts"
import { Backend, compute, NumericalError, ShapeError, Tensor, type TensorError } from "../Tensor/index.ts"
import { upload } from "../Tensor/Host.ts"
import { freeSides, identityArrangement, inOrder, isIdentity, type Permute } from "./Arrangement.ts"
import type { KroneckerShape } from "./Contraction.ts"
import { nearestKroneckerSum } from "./NearestKroneckerSum.ts"
import { initSearch, searchStep, settlingSwaps } from "./PermutationSearch.ts"
import { searchProblem } from "./SearchProblem.ts"

export interface KroneckerFitOptions {
  /** Products in the sum, at least 1. */
  readonly terms: number
  /** Sizes [m1, n1] of the left factors and [m2, n2] of the right ones; m1 m2 = inputs, n1 n2 = outputs. */
  readonly left: readonly [number, number]
  readonly right: readonly [number, number]
  /** Which sides of the matrix may be put into another order; default none. */
  readonly permute?: Permute | undefined
  /** Exchanges that annealing may propose; 0 leaves the search to assignment; default: until more change little. */
  readonly swaps?: number | undefined
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
  /** ||W[p][:, q] - sum|| / ||W||, Frobenius. */
  readonly relativeError: number
}

/** Matrices as sums of Kronecker products between permutations. */
export class Kronecker extends Context.Service<
  Kronecker,
  {
    /**
     * The nearest sum that is found: exact without permutations, by starts from like rows and columns, annealing and
     * alternating assignment with them (after arXiv 2401.16367). The factors belong to the scope.
     *
     * Fails with `ShapeError` where the factors do not multiply to the matrix, with `NumericalError` for NaN or infinite entries.
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

const milliseconds = 10

const fit = Effect.fn("Kronecker.fit")(function* (
  w: Tensor,
  { terms, left, right, permute = "none", swaps, key = keyOf(0) }: KroneckerFitOptions
): Effect.fn.Return<KroneckerFit, TensorError, Backend | Scope.Scope> {
  yield* Effect.annotateCurrentSpan({ terms, left, right, permute })
  const shape: KroneckerShape = { terms, left, right }
  yield* checkShape(w, shape)
  const { factorizations } = yield* Backend
  const values = yield* Tensor.toArray(w)
  yield* checkFinite(values, w.shape[1])
  const numbers = values instanceof Float32Array ? values : Float64Array.from(values)
  const arrangement =
    freeSides(shape, permute).length === 0
      ? identityArrangement(shape)
      : yield* search(numbers, shape, { permute, swaps, key })
  const sum = nearestKroneckerSum(numbers, shape, arrangement, factorizations)
  const factors = yield* compute((t) => ({
    left: upload(t.region, sum.left, [terms, ...left], w.dtype),
    right: upload(t.region, sum.right, [terms, ...right], w.dtype)
  }))
  return {
    ...factors,
    rowPermutation: isIdentity(arrangement.rows) ? undefined : arrangement.rows,
    columnPermutation: isIdentity(arrangement.columns) ? undefined : arrangement.columns,
    relativeError: sum.relativeError
  }
})

// Yields between the steps, so that an interruption takes effect.
const search = Effect.fn("Kronecker.search")(function* (
  w: Float32Array | Float64Array,
  shape: KroneckerShape,
  {
    permute,
    swaps,
    key
  }: { readonly permute: Permute; readonly swaps: number | undefined; readonly key: Key }
) {
  const { factorizations } = yield* Backend
  const { problem, arrangementOfW } = searchProblem(w, shape, permute, factorizations)
  const options = { permute, swaps: swaps ?? settlingSwaps(problem.shape, permute), key }
  let state = initSearch(problem, options)
  let rested = performance.now()
  while (state.stage !== "settled") {
    state = searchStep(problem, options, state)[0]
    if (performance.now() - rested > milliseconds) {
      yield* Effect.yieldNow
      rested = performance.now()
    }
  }
  return inOrder(arrangementOfW(state.best.arrangement), shape)
})

const checkShape = (w: Tensor, { terms, left, right }: KroneckerShape): Effect.Effect<void, ShapeError> => {
  const sizes = [terms, ...left, ...right]
  const fits =
    w.shape.length === 2 &&
    sizes.every((size) => Number.isInteger(size) && size >= 1) &&
    left[0] * right[0] === w.shape[0] &&
    left[1] * right[1] === w.shape[1]
  return fits
    ? Effect.void
    : Effect.fail(
        new ShapeError({
          operation: "Kronecker.fit",
          reason:
            `${terms} terms of [${left.join(", ")}] (x) [${right.join(", ")}] make ` +
            `[${left[0] * right[0]}, ${left[1] * right[1]}]; the matrix must be of that size, and all sizes at least 1`,
          shapes: [w.shape, left, right]
        })
      )
}

const checkFinite = (values: ArrayLike<number>, columns: number): Effect.Effect<void, NumericalError> => {
  let count = 0
  let first = -1
  for (let i = 0; i < values.length; i++)
    if (!Number.isFinite(values[i])) {
      if (count === 0) first = i
      count++
    }
  return count === 0
    ? Effect.void
    : Effect.fail(
        new NumericalError({
          operation: "Kronecker.fit",
          reason:
            `${count} of ${values.length} entries are not finite, the first at ` +
            `[${Math.floor(first / columns)}, ${first % columns}]: ${values[first]}`
        })
      )
}
