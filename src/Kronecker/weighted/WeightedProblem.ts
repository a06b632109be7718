import type { Factorizations } from "../../Tensor/index.ts"
import { metricTimes, type Weighting } from "../../Weight/index.ts"
import type { Arrangement } from "../Arrangement.ts"
import { forEachBatchOfBlocks, largestOf } from "../BlockGram.ts"
import type { KroneckerShape } from "../Contraction.ts"

/** W, the sum it is to become, and the metric C in which the error ||C^{1/2} (W - W')||² counts. */
export interface WeightedProblem {
  /** [m1 m2, n1 n2], row-major, in units of its largest element */
  readonly w: Float64Array
  readonly shape: KroneckerShape
  readonly metric: Metric
  /** C W, [m1 m2, n1 n2] */
  readonly product: Float64Array
  /** tr(Wᵀ C W) */
  readonly squaredNorm: number
  /** W's largest element, 1 for W = 0. */
  readonly unit: number
  readonly host: Factorizations
}

/** C, in units of its mean diagonal: all of it [m1 m2, m1 m2], or its diagonal [m1 m2] where it has no more. */
export interface Metric {
  readonly isDiagonal: boolean
  readonly values: Float64Array
}

/** w: [m1 m2, n1 n2], row-major, finite; the weighting has passed `checkWeighting`. */
export const weightedProblem = (
  w: Float32Array | Float64Array,
  shape: KroneckerShape,
  weighting: Weighting,
  host: Factorizations
): WeightedProblem => {
  const unit = largestOf(w) || 1
  const scaled = Float64Array.from(w, (value) => value / unit)
  return { ...targeted(scaled, shape, metricOf(weighting), host), unit }
}

const targeted = (
  w: Float64Array,
  shape: KroneckerShape,
  metric: Metric,
  host: Factorizations
): Omit<WeightedProblem, "unit"> => {
  const product = metricTimes(inUnits(metric), w, shape.left[1] * shape.right[1], host)
  let squaredNorm = 0
  for (let e = 0; e < w.length; e++) squaredNorm += w[e] * product[e]
  return { w, shape, metric, product, squaredNorm, host }
}

/** The same problem for another matrix in the same units. */
export const withTarget = (
  { shape, metric, unit, host }: WeightedProblem,
  w: Float64Array
): WeightedProblem => ({
  ...targeted(w, shape, metric, host),
  unit
})

const metricOf = (weighting: Weighting): Metric => {
  const isDiagonal = "rows" in weighting
  const values = isDiagonal ? weighting.rows.map((value) => value * value) : weighting.covariance
  const stride = isDiagonal ? 1 : Math.round(Math.sqrt(values.length)) + 1
  let [trace, count] = [0, 0]
  for (let e = 0; e < values.length; e += stride, count++) trace += values[e]
  return { isDiagonal, values: values.map((value) => (value * count) / trace) }
}

/** The metric as a weighting. */
export const inUnits = ({ isDiagonal, values }: Metric): Weighting =>
  isDiagonal ? { rows: values.map(Math.sqrt) } : { covariance: values }

/** The metric in the order of the sum's rows: what normal matrices read. */
export interface ArrangedMetric {
  readonly shape: KroneckerShape
  /** C in blocks, [m1 m1, m2 m2], or its diagonal, [m1, m2] */
  readonly metric: Metric
  readonly host: Factorizations
}

/** Of a million numbers and more: a round of exchanges takes seconds, a step of the joint fit half a one. */
export const isLarge = ({ left, right }: KroneckerShape): boolean =>
  left[0] * left[1] * right[0] * right[1] >= 1 << 20

/** The problem in the order of the sum: what the least-squares steps read. */
export interface ArrangedProblem extends ArrangedMetric {
  /** C W in blocks, [m1 n1, m2 n2] */
  readonly aims: Float64Array
}

export const arranged = (problem: WeightedProblem, arrangement: Arrangement): ArrangedProblem => {
  const { shape, metric, product, host } = problem
  const { rows } = arrangement
  return {
    shape,
    aims: inBlocks(product, shape, arrangement),
    metric: metric.isDiagonal
      ? { isDiagonal: true, values: Float64Array.from(rows, (row) => metric.values[row]) }
      : {
          isDiagonal: false,
          values: inBlocks(metric.values, squareShape(shape), { rows, columns: rows })
        },
    host
  }
}

/** The problem with its columns in another order: C's blocks, which the order of the rows alone decides, stay. */
export const inColumns = (
  { shape, product }: WeightedProblem,
  steps: ArrangedProblem,
  arrangement: Arrangement
): ArrangedProblem => ({ ...steps, aims: inBlocks(product, shape, arrangement) })

const squareShape = ({ left: [m1], right: [m2] }: KroneckerShape): KroneckerShape => ({
  terms: 1,
  left: [m1, m1],
  right: [m2, m2]
})

/** x [m1 m2, n1 n2] in blocks, [m1 n1, m2 n2], in the order of the sum. */
export const inBlocks = (x: Float64Array, shape: KroneckerShape, arrangement: Arrangement): Float64Array => {
  const size = shape.right[0] * shape.right[1]
  const result = new Float64Array(x.length)
  forEachBatchOfBlocks(x, shape, arrangement, (blocks, first) => result.set(blocks, first * size))
  return result
}

/** x[rows] for x [rows, columns]. */
export const rowsInOrder = (x: Float64Array, rows: Uint32Array, columns: number): Float64Array => {
  const result = new Float64Array(rows.length * columns)
  rows.forEach((row, i) => result.set(x.subarray(row * columns, (row + 1) * columns), i * columns))
  return result
}

/** The factors of sum_r A_r (x) B_r. */
export interface Factors {
  /** A: [terms, m1, n1] */
  readonly left: Float64Array
  /** B: [terms, m2, n2] */
  readonly right: Float64Array
}

/** W' with W'[rows[i], columns[j]] = (sum_r A_r (x) B_r)[i, j]. */
// -> [m1 m2, n1 n2]
export const expanded = (
  { left, right }: Factors,
  { terms, left: [m1, n1], right: [m2, n2] }: KroneckerShape,
  { rows, columns }: Arrangement,
  host: Factorizations
): Float64Array => {
  const blocks = host.multiply(left, right, m1 * n1, terms, m2 * n2, { transposeA: true })
  const result = new Float64Array(blocks.length)
  const outputs = n1 * n2
  for (let i1 = 0, e = 0; i1 < m1; i1++)
    for (let j1 = 0; j1 < n1; j1++)
      for (let i2 = 0; i2 < m2; i2++) {
        const row = rows[i1 * m2 + i2] * outputs
        for (let j2 = 0; j2 < n2; j2++) result[row + columns[j1 * n2 + j2]] = blocks[e++]
      }
  return result
}

/** ||C^{1/2} (W - W')|| / ||C^{1/2} W||, given ||C^{1/2} W||² less the squared error; 0 for W = 0. */
export const weightedErrorOf = ({ squaredNorm }: WeightedProblem, captured: number): number =>
  squaredNorm === 0 ? 0 : Math.sqrt(Math.max(0, 1 - captured / squaredNorm))
