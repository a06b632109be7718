import { unwhiten, type Weighting, whiten } from "../../Weight/index.ts"
import { balanced, type Captured, leftStep, rightStep } from "./AlternatingLeastSquares.ts"
import { type Arrangement, identityArrangement } from "../Arrangement.ts"
import { exchangeAxes } from "./ExchangeAxes.ts"
import { nearestKroneckerSum } from "../NearestKroneckerSum.ts"
import { type ArrangedProblem, arranged, type Factors, type WeightedProblem } from "./WeightedProblem.ts"

/** Serialisable; with the problem and the arrangement it determines all that follows. */
export interface WeightedSumState {
  /** Sweeps made. */
  readonly sweep: number
  readonly factors: Factors
  /** ||C^{1/2} W||² less the squared error: never falls. */
  readonly captured: number
  /** By how much of its own length the last step of B was prolonged, or is to be tried to. */
  readonly stretch: number
  readonly isSettled: boolean
}

export interface WeightedSumInfo {
  readonly sweep: number
  readonly captured: number
}

export interface WeightedSumOptions {
  readonly sweeps: number
  /** A sweep that lessens the squared error by a smaller part than this is the last. */
  readonly tolerance: number
}

export const settlingSweeps: WeightedSumOptions = { sweeps: 40, tolerance: 3e-4 }

/**
 * Alternating least squares before its first sweep, from the better of two starts: the nearest sum in the Frobenius norm, and that in the
 * metric C1 (x) C2 nearest to C, in which it is known exactly.
 */
export const initWeightedSum = (problem: WeightedProblem, arrangement: Arrangement): WeightedSumState => {
  const steps = arranged(problem, arrangement)
  const plain = nearestKroneckerSum(problem.w, problem.shape, arrangement, problem.host)
  const best = [plain, factoredStart(problem, arrangement)]
    .map((start) => leftStep(steps, start))
    .reduce((a, b) => (b.captured > a.captured ? b : a))
  return sumState(problem, best)
}

/** The state before a sweep that sets out from given factors. */
export const sumState = (problem: WeightedProblem, { factors, captured }: Captured): WeightedSumState => ({
  sweep: 0,
  factors,
  captured,
  stretch: 1,
  isSettled: problem.squaredNorm === 0
})

const stretchFactor = { up: 1.5, down: 1 / 3, least: 0.3 }

/**
 * One sweep of both halves. Alternating steps go on in nearly the same direction for long: B is also tried further on along its step, and
 * kept where that captures more, which halves the sweeps that are needed.
 */
export const weightedSumStep = (
  problem: WeightedProblem,
  steps: ArrangedProblem,
  options: WeightedSumOptions,
  state: WeightedSumState
): readonly [WeightedSumState, WeightedSumInfo] => {
  const step = rightStep(steps, state.factors).factors
  const plain = leftStep(steps, step)
  const further = leftStep(steps, {
    left: plain.factors.left,
    right: step.right.map((value, e) => value + state.stretch * (value - state.factors.right[e]))
  })
  const isFurther = further.captured > plain.captured
  const next = isFurther ? further : plain
  const stretch = isFurther
    ? state.stretch * stretchFactor.up
    : Math.max(stretchFactor.least, state.stretch * stretchFactor.down)
  const kept: Captured = next.captured > state.captured ? next : state
  const gain = kept.captured - state.captured
  const isSettled =
    state.sweep + 1 >= options.sweeps || !(gain > options.tolerance * (problem.squaredNorm - kept.captured))
  const { factors, captured } = kept
  const advanced = { sweep: state.sweep + 1, factors, captured, stretch, isSettled }
  return [advanced, { sweep: advanced.sweep, captured: advanced.captured }]
}

/**
 * The nearest sum in the metric C1 (x) C2 nearest to C (Van Loan and Pitsianis, 1993: both factors are positive definite as C is): that of
 * (L1ᵀ (x) L2ᵀ) W, C1 = L1 L1ᵀ and C2 = L2 L2ᵀ, with L1⁻ᵀ before A and L2⁻ᵀ before B. Exact where C is such a product.
 */
const factoredStart = (problem: WeightedProblem, arrangement: Arrangement): Factors => {
  const { w, shape, host } = problem
  const {
    terms,
    left: [m1, n1],
    right: [m2, n2]
  } = shape
  const [outer, inner] = factoredMetric(problem, arrangement)
  const outputs = n1 * n2
  const ordered = new Float64Array(w.length)
  for (let i = 0, e = 0; i < m1 * m2; i++)
    for (let j = 0; j < outputs; j++, e++)
      ordered[e] = w[arrangement.rows[i] * outputs + arrangement.columns[j]]
  const outerWhite = whiten(outer, ordered, m2 * outputs, host)
  const white = exchangeAxes(
    whiten(inner, exchangeAxes(outerWhite, m1, m2, outputs), m1 * outputs, host),
    m2,
    m1,
    outputs
  )
  const sum = nearestKroneckerSum(white, shape, identityArrangement(shape), host)
  return balanced(
    { left: unwhitened(outer, sum.left, terms, m1, n1), right: unwhitened(inner, sum.right, terms, m2, n2) },
    terms
  )

  function unwhitened(part: Weighting, x: Float64Array, count: number, m: number, n: number): Float64Array {
    const solved = unwhiten(part, exchangeAxes(x, count, m, n), count * n, host)
    return exchangeAxes(solved, m, count, n)
  }
}

/** Rounding may leave the factors of C singular: this part of their mean diagonal is added to it. */
const jitter = 1e-9

// C1 [m1, m1] and C2 [m2, m2], or their diagonals' roots
const factoredMetric = (
  { metric, shape, host }: WeightedProblem,
  { rows }: Arrangement
): readonly [Weighting, Weighting] => {
  const {
    left: [m1],
    right: [m2]
  } = shape
  const [k1, k2] = metric.isDiagonal ? [1, 1] : [m1, m2]
  const columns = metric.isDiagonal ? Uint32Array.of(0) : rows
  const { left, right } = nearestKroneckerSum(
    metric.values,
    { terms: 1, left: [m1, k1], right: [m2, k2] },
    { rows, columns },
    host
  )
  return metric.isDiagonal ? [rowsOf(left), rowsOf(right)] : [covarianceOf(left, m1), covarianceOf(right, m2)]
}

const rowsOf = (values: Float64Array): Weighting => {
  const mean = values.reduce((sum, value) => sum + Math.abs(value), 0) / values.length
  return { rows: values.map((value) => Math.sqrt(Math.max(Math.abs(value), jitter * mean))) }
}

const covarianceOf = (values: Float64Array, n: number): Weighting => {
  const symmetric = values.map((value, e) => (value + values[(e % n) * n + Math.floor(e / n)]) / 2)
  let trace = 0
  for (let i = 0; i < n; i++) trace += symmetric[i * n + i]
  for (let i = 0; i < n; i++) symmetric[i * n + i] += (jitter * trace) / n
  return { covariance: symmetric }
}

/** Sweeps until the error settles. */
export const settledSum = (
  problem: WeightedProblem,
  arrangement: Arrangement,
  options: WeightedSumOptions = settlingSweeps,
  start: WeightedSumState = initWeightedSum(problem, arrangement)
): WeightedSumState => {
  const steps = arranged(problem, arrangement)
  let state = start
  while (!state.isSettled) state = weightedSumStep(problem, steps, options, state)[0]
  return state
}
