import type { Effect } from "effect"
import { run } from "../../Iteration/index.ts"
import type { TensorError } from "../../Tensor/index.ts"
import { transposed } from "../../Tensor/HostMatrix.ts"
import { hostTask } from "../../Tensor/HostTask.ts"
import { lowRankBetween, type LowRankFactors, metricTimes } from "../../Weight/index.ts"
import type { Arrangement } from "../Arrangement.ts"
import { balanced } from "./AlternatingLeastSquares.ts"
import { leftRoot, type NormalRoot, rightNormal, rightRoot, solvedBy } from "./NormalMatrix.ts"
import { innerProduct, quasiNewton, type StepPair } from "./QuasiNewton.ts"
import {
  type ArrangedMetric,
  expanded,
  type Factors,
  inBlocks,
  inUnits,
  isLarge,
  type WeightedProblem
} from "./WeightedProblem.ts"

/** The numbers of a sum between permutations, which stay, and of a low rank beside it, as near as they can be to W in two metrics. */
export interface JointProblem {
  readonly problem: WeightedProblem
  readonly arrangement: Arrangement
  /** Of the low-rank part; 0 for none. */
  readonly rank: number
  readonly arrangedMetric: ArrangedMetric
  /** About ||C^{1/2} W M^{1/2}||²: M's mean diagonal for M. */
  readonly squaredNorm: number
  /** M [n1 n2, n1 n2], symmetric and positive definite; undefined for the identity. */
  readonly outputMetric: Float64Array | undefined
  readonly roots: OutputRoots | undefined
  /** Whether steps go by an earlier step's curvature for as long as the gradient falls along them. */
  readonly keepsCurvature: boolean
}

/** Lower triangular roots. */
interface OutputRoots {
  /** R with M = R Rᵀ, [n1 n2, n1 n2] */
  readonly whole: Float64Array
  /** Of M's mean over the places in a block, [n1, n1]. */
  readonly outer: Float64Array
  /** Of M's mean over the blocks, [n2, n2]. */
  readonly inner: Float64Array
}

/** arrangedMetric: the problem's, in that arrangement. */
export const jointProblem = (
  problem: WeightedProblem,
  arrangement: Arrangement,
  arrangedMetric: ArrangedMetric,
  rank: number,
  outputMetric: Float64Array | undefined
): JointProblem => ({
  problem,
  arrangement,
  rank,
  outputMetric,
  arrangedMetric,
  squaredNorm: problem.squaredNorm * (outputMetric === undefined ? 1 : meanDiagonal(outputMetric)),
  roots: outputMetric && rootsOf(problem, arrangement, outputMetric),
  keepsCurvature: isLarge(problem.shape)
})

const meanDiagonal = (x: Float64Array): number => {
  const n = Math.sqrt(x.length)
  let trace = 0
  for (let i = 0; i < n; i++) trace += x[i * n + i]
  return trace / n
}

// Means of principal submatrices of M, positive definite as it is.
const rootsOf = (
  { shape, host }: WeightedProblem,
  { columns }: Arrangement,
  outputMetric: Float64Array
): OutputRoots => {
  const [n1, n2] = [shape.left[1], shape.right[1]]
  const outer = new Float64Array(n1 * n1)
  const inner = new Float64Array(n2 * n2)
  const at = (j: number, b: number) => columns[j * n2 + b]
  for (let j = 0; j < n1; j++)
    for (let b = 0; b < n2; b++) {
      const row = outputMetric.subarray(at(j, b) * n1 * n2, (at(j, b) + 1) * n1 * n2)
      for (let l = 0; l < n1; l++) outer[j * n1 + l] += row[at(l, b)] / n2
      for (let d = 0; d < n2; d++) inner[b * n2 + d] += row[at(j, d)] / n1
    }
  return {
    whole: host.cholesky(outputMetric, n1 * n2),
    outer: host.cholesky(outer, n1),
    inner: host.cholesky(inner, n2)
  }
}

/** Serialisable; with the problem it determines all that follows. */
export interface JointState {
  /** Steps made. */
  readonly step: number
  readonly current: Point
  /** Of the last steps, along which the gradient fell, oldest first. */
  readonly pairs: ReadonlyArray<StepPair>
  /** For the steps to come, where it is kept; as large as A's normal matrix. */
  readonly curvature: Curvature | undefined
  /** Steps in a row that gained next to nothing. */
  readonly idle: number
  readonly isSettled: boolean
}

/** The first guess of the curvature, by roots of the normal matrices of A and B. */
interface Curvature {
  readonly left: NormalRoot
  readonly right: NormalRoot
}

interface Point {
  readonly factors: Factors
  /** The best beside these factors, right one times R; undefined for rank 0. */
  readonly lowRank: LowRankFactors | undefined
  /** ||C^{1/2} (W - W') M^{1/2}||² */
  readonly squaredError: number
  /** Minus half the gradient of that, of A [terms, m1, n1] and then of B [terms, m2, n2]. */
  readonly descent: Float64Array
}

export interface JointInfo {
  readonly step: number
  readonly squaredError: number
}

/** The first few steps gain most: as many as products of a matrix by a metric, numbers^{3/2} multiplications each, that take so many in all. */
const stepBudget = { most: 40, least: 6, multiplications: 1e10 }
export const stepsOf = (numbers: number): number =>
  Math.max(
    stepBudget.least,
    Math.min(stepBudget.most, Math.floor(stepBudget.multiplications / numbers ** 1.5))
  )

/** Steps that are looked back upon: of A, which is large. */
const memory = 10
/** A step that lessens the squared error by a smaller part gains next to nothing, and this many in a row are the last. */
const tolerance = 1e-3
const patience = 2
/**
 * What a step has to gain of what its direction promises (Armijo's rule), and how often it is halved for that: where the first guess of the curvature is
 * too small, by as many times as there are columns, say, for a metric that is all in one.
 */
const sufficient = 1e-4
const halvings = 12
/** Squared errors below this part of what there was are rounding. */
const rounding = 1e-24

const isExact = ({ squaredNorm }: JointProblem, { squaredError }: Point): boolean =>
  squaredError <= rounding * squaredNorm

/** The state before the first step. */
export const initJointDescent = (joint: JointProblem, factors: Factors): JointState => {
  const current = pointAt(joint, balanced(factors, joint.problem.shape.terms))
  return {
    step: 0,
    current,
    pairs: [],
    curvature: undefined,
    idle: 0,
    isSettled: isExact(joint, current)
  }
}

/**
 * One step of a quasi-Newton method in A and B together, with the low-rank part at its best for each (variable projection: it is a whitened
 * singular value decomposition). In turns with the low-rank part, each at its best for what the other leaves, the two creep: what they can both
 * express goes back and forth between them. The error does not rise.
 */
export const jointDescentStep = (
  joint: JointProblem,
  state: JointState
): readonly [JointState, JointInfo] => {
  const { current, pairs } = state
  const curvature = state.curvature ?? curvatureAt(joint, current.factors)
  const direction = quasiNewton(current.descent, pairs, (x) => guessed(joint, curvature, x))
  const found = lineSearch(joint, current, direction)
  const step = state.step + 1
  const isLast = step >= stepsOf(joint.problem.w.length)
  if (found === undefined) {
    // Nothing is remembered of what led astray; where the first guess does not gain either, nothing will.
    const isSettled = pairs.length === 0 || isLast
    return [
      { ...state, step, pairs: [], curvature: undefined, isSettled },
      { step, squaredError: current.squaredError }
    ]
  }
  const { next, length } = found
  const taken = {
    step: direction.map((value) => length * value),
    fall: current.descent.map((value, e) => value - next.descent[e])
  }
  const falls = innerProduct(taken.step, taken.fall) > 0
  const gain = current.squaredError - next.squaredError
  const idle = gain > tolerance * current.squaredError ? 0 : state.idle + 1
  return [
    {
      step,
      current: next,
      pairs: falls ? [...pairs, taken].slice(-memory) : [],
      curvature: falls && joint.keepsCurvature ? curvature : undefined,
      idle,
      isSettled: isLast || idle >= patience || isExact(joint, next)
    },
    { step, squaredError: next.squaredError }
  ]
}

/** Steps from the factors until they settle. */
export const settledJointly = (
  joint: JointProblem,
  factors: Factors
): Effect.Effect<JointState, TensorError> =>
  run({
    init: hostTask(() => initJointDescent(joint, factors)),
    step: (before) => hostTask(() => jointDescentStep(joint, before)),
    isDone: ({ isSettled }) => isSettled
  })

const lineSearch = (
  joint: JointProblem,
  { factors: { left, right }, squaredError, descent }: Point,
  direction: Float64Array
): { readonly next: Point; readonly length: number } | undefined => {
  const promised = 2 * innerProduct(descent, direction)
  if (!(promised > 0 && Number.isFinite(promised))) return undefined
  for (let halved = 0, length = 1; halved <= halvings; halved++, length /= 2) {
    const next = pointAt(joint, {
      left: left.map((value, e) => value + length * direction[e]),
      right: right.map((value, e) => value + length * direction[left.length + e])
    })
    if (squaredError - next.squaredError >= sufficient * length * promised) return { next, length }
  }
  return undefined
}

const pointAt = (joint: JointProblem, factors: Factors): Point => {
  const { problem, arrangement, rank } = joint
  const { w, shape, host } = problem
  const {
    terms,
    left: [m1, n1],
    right: [m2, n2]
  } = shape
  const rest = expanded(factors, shape, arrangement, host)
  for (let e = 0; e < rest.length; e++) rest[e] = w[e] - rest[e]
  const { lowRank, squaredError, steepest } = rank === 0 ? feltAlone(joint, rest) : feltBeside(joint, rest)
  const blocks = inBlocks(steepest, shape, arrangement)
  return {
    factors,
    lowRank,
    squaredError: Math.max(0, squaredError),
    descent: together(
      host.multiply(factors.right, blocks, terms, m2 * n2, m1 * n1, { transposeB: true }),
      host.multiply(factors.left, blocks, terms, m1 * n1, m2 * n2)
    )
  }
}

/** What is felt of W - sum, beside its best low rank, and the steepest descent of that in the numbers of W', C (W - W') M. */
interface Felt extends Pick<Point, "lowRank" | "squaredError"> {
  readonly steepest: Float64Array
}

// rest: W - sum, [m1 m2, n1 n2]
const feltAlone = (
  { problem: { metric, host }, arrangement, outputMetric }: JointProblem,
  rest: Float64Array
): Felt => {
  const [inputs, outputs] = [arrangement.rows.length, arrangement.columns.length]
  const right =
    outputMetric === undefined ? rest : host.multiply(rest, outputMetric, inputs, outputs, outputs)
  const steepest = metricTimes(inUnits(metric), right, outputs, host)
  return { lowRank: undefined, squaredError: innerProduct(rest, steepest), steepest }
}

const feltBeside = (
  { problem: { metric, host }, arrangement, rank, roots }: JointProblem,
  rest: Float64Array
): Felt => {
  const [inputs, outputs] = [arrangement.rows.length, arrangement.columns.length]
  const root = roots?.whole
  // (W - sum) R, of which the low rank is the nearest in C, and what is left of it
  const seen = root === undefined ? rest : host.multiply(rest, root, inputs, outputs, outputs)
  const { left, right } = lowRankBetween(seen, outputs, rank, inUnits(metric), undefined, host)
  const part = host.multiply(left, right, inputs, rank, outputs)
  for (let e = 0; e < seen.length; e++) seen[e] -= part[e]
  const product = metricTimes(inUnits(metric), seen, outputs, host)
  const steepest =
    root === undefined
      ? product
      : host.multiply(product, root, inputs, outputs, outputs, { transposeB: true })
  return { lowRank: { left, right }, squaredError: innerProduct(seen, product), steepest }
}

/** The low rank in W's own outputs. */
export const lowRankIn = (
  { problem: { shape, host }, rank, roots }: JointProblem,
  { current: { lowRank } }: JointState
): LowRankFactors | undefined => {
  if (lowRank === undefined || roots === undefined) return lowRank
  const outputs = shape.left[1] * shape.right[1]
  const turned = transposed(lowRank.right, rank, outputs)
  const solved = host.solveTriangular(roots.whole, outputs, turned, rank, true)
  return { left: lowRank.left, right: transposed(solved, outputs, rank) }
}

const curvatureAt = ({ arrangedMetric }: JointProblem, { left, right }: Factors): Curvature => ({
  left: leftRoot(arrangedMetric, right),
  right: rightRoot(arrangedMetric, rightNormal(arrangedMetric, left))
})

// x over the curvature as it would be without a low-rank part, and if M were its means: for A over the places in a block, for B over the blocks.
const guessed = (
  { problem: { shape, host }, arrangedMetric, roots }: JointProblem,
  curvature: Curvature,
  x: Float64Array
): Float64Array => {
  const {
    terms,
    left: [m1, n1],
    right: [m2, n2]
  } = shape
  const sizeOfLeft = terms * m1 * n1
  const ofLeft = solvedBy(arrangedMetric, curvature.left, x.subarray(0, sizeOfLeft), m1, n1)
  const ofRight = solvedBy(arrangedMetric, curvature.right, x.subarray(sizeOfLeft), m2, n2)
  if (roots === undefined) return together(ofLeft, ofRight)
  // part: [rows, columns]
  const overColumns = (root: Float64Array, part: Float64Array, rows: number, columns: number) => {
    const half = host.solveTriangular(root, columns, transposed(part, rows, columns), rows)
    return transposed(host.solveTriangular(root, columns, half, rows, true), columns, rows)
  }
  return together(
    overColumns(roots.outer, ofLeft, terms * m1, n1),
    overColumns(roots.inner, ofRight, terms * m2, n2)
  )
}

const together = (a: Float64Array, b: Float64Array): Float64Array => {
  const result = new Float64Array(a.length + b.length)
  result.set(a)
  result.set(b, a.length)
  return result
}
