import { upload } from "../Tensor/Host.ts"
import type { Operations, Tensor } from "../Tensor/index.ts"
import { type KroneckerShape, transposedShape } from "./Contraction.ts"

/** int32 look-up tables on the backend for one side of W, its rows or its columns. */
interface SideTables {
  /**
   * Where the rows (columns) of W come from: for each its row (column) in every term of left and of right, both
   * [size, terms], terms stacked. Undefined where row i comes from row i of left, and right has one row.
   */
  readonly factors: { readonly left: Tensor; readonly right: Tensor } | undefined
  /** `order` puts W's rows (columns) into the order of the sum, `position` back. */
  readonly permutation: { readonly order: Tensor; readonly position: Tensor } | undefined
}

export interface KroneckerTables {
  readonly rows: SideTables
  readonly columns: SideTables
}

/** sum_r A_r (x) B_r between permutations: left [terms, m1, n1], right [terms, m2, n2]. */
export interface KroneckerSum {
  readonly shape: KroneckerShape
  readonly left: Tensor
  readonly right: Tensor
  readonly tables: KroneckerTables
}

const inverseOf = (permutation: Uint32Array): Uint32Array => {
  const inverse = new Uint32Array(permutation.length)
  for (let i = 0; i < permutation.length; i++) inverse[permutation[i]] = i
  return inverse
}

// size1, size2: m1 and m2 for the rows, n1 and n2 for the columns
const sideTables = (
  t: Operations,
  terms: number,
  size1: number,
  size2: number,
  order: Uint32Array | undefined
): SideTables => {
  const size = size1 * size2
  const indices = (values: Int32Array | Uint32Array, shape: ReadonlyArray<number>) =>
    upload(t.region, Int32Array.from(values), shape)
  const position = order === undefined ? undefined : inverseOf(order)
  const permutation =
    order === undefined || position === undefined
      ? undefined
      : { order: indices(order, [size]), position: indices(position, [size]) }
  if (terms === 1 && size2 === 1 && order === undefined) return { factors: undefined, permutation }

  const left = new Int32Array(size * terms)
  const right = new Int32Array(size * terms)
  for (let i = 0; i < size; i++) {
    const place = position === undefined ? i : position[i]
    for (let term = 0; term < terms; term++) {
      left[i * terms + term] = term * size1 + Math.floor(place / size2)
      right[i * terms + term] = term * size2 + (place % size2)
    }
  }
  const factors = { left: indices(left, [size, terms]), right: indices(right, [size, terms]) }
  return { factors, permutation }
}

/** The tables of a sum whose rows and columns are permuted, or not where undefined. */
export const kroneckerTables = (
  t: Operations,
  { terms, left: [m1, n1], right: [m2, n2] }: KroneckerShape,
  rows: Uint32Array | undefined,
  columns: Uint32Array | undefined
): KroneckerTables => ({
  rows: sideTables(t, terms, m1, m2, rows),
  columns: sideTables(t, terms, n1, n2, columns)
})

const transposed = (t: Operations, { shape, left, right, tables }: KroneckerSum): KroneckerSum => ({
  shape: transposedShape(shape),
  left: t.transpose(left, [0, 2, 1]),
  right: t.transpose(right, [0, 2, 1]),
  tables: { rows: tables.columns, columns: tables.rows }
})

/** x[:, indices] for x [rows, n]. */
export const takeColumns = (t: Operations, x: Tensor, indices: Tensor): Tensor =>
  x.shape[0] === 1
    ? t.reshape(t.gather(t.reshape(x, [x.shape[1]]), indices), [1, x.shape[1]])
    : t.transpose(t.gather(t.transpose(x), indices))

/** Some rows of W, or all of them in their order, with the columns still in the order of the sum. */
const expandRows = (t: Operations, sum: KroneckerSum, wanted?: Tensor): Tensor => {
  const {
    terms,
    left: [m1, n1],
    right: [m2, n2]
  } = sum.shape
  const left = t.reshape(sum.left, [terms * m1, n1])
  const right = t.reshape(sum.right, [terms * m2, n2])
  const { factors } = sum.tables.rows
  if (factors === undefined) {
    const chosen = wanted === undefined ? left : t.gather(left, wanted)
    return t.reshape(t.matmul(t.reshape(chosen, [-1, 1]), right), [-1, n1 * n2])
  }
  // a: [rows, terms, n1], b: [rows, terms, n2]
  const [a, b] = (
    [
      [left, factors.left],
      [right, factors.right]
    ] as const
  ).map(([factor, table]) => t.gather(factor, wanted === undefined ? table : t.gather(table, wanted)))
  return t.reshape(t.matmul(a, b, { transposeA: true }), [a.shape[0], n1 * n2])
}

/** Rows of W: int32 [...] -> [..., n1 n2]. Only these are worked out. */
export const rowsOf = (t: Operations, sum: KroneckerSum, wanted: Tensor): Tensor => {
  const found = expandRows(t, sum, t.reshape(wanted, [-1]))
  const { permutation } = sum.tables.columns
  const ordered = permutation === undefined ? found : takeColumns(t, found, permutation.position)
  return t.reshape(ordered, [...wanted.shape, ordered.shape[1]])
}

/**
 * W [m1 m2, n1 n2] or Wᵀ, whichever is less work: the shorter side is expanded, one product for each of its rows, and a
 * permutation of the other one gathers whole rows of the transpose.
 */
export const expand = (
  t: Operations,
  sum: KroneckerSum
): { readonly matrix: Tensor; readonly isTransposed: boolean } => {
  const {
    left: [m1, n1],
    right: [m2, n2]
  } = sum.shape
  const byColumns = m1 * m2 > n1 * n2 && sum.tables.rows.factors !== undefined
  const turned = byColumns ? transposed(t, sum) : sum
  const matrix = expandRows(t, turned)
  const { permutation } = turned.tables.columns
  return permutation === undefined
    ? { matrix, isTransposed: byColumns }
    : { matrix: t.gather(t.transpose(matrix), permutation.position), isTransposed: !byColumns }
}
