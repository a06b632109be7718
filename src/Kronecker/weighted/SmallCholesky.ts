/** Pivots that rounding has brought below this count as this. */
const least = 1e-280

/** The lower triangular factor of a small symmetric positive definite matrix, in place. a: [n, n], row-major. */
export const cholesky = (a: Float64Array, n: number): void => {
  for (let j = 0; j < n; j++) {
    for (let i = j; i < n; i++) {
      let sum = a[i * n + j]
      for (let k = 0; k < j; k++) sum -= a[i * n + k] * a[j * n + k]
      a[i * n + j] = i === j ? Math.sqrt(Math.max(sum, least)) : sum / a[j * n + j]
    }
  }
}

/** x with l lᵀ x = b, in place of b: l [n, n] from `cholesky`, b [n, columns]. */
export const solveInPlace = (l: Float64Array, n: number, b: Float64Array, columns: number): void => {
  forwardInPlace(l, n, b, columns)
  for (let i = n - 1; i >= 0; i--) {
    const row = i * columns
    for (let k = i + 1; k < n; k++) {
      const factor = l[k * n + i]
      for (let c = 0; c < columns; c++) b[row + c] -= factor * b[k * columns + c]
    }
    for (let c = 0; c < columns; c++) b[row + c] /= l[i * n + i]
  }
}

/** x with l x = b, in place of b. */
export const forwardInPlace = (l: Float64Array, n: number, b: Float64Array, columns: number): void => {
  for (let i = 0; i < n; i++) {
    const row = i * columns
    for (let k = 0; k < i; k++) {
      const factor = l[i * n + k]
      for (let c = 0; c < columns; c++) b[row + c] -= factor * b[k * columns + c]
    }
    for (let c = 0; c < columns; c++) b[row + c] /= l[i * n + i]
  }
}
