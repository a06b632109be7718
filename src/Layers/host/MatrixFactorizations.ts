import {
  EigenvalueDecomposition,
  LuDecomposition,
  Matrix,
  QrDecomposition,
  SingularValueDecomposition
} from "ml-matrix"
import { NumericalError } from "../../Tensor/Errors.ts"
import { indexOfNotFinite } from "../../Tensor/HostMatrix.ts"
import type { Factorizations } from "../../Tensor/Factorizations.ts"
import { matmul } from "../reference/Matmul.ts"
import { singularTriangle, zeroOnDiagonal } from "./Triangular.ts"

// An iteration that did not converge leaves a reconstruction error far above the rounding of a sum of n products.
const convergedBelow = 1e-9

const matrixOf = (a: Float64Array, rows: number, columns: number): Matrix => {
  const matrix = new Matrix(rows, columns)
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) matrix.set(i, j, a[i * columns + j])
  return matrix
}

const elementsOf = (matrix: Matrix): Float64Array => Float64Array.from(matrix.to1DArray())

const multiply: Factorizations["multiply"] = (
  a,
  b,
  m,
  k,
  n,
  { transposeA = false, transposeB = false } = {}
) =>
  Float64Array.from(
    matmul(
      { values: a, shape: transposeA ? [k, m] : [m, k] },
      { values: b, shape: transposeB ? [n, k] : [k, n] },
      { transposeA, transposeB, bias: undefined }
    )
  )

const largestMagnitude = (a: Float64Array): number => a.reduce((most, x) => Math.max(most, Math.abs(x)), 0)

const requireFinite = (operation: string, a: Float64Array): void => {
  const bad = indexOfNotFinite(a)
  if (bad >= 0) throw new NumericalError({ operation, reason: `element ${bad} is ${a[bad]}` })
}

/** [a / scale, scale], where the scale is a power of two, so that nothing is rounded and no square over- or underflows. */
const scaled = (operation: string, a: Float64Array): readonly [Float64Array, number] => {
  requireFinite(operation, a)
  const largest = largestMagnitude(a)
  if (largest === 0) return [a, 1]
  const scale = 2 ** Math.max(-1022, Math.floor(Math.log2(largest)))
  return [a.map((value) => value / scale), scale]
}

const requireConverged = (operation: string, a: Float64Array, reconstructed: Float64Array): void => {
  const error = a.reduce((most, value, i) => {
    const difference = Math.abs(value - reconstructed[i])
    return difference <= most ? most : difference
  }, 0)
  if (!(error <= convergedBelow * Math.max(1, largestMagnitude(a))))
    throw new NumericalError({
      operation,
      reason: `no convergence: the factors miss the matrix by ${error} at its largest element's scale`
    })
}

const scaleRows = (a: Float64Array, factors: Float64Array, columns: number): Float64Array =>
  a.map((value, i) => value * factors[Math.floor(i / columns)])

const svd: Factorizations["svd"] = (a, m, n) => {
  const [values, scale] = scaled("svd", a)
  const decomposition = new SingularValueDecomposition(matrixOf(values, m, n), { autoTranspose: true })
  const k = Math.min(m, n)
  const u = elementsOf(decomposition.leftSingularVectors.subMatrix(0, m - 1, 0, k - 1))
  const s = Float64Array.from(decomposition.diagonal).subarray(0, k)
  const vt = elementsOf(decomposition.rightSingularVectors.transpose().subMatrix(0, k - 1, 0, n - 1))
  requireConverged("svd", values, multiply(u, scaleRows(vt, s, n), m, k, n))
  return { u, s: s.map((value) => value * scale), vt }
}

const eigh: Factorizations["eigh"] = (a, n) => {
  const [matrix, scale] = scaled("eigh", a)
  const decomposition = new EigenvalueDecomposition(matrixOf(matrix, n, n), { assumeSymmetric: true })
  const values = Float64Array.from(decomposition.realEigenvalues)
  const vectors = elementsOf(decomposition.eigenvectorMatrix)
  const transposed = elementsOf(decomposition.eigenvectorMatrix.transpose())
  requireConverged("eigh", matrix, multiply(vectors, scaleRows(transposed, values, n), n, n, n))
  return { values: values.map((value) => value * scale), vectors }
}

/** The first k = min(m, n) columns decide q; the others are projected on it. */
const qr: Factorizations["qr"] = (a, m, n) => {
  const [values, scale] = scaled("qr", a)
  const k = Math.min(m, n)
  const matrix = matrixOf(values, m, n)
  const decomposition = new QrDecomposition(matrix.subMatrix(0, m - 1, 0, k - 1))
  const q = decomposition.orthogonalMatrix
  const r = Matrix.zeros(k, n)
  r.setSubMatrix(decomposition.upperTriangularMatrix, 0, 0)
  if (n > k) r.setSubMatrix(q.transpose().mmul(matrix.subMatrix(0, m - 1, k, n - 1)), 0, k)
  return { q: elementsOf(q), r: elementsOf(r).map((value) => value * scale) }
}

/** Row by row, from the lower triangle of a: l_ij = (a_ij - l_i . l_j) / l_jj (Golub and Van Loan, section 4.2). */
const cholesky: Factorizations["cholesky"] = (a, n) => {
  requireFinite("cholesky", a)
  const l = new Float64Array(n * n)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let rest = a[i * n + j]
      for (let p = 0; p < j; p++) rest -= l[i * n + p] * l[j * n + p]
      if (i !== j) l[i * n + j] = rest / l[j * n + j]
      else if (rest > 0) l[i * n + i] = Math.sqrt(rest)
      else
        throw new NumericalError({
          operation: "cholesky",
          reason: `not positive definite: pivot ${i + 1} of ${n} is ${rest}`
        })
    }
  }
  return l
}

/** Largest sum of magnitudes of a column. */
const norm1 = (matrix: Matrix): number => {
  let most = 0
  for (let j = 0; j < matrix.columns; j++) {
    let total = 0
    for (let i = 0; i < matrix.rows; i++) total += Math.abs(matrix.get(i, j))
    most = Math.max(most, total)
  }
  return most
}

const solve: Factorizations["solve"] = (a, n, b, columns) => {
  const [values, scale] = scaled("solve", a)
  requireFinite("solve", b)
  const matrix = matrixOf(values, n, n)
  const decomposition = new LuDecomposition(matrix)
  const inverseCondition = decomposition.isSingular()
    ? 0
    : 1 / (norm1(matrix) * norm1(decomposition.solve(Matrix.eye(n))))
  if (!(inverseCondition > Number.EPSILON))
    throw new NumericalError({
      operation: "solve",
      reason: `the matrix is singular: its inverse condition number is ${inverseCondition}; lstsq gives the answer of least norm`
    })
  if (columns === 0) return new Float64Array(0)
  return elementsOf(decomposition.solve(matrixOf(b, n, columns))).map((value) => value / scale)
}

/** Row by row (Golub and Van Loan, section 3.1). */
const solveTriangular: Factorizations["solveTriangular"] = (l, n, b, columns, isTransposed = false) => {
  requireFinite("solveTriangular", l)
  const singular = zeroOnDiagonal(l, n)
  if (singular >= 0) throw singularTriangle(singular, n)
  const x = b.slice()
  for (let step = 0; step < n; step++) {
    const i = isTransposed ? n - 1 - step : step
    for (let done = 0; done < step; done++) {
      const k = isTransposed ? n - 1 - done : done
      const factor = isTransposed ? l[k * n + i] : l[i * n + k]
      if (factor !== 0) for (let j = 0; j < columns; j++) x[i * columns + j] -= factor * x[k * columns + j]
    }
    for (let j = 0; j < columns; j++) x[i * columns + j] /= l[i * n + i]
  }
  return x
}

/** By ml-matrix: right to about 1e-14, and fast enough up to a few hundred rows. */
export const matrixFactorizations: Factorizations = {
  description: "ml-matrix 6.15 (JavaScript)",
  svd,
  eigh,
  eigenvalues: (a, n) => eigh(a, n).values,
  qr,
  cholesky,
  solve,
  solveTriangular,
  multiply
}
