import { type Factorizations, NumericalError } from "../../Tensor/index.ts"

/** The estimated (asymptotic) variance of f + Z a as a quadratic form in a: (a, 1)' matrix (a, 1), for one or several f. */
export interface QuadraticForm {
  readonly features: number
  readonly functionals: number
  /** Symmetric [features + functionals]^2, features first. */
  readonly matrix: Float64Array
}

/** The eigenvalues of a form's feature part, its columns scaled to unit diagonal, and the gradients c in its eigenvectors. */
export interface FactoredForm {
  readonly objective: string
  /** How many features of the form are in use: its leading ones. */
  readonly features: number
  readonly scales: Float64Array
  /** Ascending. */
  readonly eigenvalues: Float64Array
  /** Columns, [features, features]. */
  readonly eigenvectors: Float64Array
  /** [features, functionals] */
  readonly projected: Float64Array
}

/** Eigenvalues of the scaled matrix below this are taken for zero: what rounding leaves of one. */
const negligible = 1e-12

/**
 * Factorises the leading `features` of a form, once for all functionals and ridges. Throws a `NumericalError` for a feature with
 * a negative estimated variance, which only a window that is not positive semi-definite can give.
 */
export const factorForm = (
  host: Factorizations,
  form: QuadraticForm,
  features: number,
  objective: string
): FactoredForm => {
  const size = form.features + form.functionals
  const { matrix } = form
  const scales = new Float64Array(features)
  for (let k = 0; k < features; k++) {
    const variance = matrix[k * size + k]
    if (!(variance >= 0) || variance === Infinity)
      throw new NumericalError({
        operation: objective,
        reason: `the estimated asymptotic variance of feature ${k} is ${variance}: ${
          variance < 0
            ? "the window is not positive semi-definite; use a Bartlett or Parzen window"
            : "the scores or draws are too large for float64; standardise them"
        }`
      })
    scales[k] = variance > 0 ? 1 / Math.sqrt(variance) : 0
  }
  const scaled = new Float64Array(features * features)
  for (let i = 0; i < features; i++)
    for (let j = 0; j < features; j++)
      scaled[i * features + j] = 0.5 * (matrix[i * size + j] + matrix[j * size + i]) * scales[i] * scales[j]
  const { values, vectors } = host.eigh(scaled, features)
  const c = new Float64Array(features * form.functionals)
  for (let i = 0; i < features; i++)
    for (let q = 0; q < form.functionals; q++)
      c[i * form.functionals + q] = matrix[i * size + form.features + q] * scales[i]
  const transposed = new Float64Array(vectors.length)
  for (let i = 0; i < features; i++)
    for (let j = 0; j < features; j++) transposed[j * features + i] = vectors[i * features + j]
  return {
    objective,
    features,
    scales,
    eigenvalues: values,
    eigenvectors: vectors,
    projected: host.multiply(transposed, c, features, features, form.functionals)
  }
}

/** Directions that the form says nothing about: their coefficients stay zero. */
export const collinearDirections = ({ eigenvalues, features }: FactoredForm): number =>
  eigenvalues.reduce((count, value) => count + (Math.abs(value) <= negligible * features ? 1 : 0), 0)

/**
 * a = -(A + ridge I)^-1 c in the scaled columns, then scaled back: [features], for the functional of the given index. Collinear
 * directions get the answer of least norm. Throws a `NumericalError` where A + ridge I is indefinite, with its smallest eigenvalue.
 */
export const coefficientsOf = (
  form: FactoredForm,
  functional: number,
  ridge: number,
  functionals: number
): Float64Array => {
  const { features, eigenvalues, eigenvectors, projected, scales } = form
  const tolerance = negligible * features
  const smallest = eigenvalues[0] + ridge
  if (smallest < -tolerance || (eigenvalues[0] < -tolerance && smallest <= tolerance))
    throw new NumericalError({
      operation: form.objective,
      reason: `the quadratic form is indefinite: the smallest eigenvalue of the scaled matrix${
        ridge > 0 ? " with its ridge" : ""
      } is ${smallest}, so there is no minimum and a solution would diverge; use a Bartlett or Parzen window, or a ridge above ${-eigenvalues[0]}`
    })
  const coefficients = new Float64Array(features)
  for (let j = 0; j < features; j++) {
    const value = eigenvalues[j] + ridge
    if (value <= tolerance) continue
    const step = projected[j * functionals + functional] / value
    for (let i = 0; i < features; i++) coefficients[i] -= eigenvectors[i * features + j] * step
  }
  for (let i = 0; i < features; i++) coefficients[i] *= scales[i]
  return coefficients
}

/** The form's value at a: the variance estimate of f + Z a, for coefficients of its leading features. */
export const valueAt = (form: QuadraticForm, functional: number, coefficients: Float64Array): number => {
  const size = form.features + form.functionals
  const f = form.features + functional
  let value = form.matrix[f * size + f]
  for (let i = 0; i < coefficients.length; i++) {
    let row = 2 * form.matrix[i * size + f]
    for (let j = 0; j < coefficients.length; j++) row += form.matrix[i * size + j] * coefficients[j]
    value += coefficients[i] * row
  }
  return value
}

/** A weighted sum of matrices of a common size. */
export const addMatrices = (
  matrices: ReadonlyArray<Float64Array>,
  weight: (index: number) => number
): Float64Array => {
  const sum = new Float64Array(matrices[0].length)
  matrices.forEach((matrix, k) => {
    const factor = weight(k)
    if (factor !== 0) for (let i = 0; i < sum.length; i++) sum[i] += factor * matrix[i]
  })
  return sum
}
