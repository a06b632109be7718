import { symmetrise } from "../../Tensor/HostMatrix.ts"
import { unwhiten, type Weighting, whiten } from "../../Weight/index.ts"
import { balanced, type Captured, leftStep, rightStep, rightSystem } from "./AlternatingLeastSquares.ts"
import { type Arrangement, identityArrangement } from "../Arrangement.ts"
import { exchangeAxes } from "./ExchangeAxes.ts"
import { nearestKroneckerSum } from "../NearestKroneckerSum.ts"
import { rightProduct, solvedBy } from "./NormalMatrix.ts"
import { innerProduct, quasiNewton, type StepPair } from "./QuasiNewton.ts"
import { type ArrangedProblem, arranged, type Factors, type WeightedProblem } from "./WeightedProblem.ts"

/** Serialisable; with the problem and the arrangement it determines all that follows. */
export interface WeightedSumState {
  /** Sweeps made. */
  readonly sweep: number
  readonly factors: Factors
  /** ||C^{1/2} W||² less the squared error: never falls. */
  readonly captured: number
  /** The last steps of B along which the gradient fell, oldest first. */
  readonly steps: ReadonlyArray<StepPair>
  /** Where the last step set out from. */
  readonly before: { readonly right: Float64Array; readonly gradient: Float64Array } | undefined
  /** How far a step goes where the gradient does not fall, in units of the plain one. */
  readonly stretch: number
  /** Sweeps since one last gained more than the tolerance. */
  readonly idle: number
  readonly isSettled: boolean
}

export interface WeightedSumInfo {
  readonly sweep: number
  readonly captured: number
}

export interface WeightedSumOptions {
  readonly sweeps: number
  /** Two sweeps in a row that lessen the squared error by a smaller part than this are the last. */
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
  steps: [],
  before: undefined,
  stretch: 1,
  idle: 0,
  isSettled: problem.squaredNorm === 0
})

/** Steps that are looked back upon. */
const memory = 6
const stretchFactor = 1.5
const patience = 2
/** What a step has to gain of what its direction promises (Armijo's rule). */
const sufficient = 1e-4

/**
 * One sweep of both halves. With A at its best for each B, what is captured is a function of B alone, a few dozen numbers (variable projection),
 * and the step to the best B for this A a preconditioned gradient step of it. Where the surface bends down, the steps of a quasi-Newton method
 * so preconditioned; where it does not, longer and longer ones. A step that does not gain enough gives way to the
 * plain one, which never loses.
 */
export const weightedSumStep = (
  problem: WeightedProblem,
  arrangedProblem: ArrangedProblem,
  options: WeightedSumOptions,
  state: WeightedSumState
): readonly [WeightedSumState, WeightedSumInfo] => {
  const { left, right } = state.factors
  const system = rightSystem(arrangedProblem, left)
  const product = rightProduct(arrangedProblem, system.normal, right)
  const gradient = system.wanted.map((value, e) => value - product[e])
  const { steps, falls } = withLastStep(state, gradient)
  const direction = quasiNewton(gradient, falls ? steps : [], (x) =>
    solvedBy(arrangedProblem, system.root, x, ...problem.shape.right)
  )
  const length = falls ? 1 : state.stretch
  const promised = 2 * length * innerProduct(gradient, direction)
  const tried = leftStep(arrangedProblem, {
    left,
    right: right.map((value, e) => value + length * direction[e])
  })
  const isTaken = tried.captured - state.captured >= sufficient * promised
  const next = isTaken
    ? tried
    : leftStep(arrangedProblem, rightStep(arrangedProblem, state.factors, system).factors)
  const kept: Captured = next.captured > state.captured ? next : state
  const gain = kept.captured - state.captured
  const idle = gain > options.tolerance * (problem.squaredNorm - kept.captured) ? 0 : state.idle + 1
  const { factors, captured } = kept
  const sweep = state.sweep + 1
  const advanced: WeightedSumState = {
    sweep,
    factors,
    captured,
    steps: isTaken ? steps : [],
    before: isTaken ? { right, gradient } : undefined,
    stretch: isTaken && !falls ? state.stretch * stretchFactor : 1,
    idle,
    isSettled: sweep >= options.sweeps || idle >= patience
  }
  return [advanced, { sweep, captured }]
}

// The steps with the last one among them, if the gradient fell along it.
const withLastStep = (
  { steps, before, factors }: WeightedSumState,
  gradient: Float64Array
): { readonly steps: ReadonlyArray<StepPair>; readonly falls: boolean } => {
  if (before === undefined) return { steps, falls: false }
  const step = factors.right.map((value, e) => value - before.right[e])
  const fall = before.gradient.map((value, e) => value - gradient[e])
  const falls = innerProduct(step, fall) > 0
  return { steps: falls ? [...steps, { step, fall }].slice(-memory) : steps, falls }
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
  const symmetric = values.slice()
  symmetrise(symmetric, n)
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
