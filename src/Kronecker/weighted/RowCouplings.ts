import { transposed } from "../../Tensor/HostMatrix.ts"
import { metricTimes } from "../../Weight/index.ts"
import { identityPermutation } from "../Arrangement.ts"
import { exchangeAxes } from "./ExchangeAxes.ts"
import type { PreparedCandidate } from "./WeightedCandidate.ts"
import { expanded, inUnits, type Metric, rowsInOrder, type WeightedProblem } from "./WeightedProblem.ts"

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

/** What the pools of one order of rows and one B have in common; the root is L with K⁻¹ = L Lᵀ. */
export interface RowGradient extends PreparedCandidate {
  readonly problem: WeightedProblem
  /** C (W - W') with the columns in the order of the sum */
  readonly gradient: Float64Array
}

export const rowGradient = (problem: WeightedProblem, candidate: PreparedCandidate): RowGradient => {
  const { arrangement, factors } = candidate
  const { w, shape, metric, host } = problem
  const outputs = shape.left[1] * shape.right[1]
  const approximation = expanded(factors, shape, arrangement, host)
  const difference = new Float64Array(w.length)
  for (let row = 0, e = 0; e < w.length; row += outputs)
    for (let j = 0; j < outputs; j++, e++) {
      const from = row + arrangement.columns[j]
      difference[e] = w[from] - approximation[from]
    }
  return { ...candidate, problem, gradient: metricTimes(inUnits(metric), difference, outputs, host) }
}

// L among some groups where C is diagonal, [(terms, groups), (terms, groups)]
const rootAmong = ({ root, steps }: RowGradient, chosen: Uint32Array): Float64Array => {
  const { terms } = steps.shape
  const count = chosen.length
  const result = new Float64Array((terms * count) ** 2)
  chosen.forEach((group, g) => {
    for (let t = 0; t < terms; t++)
      for (let u = 0; u < terms; u++)
        result[(t * count + g) * terms * count + u * count + g] =
          u > t ? 0 : root.values[(group * terms + t) * terms + u]
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
  const pairs = host.multiply(bySlot, bySlot, m2 * terms, n2, m2 * terms, { transposeB: true })
  // Where C is diagonal, groups do not meet: the others are left out.
  const met = metric.isDiagonal ? chosen : identityPermutation(m1)
  const count = met.length
  const root = metric.isDiagonal ? rootAmong(common, chosen) : common.root.values
  const width = terms * count
  // L⁻¹ Rᵀ, and L⁻¹ at the groups: products of these have K between their two sides.
  const solved = host.solveTriangular(root, width, normalRows(common, rows, met, pairs), size)
  const own = groups * terms
  const units = new Float64Array(width * own)
  const v = host.multiply(solved, solved, size, width, size, { transposeA: true })
  subtractFromMetric(v, metric, rows, pairs)
  const d = gradientRows(common, rows, bySlot)
  const a = new Float64Array(groups * terms * n1)
  chosen.forEach((group, g) => {
    for (let t = 0; t < terms; t++) {
      const from = (t * m1 + group) * n1
      a.set(factors.left.subarray(from, from + n1), (g * terms + t) * n1)
    }
  })
  for (let e = 0; e < own; e++) {
    const g = Math.floor(e / terms)
    units[((e % terms) * count + (metric.isDiagonal ? g : chosen[g])) * own + e] = 1
  }
  const atGroups = host.solveTriangular(root, width, units, own)
  return {
    terms,
    slots: m2,
    groups,
    v,
    gradients: host.multiply(d, d, size, n1, size, { transposeB: true }),
    y: host.multiply(solved, atGroups, size, width, own, { transposeA: true }),
    mixed: host.multiply(d, a, size, n1, own, { transposeB: true }),
    inverse: host.multiply(atGroups, atGroups, own, width, own, { transposeA: true }),
    squares: host.multiply(a, a, own, n1, own, { transposeB: true })
  }
}

// R[x, i]: what each row has in N in each slot beside the rows of the groups `met`; pairs: B Bᵀ as [(i, r), (k, n)].
// -> [(n, group), (x, i, r)]
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
  const size = n * own
  for (let x = 0, e = 0; x < n; x++)
    for (let b = 0; b < count; b++)
      for (let other = 0; other < terms; other++)
        for (let o = 0; o < own; o++, e++) result[(other * count + b) * size + x * own + o] = products[e]
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
  const contracted = host.multiply(taken, bySlot, rows.length * n1, n2, own, { transposeB: true })
  const result = new Float64Array(contracted.length)
  for (let x = 0, e = 0; x < rows.length; x++)
    for (let b = 0; b < n1; b++)
      for (let o = 0; o < own; o++, e++) result[(x * own + o) * n1 + b] = contracted[e]
  return result
}
