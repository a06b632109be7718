/** What a pivoted elimination of a came to: a ~ l lᵀ. */
export interface PivotedCholesky {
  /** Which rows were eliminated, in this order. */
  readonly pivots: Int32Array
  /** lᵀ: [rank, n] */
  readonly factor: Float64Array
  /** The trace of a - l lᵀ. */
  readonly left: number
}

export interface PivotedCholeskyLimits {
  /** No element of the diagonal that is left need be above this. */
  readonly largest?: number
  /** Nor their sum above this. */
  readonly trace?: number
  readonly maxRank?: number
}

/**
 * Positive semidefinite a [n, n], the largest element of its diagonal first, until a limit is met: n rank² work (Harbrecht, Peters
 * and Schneider, "On the low-rank approximation by the pivoted Cholesky decomposition", 2012).
 */
export const pivotedCholesky = (
  a: Float64Array,
  n: number,
  { largest = 0, trace = 0, maxRank = n }: PivotedCholeskyLimits
): PivotedCholesky => {
  const most = Math.min(n, maxRank)
  const diagonal = Float64Array.from({ length: n }, (_, i) => a[i * n + i])
  const factor = new Float64Array(most * n)
  const pivots = new Int32Array(most)
  for (let rank = 0; ; rank++) {
    let [pivot, left] = [0, 0]
    for (let i = 0; i < n; i++) {
      left += Math.max(0, diagonal[i])
      if (diagonal[i] > diagonal[pivot]) pivot = i
    }
    if (rank === most || !(diagonal[pivot] > largest && left > trace))
      return { pivots: pivots.subarray(0, rank), factor: factor.subarray(0, rank * n), left }
    const row = factor.subarray(rank * n, (rank + 1) * n)
    row.set(a.subarray(pivot * n, (pivot + 1) * n))
    for (let q = 0; q < rank; q++) {
      const weight = factor[q * n + pivot]
      for (let i = 0; i < n; i++) row[i] -= weight * factor[q * n + i]
    }
    const root = Math.sqrt(diagonal[pivot])
    for (let i = 0; i < n; i++) {
      row[i] /= root
      diagonal[i] -= row[i] * row[i]
    }
    row[pivot] = root
    pivots[rank] = pivot
    for (let q = 0; q < rank; q++) row[pivots[q]] = 0
    for (let q = 0; q <= rank; q++) diagonal[pivots[q]] = 0
  }
}
