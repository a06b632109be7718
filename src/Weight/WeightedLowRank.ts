import { transposed } from "../Tensor/HostMatrix.ts"
import type { Factorizations } from "../Tensor/index.ts"
import type { Weighting } from "./Weighting.ts"

/** W ~ left right, left [inputs, rank], right [rank, outputs]. */
export interface LowRankFactors {
  readonly left: Float64Array
  readonly right: Float64Array
}

/** C x for x [inputs, columns]. */
export const metricTimes = (
  weighting: Weighting,
  x: Float64Array,
  columns: number,
  host: Factorizations
): Float64Array => {
  const inputs = x.length / columns
  if ("covariance" in weighting) return host.multiply(weighting.covariance, x, inputs, inputs, columns)
  return x.map((value, e) => value * weighting.rows[Math.floor(e / columns)] ** 2)
}

/** tr(M xᵀ C x), the square of an error x [inputs, outputs] in the metrics C of the inputs and M of the outputs (default the identity). */
export const squaredErrorIn = (
  weighting: Weighting,
  metric: Float64Array | undefined,
  x: Float64Array,
  outputs: number,
  host: Factorizations
): number => {
  const inputs = x.length / outputs
  const right = metric === undefined ? x : host.multiply(x, metric, inputs, outputs, outputs)
  const product = metricTimes(weighting, right, outputs, host)
  let sum = 0
  for (let e = 0; e < x.length; e++) sum += x[e] * product[e]
  return Math.max(0, sum)
}

/** The factors, and the singular values of C^{1/2} W M^{1/2}, greatest first: what each further rank is worth. */
export interface LowRank extends LowRankFactors {
  readonly singularValues: Float64Array
}

/**
 * The factors that minimise ||C^{1/2} (W - left right) M^{1/2}|| for a metric M of the outputs too, positive definite: those of W L_M, M = L_M L_Mᵀ,
 * with the right one times L_M⁻¹. Without M, those of ||C^{1/2} (W - left right)||.
 */
// w: [inputs, outputs]
export const lowRankBetween = (
  w: Float64Array,
  outputs: number,
  rank: number,
  weighting: Weighting,
  metric: Float64Array | undefined,
  host: Factorizations
): LowRank => {
  if (metric === undefined) return lowRankOf(w, outputs, rank, weighting, host)
  const inputs = w.length / outputs
  const root = host.cholesky(metric, outputs)
  const seen = host.multiply(w, root, inputs, outputs, outputs)
  const { left, right, singularValues } = lowRankOf(seen, outputs, rank, weighting, host)
  const solved = host.solveTriangular(root, outputs, transposed(right, rank, outputs), rank, true)
  return { left, right: transposed(solved, outputs, rank), singularValues }
}

/**
 * The factors of rank k that minimise ||C^{1/2} (W - left right)||. With V the first right singular vectors of C^{1/2} W, which are
 * eigenvectors of Wᵀ C W, the best approximation is W V Vᵀ; where W is wider than high, the eigenvectors U of Lᵀ W Wᵀ L
 * give L⁻ᵀ U (Uᵀ Lᵀ W), C = L Lᵀ, from the smaller problem.
 */
const lowRankOf = (
  w: Float64Array,
  outputs: number,
  rank: number,
  weighting: Weighting,
  host: Factorizations
): LowRank => {
  const inputs = w.length / outputs
  if (outputs <= inputs) {
    const product = metricTimes(weighting, w, outputs, host)
    const gram = host.multiply(w, product, outputs, inputs, outputs, { transposeA: true })
    const { directions, singularValues } = leading(gram, outputs, rank, host)
    return {
      left: host.multiply(w, directions, inputs, outputs, rank),
      right: transposed(directions, outputs, rank),
      singularValues
    }
  }
  const whitened = whiten(weighting, w, outputs, host)
  const gram = host.multiply(whitened, whitened, inputs, outputs, inputs, { transposeB: true })
  const { directions, singularValues } = leading(gram, inputs, rank, host)
  return {
    left: unwhiten(weighting, directions, rank, host),
    right: host.multiply(directions, whitened, rank, inputs, outputs, { transposeA: true }),
    singularValues
  }
}

/** Lᵀ x for C = L Lᵀ, x [inputs, columns]. */
export const whiten = (
  weighting: Weighting,
  x: Float64Array,
  columns: number,
  host: Factorizations
): Float64Array => {
  const inputs = x.length / columns
  if ("rows" in weighting) return x.map((value, e) => value * weighting.rows[Math.floor(e / columns)])
  const root = host.cholesky(weighting.covariance, inputs)
  return host.multiply(root, x, inputs, inputs, columns, { transposeA: true })
}

/** L⁻ᵀ x for C = L Lᵀ, x [inputs, columns]. */
export const unwhiten = (
  weighting: Weighting,
  x: Float64Array,
  columns: number,
  host: Factorizations
): Float64Array => {
  const inputs = x.length / columns
  if ("rows" in weighting) return x.map((value, e) => value / weighting.rows[Math.floor(e / columns)])
  return host.solveTriangular(host.cholesky(weighting.covariance, inputs), inputs, x, columns, true)
}

// The eigenvectors of the `rank` largest eigenvalues of a symmetric matrix, in columns, [n, rank], and the roots of all eigenvalues.
const leading = (
  gram: Float64Array,
  n: number,
  rank: number,
  host: Factorizations
): { readonly directions: Float64Array; readonly singularValues: Float64Array } => {
  const { values, vectors } = host.eigh(gram, n)
  const directions = new Float64Array(n * rank)
  for (let i = 0; i < n; i++)
    for (let j = 0; j < rank; j++) directions[i * rank + j] = vectors[i * n + n - 1 - j]
  return { directions, singularValues: values.map((value) => Math.sqrt(Math.max(0, value))).toReversed() }
}
