/**
 * Dense factorisations of float64 matrices on the host, row-major. A backend brings the fastest ones it has (LAPACK where
 * a BLAS was found). Plain functions that throw a `NumericalError`; inputs are not changed. `LinAlg` is their door for tensors.
 */
export interface Factorizations {
  readonly description: string
  /** a [m, n] = u [m, k] diag(s) vt [k, n], k = min(m, n), s descending. */
  svd(
    a: Float64Array,
    m: number,
    n: number
  ): { readonly u: Float64Array; readonly s: Float64Array; readonly vt: Float64Array }
  /** Symmetric a [n, n] = vectors diag(values) vectorsᵀ, values ascending, eigenvectors in columns. */
  eigh(a: Float64Array, n: number): { readonly values: Float64Array; readonly vectors: Float64Array }
  /** a [m, n] = q [m, k] r [k, n], k = min(m, n). */
  qr(a: Float64Array, m: number, n: number): { readonly q: Float64Array; readonly r: Float64Array }
  /** Symmetric positive definite a [n, n] = l lᵀ, l lower triangular. */
  cholesky(a: Float64Array, n: number): Float64Array
  /** a [n, n] x = b [n, columns]. */
  solve(a: Float64Array, n: number, b: Float64Array, columns: number): Float64Array
  /** a [m, k] b [k, n]. */
  multiply(a: Float64Array, b: Float64Array, m: number, k: number, n: number): Float64Array
  /** a aᵀ of a [m, k]. */
  gram(a: Float64Array, m: number, k: number): Float64Array
}
