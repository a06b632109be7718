import { Effect } from "effect"
import { Backend, type Factorizations, type TensorError } from "../../Tensor/index.ts"
import { hostTask } from "../../Tensor/HostTask.ts"
import { rankWithin } from "../Truncation.ts"
import { identity } from "./HostProducts.ts"
import { orthonormalRows } from "./Orthonormal.ts"
import { pivotedCholesky } from "./PivotedCholesky.ts"

export interface SplitLimits {
  /** Sum of squares that may be discarded. */
  readonly allowance: number
  /** The sum of squares of the whole tensor, by which rounding is judged. */
  readonly total: number
  readonly maxRank: number
}

/** A subspace of the rows (or columns) of a matrix, and what lies outside of it. */
export interface Directions {
  /** Orthonormal rows [rank, n]. */
  readonly vectors: Float64Array
  readonly rank: number
  /** The sum of squares outside. */
  readonly discarded: number
}

/** The Gram matrix [n, n] of a matrix, or of its projection by a symmetric projector [n, n]. */
export type GramMatrix<R> = (
  projector: Float64Array | undefined
) => Effect.Effect<Float64Array, TensorError, R>

/**
 * The fewest directions beyond which no more lies than the limits allow. The eigenvectors of a Gram matrix are as good as singular
 * vectors down to some 1e-5 of the largest singular value; where the limits ask for more, the others only say which subspace is
 * left, and the Gram matrix of the projection on that shows the next ones as clearly. undefined where there is a second level
 * with not few directions in it, unless `isTall`: a singular value decomposition then costs no more.
 */
export const dominantDirections = Effect.fnUntraced(function* <R>(
  gramMatrix: GramMatrix<R>,
  n: number,
  limits: SplitLimits,
  isTall: boolean
): Effect.fn.Return<Directions | undefined, TensorError, R | Backend> {
  const { factorizations: host } = yield* Backend
  let kept: Float64Array = new Float64Array(0)
  for (;;) {
    const gram = yield* gramMatrix(kept.length === 0 ? undefined : complement(host, kept, n))
    const level = yield* hostTask(() => levelOf(host, gram, n, kept.length / n, limits))
    kept = yield* hostTask(() => extended(host, kept, level.vectors, n))
    const rank = kept.length / n
    if (level.isLast) return { vectors: kept, rank, discarded: level.discarded }
    if (!level.isCompressed && !isTall) return undefined
  }
})

/** The projector on what is orthogonal to orthonormal rows [rank, n]. */
const complement = (host: Factorizations, vectors: Float64Array, n: number): Float64Array => {
  const inside = host.multiply(vectors, vectors, n, vectors.length / n, n, { transposeA: true })
  const result = identity(n)
  for (let e = 0; e < result.length; e++) result[e] -= inside[e]
  return result
}

/** More rows, made orthogonal to the ones there are: by rounding they are not where they belong to much smaller singular values. */
const extended = (host: Factorizations, kept: Float64Array, more: Float64Array, n: number): Float64Array => {
  if (kept.length === 0) return more
  if (more.length === 0) return kept
  const [rank, count] = [kept.length / n, more.length / n]
  let apart = more
  for (let pass = 0; pass < 2; pass++) {
    const along = host.multiply(apart, kept, count, n, rank, { transposeB: true })
    const inside = host.multiply(along, kept, count, rank, n)
    apart = apart.map((value, e) => value - inside[e])
  }
  const { basis } = orthonormalRows(host, apart, count, n)
  const result = new Float64Array(kept.length + basis.length)
  result.set(kept)
  result.set(basis, kept.length)
  return result
}

interface Level {
  readonly vectors: Float64Array
  readonly discarded: number
  readonly isLast: boolean
  /** Few directions held nearly all of it. */
  readonly isCompressed: boolean
}

/** Which directions to take from one level, what then is left, and whether that is the end. */
const levelOf = (
  host: Factorizations,
  gram: Float64Array,
  n: number,
  kept: number,
  { allowance, total, maxRank }: SplitLimits
): Level => {
  const noise = n * Number.EPSILON ** 2 * total
  const wanted = Math.max(allowance, noise)
  let squares = 0
  for (let i = 0; i < n; i++) squares += Math.max(0, gram[i * n + i])
  const most = Math.min(maxRank, n) - kept
  if (kept > 0 && (most <= 0 || squares <= wanted))
    return { vectors: new Float64Array(0), discarded: squares, isLast: true, isCompressed: true }
  const rounding = n * Number.EPSILON * squares
  const few = fewDirections(host, gram, n, Math.max(wanted * unseenShare, 2 * rounding))
  const { singular, vectors, unseen } = few ?? allDirections(host, gram, n)
  const cut = rankWithin(singular, Math.max(noise, allowance - rounding - unseen), most)
  const share = unreliableShare(singular[0], Math.sqrt(wanted), n)
  const reliable = singular.findLastIndex((value) => value ** 2 > share * singular[0] ** 2) + 1
  // What rounding may hide: an eigenvalue that came out as 0 says no more than that it is below it.
  const isSeen = cut.rank === most || unseen + rounding <= wanted
  const isLast = squares === 0 || (isSeen && cut.rank <= reliable)
  const rank = isLast ? cut.rank : Math.max(1, Math.min(most, reliable))
  return {
    vectors: vectors.slice(0, rank * n),
    discarded: cut.discarded + unseen,
    isLast,
    isCompressed: few !== undefined
  }
}

/** What part of what may be discarded need not be looked at. */
const unseenShare = 0.01

/** From so many directions on, elimination is tried first, for at most this share of them. */
const leastForElimination = 16
const fewShare = 1 / 3

interface Spectrum {
  /** Singular values, the largest first. */
  readonly singular: Float64Array
  /** A direction in each row, of length n. */
  readonly vectors: Float64Array
  /** The sum of squares in other directions. */
  readonly unseen: number
}

/** By the singular value decomposition of a Cholesky factor lᵀ [few, n]; undefined where too many directions are above the limit. */
const fewDirections = (
  host: Factorizations,
  gram: Float64Array,
  n: number,
  trace: number
): Spectrum | undefined => {
  if (n < leastForElimination) return undefined
  const { factor, left } = pivotedCholesky(gram, n, { trace, maxRank: Math.floor(n * fewShare) })
  if (left > trace || factor.length === 0) return undefined
  const { s, vt } = host.svd(factor, factor.length / n, n)
  return { singular: s, vectors: vt, unseen: left }
}

const allDirections = (host: Factorizations, gram: Float64Array, n: number): Spectrum => {
  const { values, vectors: columns } = host.eigh(gram, n)
  const singular = values.map((_, j) => Math.sqrt(Math.max(0, values[n - 1 - j])))
  const vectors = new Float64Array(n * n)
  for (let j = 0; j < n; j++) for (let i = 0; i < n; i++) vectors[j * n + i] = columns[i * n + n - 1 - j]
  return { singular, vectors, unseen: 0 }
}

/**
 * Eigenvalues of a Gram matrix below this share of the largest are left to the next level. Rounding turns an eigenvector by about
 * epsilon s_1² / s², so that epsilon s_1² / s of its singular value s stays behind, which must be small against what may be
 * discarded; and far below the largest eigenvalue there is nothing but rounding.
 */
const unreliableShare = (largest: number, mayBeDiscarded: number, columns: number): number =>
  Math.min(
    1e-8,
    Math.max(((5 * Number.EPSILON * largest) / mayBeDiscarded) ** 2, 100 * columns * Number.EPSILON)
  )
