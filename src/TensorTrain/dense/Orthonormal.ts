import type { Factorizations } from "../../Tensor/index.ts"
import { pivotedCholesky } from "./PivotedCholesky.ts"

interface Rows {
  /** [rows, rows] */
  readonly triangle: Float64Array
  /** [rows, columns] */
  readonly basis: Float64Array
}

/**
 * b [rows, columns], whose rows are orthogonal but for a little, as triangle times basis with orthonormal rows: the Cholesky factor
 * of the Gram matrix, whatever the lengths of the rows; again where they were not near enough ("CholeskyQR2": Yamamoto et al.,
 * "Roundoff error analysis of the CholeskyQR2 algorithm", 2015).
 */
export const orthonormalRows = (
  host: Factorizations,
  b: Float64Array,
  rows: number,
  columns: number
): Rows => {
  const gram = host.multiply(b, b, rows, columns, rows, { transposeB: true })
  if (rows === 1 && gram[0] === 0) return { triangle: gram, basis: b.map((_, j) => (j === 0 ? 1 : 0)) }
  const triangle = host.cholesky(gram, rows)
  const basis = host.solveTriangular(triangle, rows, b, columns)
  if (squaredCosines(gram, rows) < nearlyOrthogonal) return { triangle, basis }
  const again = orthonormalRows(host, basis, rows, columns)
  return { triangle: host.multiply(triangle, again.triangle, rows, rows, rows), basis: again.basis }
}

/** The squared cosines between rows that one Cholesky factor can mend to rounding, in sum. */
const nearlyOrthogonal = 1e-2

// gram: [rows, rows]
const squaredCosines = (gram: Float64Array, rows: number): number => {
  let squares = 0
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < i; j++)
      squares += (gram[i * rows + j] / gram[i * rows + i]) * (gram[i * rows + j] / gram[j * rows + j])
  return squares
}

/** For fewer columns a look at their rank costs as much as what it could save. */
const leastColumns = 24

/** Columns of length 1 whose distance from the chosen ones has a square below this may depend on them. */
const leastPivot = 1e-10

/** A column of which no larger share is left is spanned: a Householder QR would be wrong by as much. */
const negligible = 32 * Number.EPSILON

/**
 * a [rows, columns] = q r with orthonormal columns of q, no more of them than are needed to keep every column to rounding in its
 * own scale: sums of trains that share directions have half as many as columns.
 */
export const orthonormalColumns = (host: Factorizations, a: Float64Array, rows: number, columns: number) => {
  const shorter = columns >= leastColumns && rows > columns ? ofFewer(host, a, rows, columns) : undefined
  return shorter ?? { ...host.qr(a, rows, columns), rank: Math.min(rows, columns) }
}

/** By the columns that a pivoted Cholesky of the Gram matrix chooses; undefined where these are all, or do not span the others. */
const ofFewer = (host: Factorizations, a: Float64Array, rows: number, columns: number) => {
  const gram = host.multiply(a, a, columns, rows, columns, { transposeA: true })
  const lengths = Float64Array.from({ length: columns }, (_, j) => Math.sqrt(gram[j * columns + j]) || 1)
  for (let i = 0; i < columns; i++)
    for (let j = 0; j < columns; j++) gram[i * columns + j] /= lengths[i] * lengths[j]
  const { pivots } = pivotedCholesky(gram, columns, { largest: leastPivot })
  const rank = pivots.length
  if (rank === 0 || rank === columns) return undefined
  const { q } = host.qr(columnsAt(a, columns, pivots), rows, rank)
  const r = host.multiply(q, a, rank, rows, columns, { transposeA: true })
  const near = host.multiply(q, r, rows, rank, columns)
  const squares = new Float64Array(columns)
  for (let e = 0, i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++, e++) squares[j] += (a[e] - near[e]) ** 2
  return squares.every((square, j) => Math.sqrt(square) <= negligible * lengths[j])
    ? { q, r, rank }
    : undefined
}

const columnsAt = (a: Float64Array, columns: number, chosen: Int32Array): Float64Array => {
  const count = chosen.length
  const result = new Float64Array((a.length / columns) * count)
  for (let from = 0, to = 0; from < a.length; from += columns, to += count)
    for (let j = 0; j < count; j++) result[to + j] = a[from + chosen[j]]
  return result
}
