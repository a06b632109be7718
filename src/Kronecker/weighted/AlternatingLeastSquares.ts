import { leftRoot, type NormalRoot, rightNormal, rightRoot, solvedBy } from "./NormalMatrix.ts"
import type { ArrangedProblem, Factors } from "./WeightedProblem.ts"

/** Factors, and what they capture of ||C^{1/2} W||²: the rest is the squared error. */
export interface Captured {
  readonly factors: Factors
  readonly captured: number
}

/** The best A for given B, and what the two capture. */
export const leftStep = (
  problem: ArrangedProblem,
  { left, right }: Factors,
  root: NormalRoot = leftRoot(problem, right)
): Captured => {
  const { shape, aims, host } = problem
  const {
    terms,
    left: [m1, n1],
    right: [m2, n2]
  } = shape
  const size = m2 * n2
  const wanted = host.multiply(right, aims, terms, size, m1 * n1, { transposeB: true })
  const solved = solveNormal(problem, root, wanted, left, m1, n1)
  return { factors: { left: solved.x, right }, captured: solved.captured }
}

/** What B is to solve for given A, N B = wanted: half the gradient of what the two capture is wanted - N B. */
export interface RightSystem {
  /** See `rightNormal`. */
  readonly normal: Float64Array
  readonly root: NormalRoot
  /** [terms, m2, n2] */
  readonly wanted: Float64Array
}

/** The best B for given A, and what the two capture. */
export const rightStep = (
  problem: ArrangedProblem,
  { left, right }: Factors,
  { root, wanted }: RightSystem = rightSystem(problem, left)
): Captured => {
  const { right: sizes } = problem.shape
  const { x, captured } = solveNormal(problem, root, wanted, right, ...sizes)
  return { factors: { left, right: x }, captured }
}

/** The system of B for given A. */
export const rightSystem = (problem: ArrangedProblem, left: Float64Array): RightSystem => {
  const {
    terms,
    left: [m1, n1],
    right: [m2, n2]
  } = problem.shape
  const wanted = problem.host.multiply(left, problem.aims, terms, m1 * n1, m2 * n2)
  const normal = rightNormal(problem, left)
  return { normal, root: rightRoot(problem, normal), wanted }
}

// wanted, before: [terms, items, columns]
const solveNormal = (
  problem: ArrangedProblem,
  root: NormalRoot,
  wanted: Float64Array,
  before: Float64Array,
  items: number,
  columns: number
): { readonly x: Float64Array; readonly captured: number } => {
  const { pull } = root
  const pulled = wanted.map((value, e) => value + pull * before[e])
  const x = solvedBy(problem, root, pulled, items, columns)
  // 2 <wanted, x> - <x, normal x> with (normal + pull) x = pulled
  let captured = 0
  for (let e = 0; e < x.length; e++) captured += x[e] * (wanted[e] - pull * (before[e] - x[e]))
  return { x, captured }
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
