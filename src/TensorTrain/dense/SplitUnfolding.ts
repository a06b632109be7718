import { Effect } from "effect"
import { Backend, type Factorizations, type TensorError } from "../../Tensor/index.ts"
import { hostTask } from "../../Weight/index.ts"
import { rankWithin } from "../Truncation.ts"
import { transposed } from "../../Tensor/HostMatrix.ts"
import { leadingColumns, product, scaledColumns } from "./HostMatrix.ts"
import { gramMatrix, tallProduct } from "./TallMatrix.ts"

export interface SplitLimits {
  /** Sum of squares that may be discarded. */
  readonly allowance: number
  /** The sum of squares of the whole tensor, by which rounding is judged. */
  readonly total: number
  readonly maxRank: number
}

/** a ~ rest core, with orthonormal rows in core. */
export interface Split {
  /** [rows, rank] */
  readonly rest: Float64Array
  /** [rank, columns] */
  readonly core: Float64Array
  readonly rank: number
  /** ||a - rest core||² */
  readonly discarded: number
}

/** An unfolding a [rows, columns], cut to the smallest rank that the limits allow. */
export const splitUnfolding = Effect.fnUntraced(function* (
  a: Float64Array,
  columns: number,
  limits: SplitLimits
): Effect.fn.Return<Split, TensorError, Backend> {
  const { factorizations: host } = yield* Backend
  return a.length / columns < columns
    ? yield* hostTask(() => splitWide(a, columns, limits, host))
    : yield* splitTall(a, columns, limits)
})

/** Below so many rows a singular value decomposition costs no more than the way around it. */
const leastRowsForGram = 128

const splitWide = (a: Float64Array, columns: number, limits: SplitLimits, host: Factorizations): Split => {
  const rows = a.length / columns
  const split = rows < leastRowsForGram ? undefined : wideByGram(a, columns, limits, host)
  return split ?? splitBySvd(a, columns, limits, host)
}

const splitBySvd = (
  a: Float64Array,
  columns: number,
  { allowance, maxRank }: SplitLimits,
  host: Factorizations
): Split => {
  const rows = a.length / columns
  const { u, s, vt } = host.svd(a, rows, columns)
  const { rank, discarded } = rankWithin(s, allowance, maxRank)
  const rest = scaledColumns(leadingColumns(u, rows, s.length, rank), rank, s)
  return { rest, core: vt.slice(0, rank * columns), rank, discarded }
}

/** Rows leftᵀ a / s are orthonormal to about epsilon s_1² / s²: so small a share of the largest s keeps twelve digits. */
const leastShareForGram = 1e-2

/** From the eigenvectors of a aᵀ, in half the time; undefined where singular values are kept that it would blur. */
const wideByGram = (
  a: Float64Array,
  columns: number,
  { allowance, total, maxRank }: SplitLimits,
  host: Factorizations
): Split | undefined => {
  const rows = a.length / columns
  const gram = host.multiply(a, transposed(a, rows, columns), rows, columns, rows)
  const { singular, vectors } = descending(host, gram, rows)
  const rounding = rows * Number.EPSILON * total
  const { rank, discarded } = rankWithin(singular, Math.max(0, allowance - rounding), maxRank)
  if (!(singular[rank - 1] > leastShareForGram * singular[0])) return undefined
  const left = vectors.subarray(0, rank * rows)
  const core = product(host, left, a, rank, rows, columns)
  for (let j = 0; j < rank; j++) for (let e = j * columns; e < (j + 1) * columns; e++) core[e] /= singular[j]
  const rest = scaledColumns(transposed(left, rank, rows), rank, singular)
  return { rest, core, rank, discarded }
}

/** With fewer rows a column a singular value decomposition costs less than a second Gram matrix. */
const fewRowsPerColumn = 4

/**
 * A tall matrix, whose singular value decomposition would cost many times its Gram matrix. The eigenvectors of aᵀ a are as good
 * as singular vectors down to some 1e-5 of the largest singular value; where the limits ask for more, the others only say which
 * subspace is left, and the Gram matrix of a within that shows the next ones as clearly.
 */
const splitTall = Effect.fnUntraced(function* (
  a: Float64Array,
  columns: number,
  limits: SplitLimits
): Effect.fn.Return<Split, TensorError, Backend> {
  const { factorizations: host } = yield* Backend
  const { allowance, total, maxRank } = limits
  const noise = columns * Number.EPSILON ** 2 * total
  const core = new Float64Array(columns * columns)
  let kept = 0
  // open: [columns - kept, columns], an orthonormal basis of what is left; undefined for all of it
  let open: Float64Array | undefined
  for (;;) {
    const gram = yield* gramMatrix(a, columns, open)
    const { singular, vectors } = yield* hostTask(() => directionsOf(host, gram, columns, open))
    const { rank, discarded, isLast } = levelRank(singular, kept, { allowance, noise, maxRank })
    core.set(vectors.subarray(0, rank * columns), kept * columns)
    kept += rank
    if (isLast) {
      const found = core.slice(0, kept * columns)
      const rest = yield* tallProduct(a, columns, transposed(found, kept, columns))
      return { rest, core: found, rank: kept, discarded }
    }
    if (a.length < fewRowsPerColumn * columns ** 2)
      return yield* hostTask(() => splitBySvd(a, columns, limits, host))
    open = vectors.slice(rank * columns)
  }
})

// gram: [n, n] in the basis open [n, columns] -> singular values, the largest first, and vectors [n, columns] with one in each row
const directionsOf = (
  host: Factorizations,
  gram: Float64Array,
  columns: number,
  open: Float64Array | undefined
): Directions => {
  const count = open === undefined ? columns : open.length / columns
  const { singular, vectors } = descending(host, gram, count)
  if (open === undefined) return { singular, vectors }
  return { singular, vectors: product(host, vectors, open, count, count, columns) }
}

interface Directions {
  readonly singular: Float64Array
  readonly vectors: Float64Array
}

// gram: [n, n] -> singular values, the largest first, and vectors [n, n] with one in each row
const descending = (host: Factorizations, gram: Float64Array, n: number): Directions => {
  const { values, vectors: columns } = host.eigh(gram, n)
  const singular = values.map((_, j) => Math.sqrt(Math.max(0, values[n - 1 - j])))
  const vectors = new Float64Array(n * n)
  for (let j = 0; j < n; j++) for (let i = 0; i < n; i++) vectors[j * n + i] = columns[i * n + n - 1 - j]
  return { singular, vectors }
}

/** How many directions to take from one level, what then is left, and whether that is the end. */
const levelRank = (
  singular: Float64Array,
  kept: number,
  {
    allowance,
    noise,
    maxRank
  }: { readonly allowance: number; readonly noise: number; readonly maxRank: number }
): { readonly rank: number; readonly discarded: number; readonly isLast: boolean } => {
  const squares = singular.reduce((sum, value) => sum + value * value, 0)
  const most = maxRank - kept
  if (kept > 0 && (most <= 0 || squares <= Math.max(allowance, noise)))
    return { rank: 0, discarded: squares, isLast: true }
  const rounding = singular.length * Number.EPSILON * squares
  const wanted = rankWithin(singular, Math.max(noise, allowance - rounding), most)
  const share = unreliableShare(singular[0], Math.sqrt(Math.max(allowance, noise)), singular.length)
  const reliable = singular.findLastIndex((value) => value ** 2 > share * singular[0] ** 2) + 1
  const isLast = wanted.rank <= reliable || squares === 0
  return isLast ? { ...wanted, isLast } : { rank: Math.max(1, reliable), discarded: 0, isLast }
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
