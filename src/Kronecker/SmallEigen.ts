/** Eigenvalues, descending, and orthonormal eigenvectors, one a row. */
export interface Eigen {
  readonly values: Float64Array
  readonly vectors: Float64Array
}

const sweepLimit = 60

/**
 * The eigendecomposition of a small symmetric matrix by cyclic Jacobi rotations (Golub and Van Loan, "Matrix
 * Computations", 8.5); O(n³) a sweep, six to ten sweeps, and the fastest way up to n = 32 or so.
 *
 * a: [n, n] symmetric, row-major; not changed. values: [n], vectors: [n, n] with a = vectorsᵀ diag(values) vectors.
 *
 * @example
 *   symmetricEigen(Float64Array.of(2, 1, 1, 2), 2).values // [3, 1]
 */
export const symmetricEigen = (a: Float64Array, n: number): Eigen => {
  const rotated = a.slice()
  const vectors = new Float64Array(n * n)
  for (let i = 0; i < n; i++) vectors[i * n + i] = 1
  let norm = 0
  for (const value of a) norm = Math.max(norm, Math.abs(value))
  for (let sweep = 0; sweep < sweepLimit; sweep++) {
    let rotations = 0
    for (let p = 0; p < n - 1; p++)
      for (let q = p + 1; q < n; q++) {
        const apq = rotated[p * n + q]
        if (Math.abs(apq) <= 1e-17 * norm) continue
        rotations++
        const theta = (rotated[q * n + q] - rotated[p * n + p]) / (2 * apq)
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1))
        const c = 1 / Math.sqrt(t * t + 1)
        rotate(rotated, vectors, n, p, q, c, t * c)
        rotated[p * n + q] = 0
        rotated[q * n + p] = 0
      }
    if (rotations === 0) break
  }
  const order = Array.from({ length: n }, (_, i) => i).toSorted(
    (i, j) => rotated[j * n + j] - rotated[i * n + i]
  )
  const sorted = new Float64Array(n * n)
  for (let k = 0; k < n; k++) sorted.set(vectors.subarray(order[k] * n, order[k] * n + n), k * n)
  return { values: Float64Array.from(order, (i) => rotated[i * n + i]), vectors: sorted }
}

// a <- Jᵀ a J, vectors <- Jᵀ vectors for the rotation J of coordinates p and q.
const rotate = (
  a: Float64Array,
  vectors: Float64Array,
  n: number,
  p: number,
  q: number,
  c: number,
  s: number
): void => {
  for (let k = 0; k < n; k++) {
    const x = a[k * n + p]
    const y = a[k * n + q]
    a[k * n + p] = c * x - s * y
    a[k * n + q] = s * x + c * y
  }
  for (let k = 0; k < n; k++) {
    const x = a[p * n + k]
    const y = a[q * n + k]
    a[p * n + k] = c * x - s * y
    a[q * n + k] = s * x + c * y
  }
  for (let k = 0; k < n; k++) {
    const x = vectors[p * n + k]
    const y = vectors[q * n + k]
    vectors[p * n + k] = c * x - s * y
    vectors[q * n + k] = s * x + c * y
  }
}
