import { cholesky, forwardInPlace, solveInPlace } from "./SmallCholesky.ts"
import type { ArrangedMetric } from "./WeightedProblem.ts"

/**
 * Each half is made unique, where factors depend on each other, by a pull to the factors before of so small a part of the
 * normal matrix's largest diagonal element; the error does not rise for it.
 */
const pull = 1e-10

/**
 * The normal matrix of A for given B, sum over i and k of (B_r B_nᵀ)[i, k] C[(a, i), (b, k)]: [terms m1, terms m1], or for a diagonal
 * C its blocks, [m1, terms, terms].
 */
const leftNormal = ({ shape, metric, host }: ArrangedMetric, right: Float64Array): Float64Array => {
  const {
    terms,
    left: [m1],
    right: [m2, n2]
  } = shape
  const pairs = host.multiply(right, right, terms * m2, n2, terms * m2, { transposeB: true })
  // weights: [m2 m2, terms terms], only i = k where C is diagonal
  const square = terms * terms
  const rows = metric.isDiagonal ? m2 : m2 * m2
  const weights = new Float64Array(rows * square)
  for (let i = 0, e = 0; i < m2; i++)
    for (let k = 0; k < m2; k++) {
      if (metric.isDiagonal && i !== k) continue
      for (let r = 0; r < terms; r++)
        for (let n = 0; n < terms; n++) weights[e++] = pairs[(r * m2 + i) * terms * m2 + n * m2 + k]
    }
  if (metric.isDiagonal) return host.multiply(metric.values, weights, m1, m2, square)
  const products = host.multiply(metric.values, weights, m1 * m1, rows, square)
  const size = terms * m1
  const normal = new Float64Array(size * size)
  // A row of blocks at a time: what is read stays in the cache, what is written lies together.
  for (let a = 0; a < m1; a++)
    for (let r = 0; r < terms; r++)
      for (let n = 0; n < terms; n++) {
        const to = (r * m1 + a) * size + n * m1
        for (let b = 0, e = a * m1 * square + r * terms + n; b < m1; b++, e += square)
          normal[to + b] = products[e]
      }
  return normal
}

/** The normal matrix of B for given A, likewise: [terms m2, terms m2], or for a diagonal C its blocks, [m2, terms, terms]. */
export const rightNormal = ({ shape, metric, host }: ArrangedMetric, left: Float64Array): Float64Array => {
  const {
    terms,
    left: [m1, n1],
    right: [m2]
  } = shape
  const square = terms * terms
  if (metric.isDiagonal) {
    const normal = new Float64Array(m2 * square)
    for (let a = 0; a < m1; a++)
      for (let r = 0; r < terms; r++)
        for (let n = 0; n <= r; n++) {
          const [u, v] = [(r * m1 + a) * n1, (n * m1 + a) * n1]
          let sum = 0
          for (let b = 0; b < n1; b++) sum += left[u + b] * left[v + b]
          for (let i = 0; i < m2; i++) {
            const part = sum * metric.values[a * m2 + i]
            normal[i * square + r * terms + n] += part
            if (n !== r) normal[i * square + n * terms + r] += part
          }
        }
    return normal
  }
  // gram: (A_r A_nᵀ)[a, b] as [terms terms, m1 m1]
  const products = host.multiply(left, left, terms * m1, n1, terms * m1, { transposeB: true })
  const gram = new Float64Array(products.length)
  for (let r = 0, e = 0; r < terms; r++)
    for (let n = 0; n < terms; n++)
      for (let a = 0; a < m1; a++, e += m1) {
        const from = (r * m1 + a) * terms * m1 + n * m1
        gram.set(products.subarray(from, from + m1), e)
      }
  const blocks = host.multiply(gram, metric.values, square, m1 * m1, m2 * m2)
  const size = terms * m2
  const normal = new Float64Array(size * size)
  for (let r = 0, e = 0; r < terms; r++)
    for (let n = 0; n < terms; n++)
      for (let i = 0; i < m2; i++)
        for (let k = 0; k < m2; k++) normal[(r * m2 + i) * size + n * m2 + k] = blocks[e++]
  return normal
}

/** N x for the N of B, x [terms, m2, n2]. */
export const rightProduct = (
  { shape, metric }: ArrangedMetric,
  normal: Float64Array,
  x: Float64Array
): Float64Array => {
  const { terms, right } = shape
  const [m2, n2] = right
  const result = new Float64Array(x.length)
  for (let r = 0; r < terms; r++)
    for (let i = 0; i < m2; i++)
      for (let n = 0; n < terms; n++)
        for (let k = 0; k < m2; k++) {
          if (metric.isDiagonal && i !== k) continue
          const part = metric.isDiagonal
            ? normal[(i * terms + r) * terms + n]
            : normal[(r * m2 + i) * terms * m2 + n * m2 + k]
          for (let j = 0; j < n2; j++) result[(r * m2 + i) * n2 + j] += part * x[(n * m2 + k) * n2 + j]
        }
  return result
}

/** Of a normal matrix with the pull on its diagonal. */
export interface NormalRoot {
  /** Lower triangular, of the order (term, item): [terms items, terms items], or its blocks [items, terms, terms] where C is diagonal. */
  readonly values: Float64Array
  readonly pull: number
}

// Takes the normal matrix over, and changes it.
const rootOf = ({ shape, metric, host }: ArrangedMetric, normal: Float64Array): NormalRoot => {
  const size = metric.isDiagonal ? shape.terms : Math.sqrt(normal.length)
  const at = (i: number) => Math.floor(i / size) * size * size + (i % size) * (size + 1)
  const count = normal.length / size
  let largest = 0
  for (let i = 0; i < count; i++) largest = Math.max(largest, normal[at(i)])
  const raise = largest === 0 ? 1 : pull * largest
  for (let i = 0; i < count; i++) normal[at(i)] += raise
  if (!metric.isDiagonal) return { values: host.cholesky(normal, size), pull: raise }
  for (let e = 0; e < normal.length; e += size * size) cholesky(normal.subarray(e, e + size * size), size)
  return { values: normal, pull: raise }
}

/** That of A's normal matrix for given B. */
export const leftRoot = (metric: ArrangedMetric, right: Float64Array): NormalRoot =>
  rootOf(metric, leftNormal(metric, right))

/** That of a normal matrix of B. */
export const rightRoot = (metric: ArrangedMetric, normal: Float64Array): NormalRoot =>
  rootOf(metric, normal.slice())

/** L⁻¹ x for a root L of `leftRoot`: x [terms, m1, columns]. */
export const halfSolved = (
  { shape: { terms, left }, metric, host }: ArrangedMetric,
  { values: root }: NormalRoot,
  x: Float64Array,
  columns: number
): Float64Array =>
  metric.isDiagonal
    ? solvedByBlocks(root, x, terms, left[0], columns, forwardInPlace)
    : host.solveTriangular(root, terms * left[0], x, columns)

/** N⁻¹ x for the root of a normal matrix N, x [terms, items, columns]. */
export const solvedBy = (
  { shape: { terms }, metric, host }: ArrangedMetric,
  { values: root }: NormalRoot,
  x: Float64Array,
  items: number,
  columns: number
): Float64Array => {
  if (metric.isDiagonal) return solvedByBlocks(root, x, terms, items, columns, solveInPlace)
  const size = terms * items
  const half = host.solveTriangular(root, size, x, columns)
  return host.solveTriangular(root, size, half, columns, true)
}

// One system of `terms` unknowns for each item: roots [items, terms, terms], wanted [terms, items, columns].
const solvedByBlocks = (
  roots: Float64Array,
  wanted: Float64Array,
  terms: number,
  items: number,
  columns: number,
  solve: typeof solveInPlace
): Float64Array => {
  const x = new Float64Array(wanted.length)
  const part = new Float64Array(terms * columns)
  const square = terms * terms
  for (let a = 0; a < items; a++) {
    const at = (r: number) => (r * items + a) * columns
    for (let r = 0; r < terms; r++) part.set(wanted.subarray(at(r), at(r) + columns), r * columns)
    solve(roots.subarray(a * square, (a + 1) * square), terms, part, columns)
    for (let r = 0; r < terms; r++) x.set(part.subarray(r * columns, (r + 1) * columns), at(r))
  }
  return x
}
