import { NumericalError } from "../../Tensor/Errors.ts"

/** The first row of a triangular matrix [n, n] whose diagonal element is 0, or -1. */
export const zeroOnDiagonal = (l: Float64Array, n: number): number => {
  for (let i = 0; i < n; i++) if (l[i * n + i] === 0) return i
  return -1
}

export const singularTriangle = (row: number, n: number): NumericalError =>
  new NumericalError({
    operation: "solveTriangular",
    reason: `the matrix is singular: diagonal element ${row + 1} of ${n} is 0`
  })
