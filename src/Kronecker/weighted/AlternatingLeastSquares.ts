import { cholesky, forwardInPlace, solveInPlace } from "./SmallCholesky.ts"
import type { ArrangedProblem, Factors } from "./WeightedProblem.ts"

/** Factors, and what they capture of ||C^{1/2} W||²: the rest is the squared error. */
export interface Captured {
  readonly factors: Factors
  readonly captured: number
}

/**
 * Each half is made unique, where factors depend on each other, by a pull to the factors before of so small a part of the
 * normal matrix's largest diagonal element; the error does not rise for it.
 */
const pull = 1e-10

/**
 * The normal matrix of A for given B, sum over i and k of (B_r B_nᵀ)[i, k] C[(a, i), (b, k)]: [terms m1, terms m1], or for a diagonal
 * C its blocks, [m1, terms, terms].
 */
export const leftNormal = ({ shape, metric, host }: ArrangedProblem, right: Float64Array): Float64Array => {
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
  for (let a = 0, e = 0; a < m1; a++)
    for (let b = 0; b < m1; b++)
      for (let r = 0; r < terms; r++)
        for (let n = 0; n < terms; n++) normal[(r * m1 + a) * size + n * m1 + b] = products[e++]
  return normal
}

/** The best A for given B, and what the two capture. */
export const leftStep = (problem: ArrangedProblem, { left, right }: Factors): Captured => {
  const { shape, aims, host } = problem
  const {
    terms,
    left: [m1, n1],
    right: [m2, n2]
  } = shape
  const size = m2 * n2
  const wanted = host.multiply(right, aims, terms, size, m1 * n1, { transposeB: true })
  const solved = solveNormal(problem, leftNormal(problem, right), wanted, left, terms, m1, n1)
  return { factors: { left: solved.x, right }, captured: solved.captured }
}

/** What B is to solve for given A, N B = wanted: half the gradient of what the two capture is wanted - N B. */
export interface RightSystem {
  /** [terms m2, terms m2], or its blocks [m2, terms, terms] where C is diagonal */
  readonly normal: Float64Array
  /** [terms, m2, n2] */
  readonly wanted: Float64Array
}

/** The best B for given A, and what the two capture. */
export const rightStep = (
  problem: ArrangedProblem,
  { left, right }: Factors,
  { normal, wanted }: RightSystem = rightSystem(problem, left)
): Captured => {
  const { terms, right: sizes } = problem.shape
  const { x, captured } = solveNormal(problem, normal, wanted, right, terms, ...sizes)
  return { factors: { left, right: x }, captured }
}

/** N⁻¹ x for the N of A, as of `leftNormal`, x [terms, m1, n1]. */
export const leftSolved = (problem: ArrangedProblem, normal: Float64Array, x: Float64Array): Float64Array => {
  const { terms, left } = problem.shape
  return pulledSolve(problem, normal, pullOf(problem, normal), x, terms, ...left)
}

/** N⁻¹ x for the N of B, x [terms, m2, n2]. */
export const rightSolved = (
  problem: ArrangedProblem,
  { normal }: RightSystem,
  x: Float64Array
): Float64Array => {
  const { terms, right } = problem.shape
  return pulledSolve(problem, normal, pullOf(problem, normal), x, terms, ...right)
}

/** N x for the N of B, x [terms, m2, n2]. */
export const rightProduct = (
  { shape, metric }: ArrangedProblem,
  { normal }: RightSystem,
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

/** The system of B for given A. */
export const rightSystem = (problem: ArrangedProblem, left: Float64Array): RightSystem => {
  const { shape, aims, metric, host } = problem
  const {
    terms,
    left: [m1, n1],
    right: [m2, n2]
  } = shape
  const wanted = host.multiply(left, aims, terms, m1 * n1, m2 * n2)
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
    return { normal, wanted }
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
  return { normal, wanted }
}

// wanted, before: [terms, items, columns]
const solveNormal = (
  problem: ArrangedProblem,
  normal: Float64Array,
  wanted: Float64Array,
  before: Float64Array,
  terms: number,
  items: number,
  columns: number
): { readonly x: Float64Array; readonly captured: number } => {
  const epsilon = pullOf(problem, normal)
  const pulled = wanted.map((value, e) => value + epsilon * before[e])
  const x = pulledSolve(problem, normal, epsilon, pulled, terms, items, columns)
  // 2 <wanted, x> - <x, normal x> with (normal + epsilon) x = pulled
  let captured = 0
  for (let e = 0; e < x.length; e++) captured += x[e] * (wanted[e] - epsilon * (before[e] - x[e]))
  return { x, captured }
}

// normal: [n, n], or blocks of [terms, terms] for a diagonal metric
const pullOf = ({ shape: { terms }, metric }: ArrangedProblem, normal: Float64Array): number => {
  const size = metric.isDiagonal ? terms : Math.sqrt(normal.length)
  let largest = 0
  for (let e = 0; e < normal.length; e += size * size)
    for (let i = 0; i < size; i++) largest = Math.max(largest, normal[e + i * size + i])
  return largest === 0 ? 1 : pull * largest
}

/**
 * The lower triangular root of A's normal matrix for given B, of the order (term, row of A): [terms m1, terms m1], or its blocks
 * [m1, terms, terms] where C is diagonal.
 */
export const leftRoot = (problem: ArrangedProblem, right: Float64Array): Float64Array => {
  const normal = leftNormal(problem, right)
  return rootOf(problem, normal, pullOf(problem, normal), problem.shape.terms)
}

/** L⁻¹ x for a root L of `leftRoot`: x [terms, m1, columns]. */
export const halfSolved = (
  { shape: { terms, left }, metric, host }: ArrangedProblem,
  root: Float64Array,
  x: Float64Array,
  columns: number
): Float64Array =>
  metric.isDiagonal
    ? solvedByBlocks(root, x, terms, left[0], columns, forwardInPlace)
    : host.solveTriangular(root, terms * left[0], x, columns)

// The root of normal + epsilon; normal: [terms items, terms items], or [items, terms, terms] for a diagonal metric
const rootOf = (
  { metric, host }: ArrangedProblem,
  normal: Float64Array,
  epsilon: number,
  terms: number
): Float64Array => {
  const size = metric.isDiagonal ? terms : Math.sqrt(normal.length)
  const raised = normal.slice()
  for (let e = 0; e < raised.length; e += size * size)
    for (let i = 0; i < size; i++) raised[e + i * size + i] += epsilon
  if (!metric.isDiagonal) return host.cholesky(raised, size)
  for (let e = 0; e < raised.length; e += size * size) cholesky(raised.subarray(e, e + size * size), size)
  return raised
}

// (normal + epsilon) x = wanted
const pulledSolve = (
  problem: ArrangedProblem,
  normal: Float64Array,
  epsilon: number,
  wanted: Float64Array,
  terms: number,
  items: number,
  columns: number
): Float64Array => {
  const { metric, host } = problem
  const root = rootOf(problem, normal, epsilon, terms)
  if (metric.isDiagonal) return solvedByBlocks(root, wanted, terms, items, columns, solveInPlace)
  const size = terms * items
  const half = host.solveTriangular(root, size, wanted, columns)
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

/** One sweep: the best B for A, then the best A for that; what they capture never falls, but for rounding. */
export const sweep = (problem: ArrangedProblem, factors: Factors): Captured =>
  leftStep(problem, balanced(rightStep(problem, factors).factors, problem.shape.terms))

/** The same sum with A_r and B_r of equal norms, and the element of largest magnitude of each B_r positive. */
export const balanced = ({ left, right }: Factors, terms: number): Factors => {
  const [a, b] = [left.slice(), right.slice()]
  const [sizeA, sizeB] = [a.length / terms, b.length / terms]
  for (let r = 0; r < terms; r++) {
    const [x, y] = [a.subarray(r * sizeA, (r + 1) * sizeA), b.subarray(r * sizeB, (r + 1) * sizeB)]
    const [normX, normY] = [norm(x), norm(y)]
    if (normX === 0 || normY === 0) continue
    let peak = 0
    for (let e = 0; e < y.length; e++) if (Math.abs(y[e]) > Math.abs(peak)) peak = y[e]
    const scale = Math.sqrt(normY / normX) * (peak < 0 ? -1 : 1)
    for (let e = 0; e < x.length; e++) x[e] *= scale
    for (let e = 0; e < y.length; e++) y[e] /= scale
  }
  return { left: a, right: b }
}

const norm = (x: Float64Array): number => {
  let sum = 0
  for (let e = 0; e < x.length; e++) sum += x[e] * x[e]
  return Math.sqrt(sum)
}
