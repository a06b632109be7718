import type { Arrangement } from "./Arrangement.ts"
import { blockGram, eigenOf, type KroneckerProblem } from "./BlockGram.ts"

/** Factors A [terms, m1, n1] and B [terms, m2, n2], and how near their sum comes. */
export interface KroneckerSum {
  readonly left: Float64Array
  readonly right: Float64Array
  /** ||W[p][:, q] - sum|| / ||W|| */
  readonly relativeError: number
}

/**
 * The nearest sum of Kronecker products to W between given permutations (Van Loan and Pitsianis, 1993): the rearranged blocks
 * projected on the leading eigenvectors of their Gram matrix. A_r and B_r have equal norms. Where W's rank runs out the further
 * terms are 0.
 */
export const nearestKroneckerSum = (problem: KroneckerProblem, arrangement: Arrangement): KroneckerSum => {
  // R: [m1 n1, m2 n2], A_r = R v_r, B_r = v_r
  const { w, unit, shape, host, squaredNorm } = problem
  const { terms } = shape
  const [m1, n1] = shape.left
  const [m2, n2] = shape.right
  const size = m2 * n2
  const outputs = n1 * n2
  const gram = blockGram(problem, arrangement)
  const { vectors } = eigenOf(gram, size, host)
  const kept = Math.min(terms, size)
  const left = new Float64Array(terms * m1 * n1)
  const right = new Float64Array(terms * size)
  const block = new Float64Array(size)
  const { rows, columns } = arrangement
  for (let i1 = 0; i1 < m1; i1++)
    for (let j1 = 0; j1 < n1; j1++) {
      for (let i2 = 0, a = 0; i2 < m2; i2++) {
        const row = rows[i1 * m2 + i2] * outputs
        for (let j2 = 0; j2 < n2; j2++) block[a++] = w[row + columns[j1 * n2 + j2]]
      }
      for (let r = 0; r < kept; r++) {
        let sum = 0
        for (let a = 0; a < size; a++) sum += block[a] * vectors[r * size + a]
        left[(r * m1 + i1) * n1 + j1] = sum
      }
    }
  let captured = 0
  for (let r = 0; r < kept; r++) {
    const a = left.subarray(r * m1 * n1, (r + 1) * m1 * n1)
    let squared = 0
    for (const value of a) squared += value * value
    captured += squared
    if (squared === 0) continue
    // ||A_r|| = sigma / unit and ||B_r|| = 1 become sqrt(sigma) each.
    const balance = squared ** 0.25
    const root = Math.sqrt(unit)
    for (let i = 0; i < a.length; i++) a[i] *= root / balance
    for (let i = 0; i < size; i++) right[r * size + i] = vectors[r * size + i] * balance * root
  }
  const relativeError = squaredNorm === 0 ? 0 : Math.sqrt(Math.max(0, 1 - captured / squaredNorm))
  return { left, right, relativeError }
}
