import type { Factorizations } from "../Tensor/index.ts"
import { type Arrangement, exchanged, shuffled } from "./Arrangement.ts"
import { blockGram, eigenOf, forEachBatchOfBlocks, largestOf } from "./BlockGram.ts"
import type { KroneckerShape } from "./Contraction.ts"

/** Factors A [terms, m1, n1] and B [terms, m2, n2], and how near their sum comes. */
export interface NearestSum {
  readonly left: Float64Array
  readonly right: Float64Array
  /** ||W[p][:, q] - sum|| / ||W||, from the difference itself; 0 for W = 0. */
  readonly relativeError: number
}

/**
 * The sum of Kronecker products nearest to W [m1 m2, n1 n2] in the Frobenius norm, between given permutations: the truncated
 * singular value decomposition of W's rearrangement into blocks (Van Loan and Pitsianis, "Approximation with Kronecker Products",
 * 1993, theorem 2.1), through the Gram matrix of the smaller factors' side. A_r and B_r have equal norms, and B_r's element
 * of largest magnitude is positive; where the rank of the rearrangement runs out, further terms are 0.
 *
 * @example
 *   nearestKroneckerSum(w, { terms: 4, left: [384, 768], right: [2, 4] }, identityArrangement(shape), host)
 */
export const nearestKroneckerSum = (
  w: Float32Array | Float64Array,
  shape: KroneckerShape,
  arrangement: Arrangement,
  host: Factorizations
): NearestSum => {
  const { terms, left, right } = shape
  const count = left[0] * left[1]
  const size = right[0] * right[1]
  if (count < size) {
    const other = exchanged(shape)
    const sum = nearestKroneckerSum(w, other, shuffled(arrangement, other), host)
    return { left: sum.right, right: sum.left, relativeError: sum.relativeError }
  }
  // In units of the largest element, so that no square overflows or vanishes.
  const unit = largestOf(w) || 1
  const scaled = unit > 1e-30 && unit < 1e30 ? w : Float64Array.from(w, (value) => value / unit)
  const gram = blockGram(scaled, shape, arrangement, host)
  const { vectors } = eigenOf(gram, size, host)
  const kept = Math.min(terms, size)
  const principal = vectors.subarray(0, kept * size)
  const a = new Float64Array(terms * count)
  const b = new Float64Array(terms * size)
  let [error, total] = [0, 0]
  for (let e = 0; e < size; e++) total += gram[e * size + e]
  // R: [m1 n1, m2 n2], B_r = v_r, A_r = R v_r; what is left of a block is its part of the error.
  forEachBatchOfBlocks(scaled, shape, arrangement, (blocks, first) => {
    const rows = blocks.length / size
    const coefficients = host.multiply(principal, blocks, kept, size, rows, { transposeB: true })
    const sum = host.multiply(coefficients, principal, rows, kept, size, { transposeA: true })
    // A sum of its own: one that a closure shares is written to memory at every step.
    let squares = 0
    for (let e = 0; e < blocks.length; e++) {
      const difference = blocks[e] - sum[e]
      squares += difference * difference
    }
    error += squares
    for (let r = 0; r < kept; r++) a.set(coefficients.subarray(r * rows, (r + 1) * rows), r * count + first)
  })
  for (let r = 0; r < kept; r++)
    balance(
      a.subarray(r * count, (r + 1) * count),
      vectors.subarray(r * size, (r + 1) * size),
      b.subarray(r * size, (r + 1) * size),
      scaled === w ? 1 : unit
    )
  return { left: a, right: b, relativeError: total === 0 ? 0 : Math.sqrt(error / total) }
}

// A_r = sigma a / ||a|| and B_r = v become sqrt(sigma unit) a / ||a|| and sqrt(sigma unit) v, with one sign.
const balance = (a: Float64Array, v: Float64Array, b: Float64Array, unit: number): void => {
  let squared = 0
  for (let i = 0; i < a.length; i++) squared += a[i] * a[i]
  if (squared === 0) return
  let peak = 0
  for (let i = 0; i < v.length; i++) if (Math.abs(v[i]) > Math.abs(peak)) peak = v[i]
  const root = (peak < 0 ? -1 : 1) * squared ** 0.25
  const scale = Math.sqrt(unit)
  for (let i = 0; i < a.length; i++) a[i] = (a[i] / root) * scale
  for (let i = 0; i < b.length; i++) b[i] = v[i] * root * scale
}
