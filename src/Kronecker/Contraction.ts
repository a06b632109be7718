import type { Operations, Tensor } from "../Tensor/index.ts"

/** The sizes of sum_r A_r (x) B_r: `terms` pairs of A_r `left` [m1, n1] and B_r `right` [m2, n2]. */
export interface KroneckerShape {
  readonly terms: number
  readonly left: readonly [number, number]
  readonly right: readonly [number, number]
}

/**
 * How x (sum A_r (x) B_r) is worked out: contracting with A first, with B first, or building the matrix and multiplying by
 * it, which pays once there are more rows than the matrix costs to build.
 */
export type ContractionOrder = "left-first" | "right-first" | "dense-first"

/** The same sum transposed: sum A_rᵀ (x) B_rᵀ. */
export const transposedShape = ({ terms, left, right }: KroneckerShape): KroneckerShape => ({
  terms,
  left: [left[1], left[0]],
  right: [right[1], right[0]]
})

/** Multiplications of x (sum A_r (x) B_r) in one order, for so many rows of x. */
export const multiplications = (shape: KroneckerShape, order: ContractionOrder, rows: number): number => {
  const [m1, n1] = shape.left
  const [m2, n2] = shape.right
  switch (order) {
    case "left-first":
      return rows * shape.terms * m2 * n1 * (m1 + n2)
    case "right-first":
      return rows * shape.terms * m1 * n2 * (m2 + n1)
    case "dense-first":
      return (rows + shape.terms) * m1 * m2 * n1 * n2
  }
}

/** Which sides of the matrix are permuted. */
export interface Permuted {
  readonly rows: boolean
  readonly columns: boolean
}

/** Elements that pass through memory beside the large product: reordered, or made by a product that is a few elements deep. */
const movedElements = (
  shape: KroneckerShape,
  order: ContractionOrder,
  rows: number,
  permuted: Permuted
): number => {
  const [m1, n1] = shape.left
  const [m2, n2] = shape.right
  const [m, n] = [m1 * m2, n1 * n2]
  // The longer side's permutation is a transpose and a gather of the expanded matrix; the shorter one's costs nothing.
  if (order === "dense-first") return m * n * ((m > n ? permuted.rows : permuted.columns) ? 3 : 1)
  // A permutation of the columns of x [rows, n] is a transpose, a gather and a transpose.
  const reordered = 3 * ((permuted.rows ? m : 0) + (permuted.columns ? n : 0))
  const between = shape.terms * (order === "left-first" ? m2 * n1 : m1 * n2)
  const arranged = order === "left-first" ? m : n
  return rows * (reordered + 2 * between + arranged)
}

/**
 * What moving one element costs, in multiplications: 20 to 120 were measured with OpenBLAS on matrices from 192 x 768 to
 * 768 x 3072; a GPU's arithmetic and memory stand in about the same proportion.
 */
const multiplicationsPerMove = 48

const orders: ReadonlyArray<ContractionOrder> = ["dense-first", "left-first", "right-first"]

/** The cheapest order for so many rows of x, its multiplications and the moving of elements counted. */
export const cheapestOrder = (
  shape: KroneckerShape,
  rows: number,
  permuted: Permuted = { rows: false, columns: false }
): ContractionOrder => {
  const cost = (order: ContractionOrder) =>
    multiplications(shape, order, rows) + multiplicationsPerMove * movedElements(shape, order, rows, permuted)
  return orders.reduce((best, order) => (cost(order) < cost(best) ? order : best))
}

/** The factors of a sum, and whether the sum is read transposed. */
export interface Factors {
  /** A: [terms, m1, n1] */
  readonly left: Tensor
  /** B: [terms, m2, n2] */
  readonly right: Tensor
  readonly transposed: boolean
}

const sizesOf = ({ left, right, transposed }: Factors) => {
  const [terms, m1, n1] = left.shape
  const [, m2, n2] = right.shape
  return transposed
    ? { terms, inputs1: n1, inputs2: n2, outputs1: m1, outputs2: m2 }
    : { terms, inputs1: m1, inputs2: m2, outputs1: n1, outputs2: n2 }
}

/** A transpose that copies nothing where only dimensions of size 1 change places. */
const arrange = (t: Operations, x: Tensor, permutation: ReadonlyArray<number>): Tensor => {
  const kept = permutation.filter((axis) => x.shape[axis] !== 1)
  return kept.every((axis, i) => i === 0 || kept[i - 1] < axis)
    ? t.reshape(
        x,
        permutation.map((axis) => x.shape[axis])
      )
    : t.transpose(x, permutation)
}

/**
 * x (sum A_r (x) B_r), A first: one product with each A_r, then one with all B_r at once for each row of x.
 */
// x: [rows, inputs1 inputs2] -> [rows, outputs1 outputs2]
export const contractLeftFirst = (t: Operations, x: Tensor, factors: Factors): Tensor => {
  const { terms, inputs1, inputs2, outputs1, outputs2 } = sizesOf(factors)
  const { left, right, transposed } = factors
  const rows = x.shape[0]
  const columns = t.reshape(arrange(t, t.reshape(x, [rows, inputs1, inputs2]), [0, 2, 1]), [-1, inputs1])
  const matrices = terms === 1 ? t.reshape(left, [left.shape[1], left.shape[2]]) : left
  // z: [terms, rows, inputs2, outputs1]
  const z = t.reshape(t.matmul(columns, matrices, { transposeB: transposed }), [
    terms,
    rows,
    inputs2,
    outputs1
  ])
  const byRow = t.reshape(arrange(t, z, [1, 0, 2, 3]), [rows, terms * inputs2, outputs1])
  const stacked = t.reshape(transposed ? arrange(t, right, [0, 2, 1]) : right, [terms * inputs2, outputs2])
  return t.reshape(t.matmul(byRow, stacked, { transposeA: true }), [rows, outputs1 * outputs2])
}

/** x (sum A_r (x) B_r), B first: one product with all B_r side by side, one with all A_r on top of each other. */
// x: [rows, inputs1 inputs2] -> [rows, outputs1 outputs2]
export const contractRightFirst = (t: Operations, x: Tensor, factors: Factors): Tensor => {
  const { terms, inputs1, inputs2, outputs1, outputs2 } = sizesOf(factors)
  const { left, right, transposed } = factors
  const rows = x.shape[0]
  const sideBySide = t.reshape(arrange(t, right, transposed ? [2, 0, 1] : [1, 0, 2]), [
    inputs2,
    terms * outputs2
  ])
  const y = t.matmul(t.reshape(x, [rows * inputs1, inputs2]), sideBySide)
  const byOutput = arrange(t, t.reshape(y, [rows, inputs1, terms, outputs2]), [0, 3, 2, 1])
  // Transposed, the rows of [outputs1, terms inputs1] stay whole: a copy in long runs, and none for one term.
  const stacked = transposed
    ? t.reshape(arrange(t, left, [1, 0, 2]), [outputs1, terms * inputs1])
    : t.reshape(left, [terms * inputs1, outputs1])
  const z = t.matmul(t.reshape(byOutput, [rows * outputs2, terms * inputs1]), stacked, {
    transposeB: transposed
  })
  return t.reshape(arrange(t, t.reshape(z, [rows, outputs2, outputs1]), [0, 2, 1]), [
    rows,
    outputs1 * outputs2
  ])
}
