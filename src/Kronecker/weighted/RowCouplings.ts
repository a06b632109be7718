import { metricTimes } from "../../Weight/index.ts"
import { leftNormal, solveLeftNormal } from "./AlternatingLeastSquares.ts"
import { type Arrangement, identityPermutation } from "../Arrangement.ts"
import { transposed } from "../BlockGram.ts"
import { exchangeAxes } from "./ExchangeAxes.ts"
import {
  type ArrangedProblem,
  expanded,
  type Factors,
  inUnits,
  type Metric,
  rowsInOrder,
  type WeightedProblem
} from "./WeightedProblem.ts"

/**
 * What exchanges of rows gain, exactly, for a fixed B and with A at its best again everywhere, although C couples all rows: an
 * exchange changes the normal matrix N of A in the rows and columns of two groups S alone, so that by a Schur complement
 * only 2 terms unknowns are left. With E the rows of R (see below) that come in less those that go,
 *
 *     M = E V Eᵀ + Y K_SS⁻¹ Yᵀ,  q = E D + Y K_SS⁻¹ A_S,  Y = 1 + (E R K)_S,  K = N⁻¹,
 *     gain = tr(qᵀ M⁻¹ q) - tr(A_Sᵀ K_SS⁻¹ A_S)
 *
 * where row x in slot i has in N the part R[x, i] = sum_k (B Bᵀ)[i, k] C[x, .], V = (B Bᵀ) C - R K Rᵀ is what the other unknowns
 * leave of the metric, and D = B C (W - W') is the gradient. Products of all pairs of rows are tabulated, for the rows of some groups.
 */
export interface RowCouplings {
  readonly terms: number
  readonly slots: number
  readonly groups: number
  /** [items slots terms, items slots terms], the item slowest */
  readonly v: Float64Array
  /** D Dᵀ, likewise */
  readonly gradients: Float64Array
  /** R K at these groups, [items slots terms, groups terms] */
  readonly y: Float64Array
  /** D Aᵀ at these groups, likewise */
  readonly mixed: Float64Array
  /** K and A Aᵀ at these groups, [groups terms, groups terms] */
  readonly inverse: Float64Array
  readonly squares: Float64Array
}

/** What the pools of one order of rows and one B have in common. */
export interface RowGradient {
  readonly problem: WeightedProblem
  readonly steps: ArrangedProblem
  readonly arrangement: Arrangement
  readonly factors: Factors
  /** C (W - W') with the columns in the order of the sum */
  readonly gradient: Float64Array
  /** K, the inverse of A's normal matrix: [terms m1, terms m1], or its blocks [m1, terms, terms] where C is diagonal */
  readonly inverse: Float64Array
}

/** `factors` have the A that is best for their B. */
export const rowGradient = (
  problem: WeightedProblem,
  steps: ArrangedProblem,
  arrangement: Arrangement,
  factors: Factors
): RowGradient => {
  const { w, shape, metric, host } = problem
  const outputs = shape.left[1] * shape.right[1]
  const approximation = expanded(factors, shape, arrangement, host)
  const difference = new Float64Array(w.length)
  for (let row = 0, e = 0; e < w.length; row += outputs)
    for (let j = 0; j < outputs; j++, e++) {
      const from = row + arrangement.columns[j]
      difference[e] = w[from] - approximation[from]
    }
  return {
    problem,
    steps,
    arrangement,
    factors,
    gradient: metricTimes(inUnits(metric), difference, outputs, host),
    inverse: inverseNormal(steps, factors.right)
  }
}

const inverseNormal = (steps: ArrangedProblem, right: Float64Array): Float64Array => {
  const {
    terms,
    left: [m1]
  } = steps.shape
  const width = steps.metric.isDiagonal ? terms : terms * m1
  const unit = new Float64Array(terms * m1 * width)
  for (let t = 0; t < terms; t++)
    for (let a = 0; a < m1; a++) {
      const row = t * m1 + a
      unit[row * width + (steps.metric.isDiagonal ? t : row)] = 1
    }
  const inverse = solveLeftNormal(steps, leftNormal(steps, right), unit, width)
  return steps.metric.isDiagonal ? exchangeAxes(inverse, terms, m1, terms) : inverse
}

// K among some groups where C is diagonal, [(terms, groups), (terms, groups)]
const inverseAmong = ({ inverse, steps }: RowGradient, chosen: Uint32Array): Float64Array => {
  const { terms } = steps.shape
  const count = chosen.length
  const result = new Float64Array((terms * count) ** 2)
  chosen.forEach((group, g) => {
    for (let t = 0; t < terms; t++)
      for (let u = 0; u < terms; u++)
        result[(t * count + g) * terms * count + u * count + g] = inverse[(group * terms + t) * terms + u]
  })
  return result
}

/** The couplings among the rows of some groups; items are numbered by place. */
export const rowCouplings = (common: RowGradient, chosen: Uint32Array): RowCouplings => {
  const { problem, arrangement, factors } = common
  const { shape, metric, host } = problem
  const {
    terms,
    left: [m1, n1],
    right: [m2, n2]
  } = shape
  const groups = chosen.length
  const size = groups * m2 * m2 * terms
  const rows = Uint32Array.from(
    { length: groups * m2 },
    (_, x) => arrangement.rows[chosen[Math.floor(x / m2)] * m2 + (x % m2)]
  )
  const bySlot = exchangeAxes(factors.right, terms, m2, n2)
  const pairs = host.multiply(bySlot, transposed(bySlot, m2 * terms, n2), m2 * terms, n2, m2 * terms)
  // Where C is diagonal, groups do not meet: the others are left out.
  const met = metric.isDiagonal ? chosen : identityPermutation(m1)
  const count = met.length
  const inverse = metric.isDiagonal ? inverseAmong(common, chosen) : common.inverse
  const r = normalRows(common, rows, met, pairs)
  const solved = host.multiply(r, inverse, size, terms * count, terms * count)
  const v = host.multiply(solved, transposed(r, size, terms * count), size, terms * count, size)
  subtractFromMetric(v, metric, rows, pairs)
  const d = gradientRows(common, rows, bySlot)
  const a = new Float64Array(groups * terms * n1)
  chosen.forEach((group, g) => {
    for (let t = 0; t < terms; t++) {
      const from = (t * m1 + group) * n1
      a.set(factors.left.subarray(from, from + n1), (g * terms + t) * n1)
    }
  })
  const across = transposed(a, groups * terms, n1)
  const atGroups = Uint32Array.from({ length: groups * terms }, (_, e) => {
    const g = Math.floor(e / terms)
    return (e % terms) * count + (metric.isDiagonal ? g : chosen[g])
  })
  return {
    terms,
    slots: m2,
    groups,
    v,
    gradients: host.multiply(d, transposed(d, size, n1), size, n1, size),
    y: columnsAt(solved, terms * count, atGroups),
    mixed: host.multiply(d, across, size, n1, groups * terms),
    inverse: columnsAt(rowsInOrder(inverse, atGroups, terms * count), terms * count, atGroups),
    squares: host.multiply(a, across, groups * terms, n1, groups * terms)
  }
}

// R[x, i]: what each row has in N in each slot beside the rows of the groups `met`; pairs: B Bᵀ as [(i, r), (k, n)].
// -> [(x, i, r), (n, group)]
const normalRows = (
  { problem: { shape, metric, host }, arrangement }: RowGradient,
  rows: Uint32Array,
  met: Uint32Array,
  pairs: Float64Array
): Float64Array => {
  const {
    terms,
    left: [m1],
    right: [m2]
  } = shape
  const [n, count, own] = [rows.length, met.length, m2 * terms]
  const inputs = m1 * m2
  const metricAt = new Float64Array(n * count * m2)
  rows.forEach((x, item) => {
    if (metric.isDiagonal) metricAt[item * count * m2 + item] = metric.values[x]
    else
      for (let place = 0; place < inputs; place++)
        metricAt[item * inputs + place] = metric.values[x * inputs + arrangement.rows[place]]
  })
  // [(x, group), k] [k, (n, i, r)]
  const weights = exchangeAxes(exchangeAxes(transposed(pairs, own, own), m2, terms, own), terms, m2, own)
  const products = host.multiply(metricAt, weights, n * count, m2, terms * own)
  const result = new Float64Array(products.length)
  for (let x = 0, e = 0; x < n; x++)
    for (let b = 0; b < count; b++)
      for (let other = 0; other < terms; other++)
        for (let o = 0; o < own; o++, e++) result[((x * own + o) * terms + other) * count + b] = products[e]
  return result
}

// v <- (B Bᵀ) C - v
const subtractFromMetric = (
  v: Float64Array,
  { isDiagonal, values }: Metric,
  rows: Uint32Array,
  pairs: Float64Array
): void => {
  const own = Math.round(Math.sqrt(pairs.length))
  const size = rows.length * own
  const inputs = Math.round(Math.sqrt(values.length))
  for (let x = 0; x < rows.length; x++)
    for (let z = 0; z < rows.length; z++) {
      const c = isDiagonal ? (x === z ? values[rows[x]] : 0) : values[rows[x] * inputs + rows[z]]
      for (let i = 0; i < own; i++) {
        const to = (x * own + i) * size + z * own
        for (let k = 0; k < own; k++) v[to + k] = c * pairs[i * own + k] - v[to + k]
      }
    }
}

// D[x, i, r] = sum_j B_r[i, j] (C (W - W'))[x, (., j)]; bySlot: B as [(i, r), j]
// -> [(x, i, r), n1]
const gradientRows = (
  { problem: { shape, host }, gradient }: RowGradient,
  rows: Uint32Array,
  bySlot: Float64Array
): Float64Array => {
  const {
    terms,
    left: [, n1],
    right: [m2, n2]
  } = shape
  const own = m2 * terms
  const taken = rowsInOrder(gradient, rows, n1 * n2)
  const contracted = host.multiply(taken, transposed(bySlot, own, n2), rows.length * n1, n2, own)
  const result = new Float64Array(contracted.length)
  for (let x = 0, e = 0; x < rows.length; x++)
    for (let b = 0; b < n1; b++)
      for (let o = 0; o < own; o++, e++) result[(x * own + o) * n1 + b] = contracted[e]
  return result
}

// x: [rows, width] -> [rows, columns]
const columnsAt = (x: Float64Array, width: number, columns: Uint32Array): Float64Array => {
  const rows = x.length / width
  const result = new Float64Array(rows * columns.length)
  for (let row = 0, e = 0; row < rows; row++)
    for (let j = 0; j < columns.length; j++, e++) result[e] = x[row * width + columns[j]]
  return result
}
