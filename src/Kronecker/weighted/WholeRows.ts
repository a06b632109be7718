import { Effect } from "effect"
import { Backend, type Factorizations, type TensorError } from "../../Tensor/index.ts"
import { transposed } from "../../Tensor/HostMatrix.ts"
import { hostTask } from "../../Tensor/HostTask.ts"
import { unwhiten, type Weighting, whiten } from "../../Weight/index.ts"
import { type Arrangement, freeSides, identityArrangement, identityPermutation } from "../Arrangement.ts"
import type { KroneckerShape } from "../Contraction.ts"
import { nearestKroneckerSum } from "../NearestKroneckerSum.ts"
import { type ArrangementOptions, searchArrangement } from "../SearchArrangement.ts"
import { balanced, leftStep } from "./AlternatingLeastSquares.ts"
import { exchangeAxes } from "./ExchangeAxes.ts"
import { jointProblem, settledJointly } from "./JointDescent.ts"
import { arranged, type Factors, weightedProblem } from "./WeightedProblem.ts"

export interface WholeRowsOptions extends ArrangementOptions {
  /** In place of that search. */
  readonly start?: Arrangement | undefined
  /** M [outputs, outputs], symmetric and positive definite; default the identity. */
  readonly outputMetric?: Float64Array | undefined
}

export interface WholeRowsFit {
  readonly arrangement: Arrangement
  readonly factors: Factors
}

/**
 * The sum whose right factors have one row each. In the metric C = L Lᵀ of the inputs alone it is a nearest sum in the Frobenius norm, of Lᵀ W: exact without
 * permutations, and found as ever with them. In a metric of the outputs too only the right factors are sought.
 */
export const wholeRowsFit = Effect.fnUntraced(function* (
  w: Float64Array,
  shape: KroneckerShape,
  weighting: Weighting,
  { permute, swaps, start, key, outputMetric }: WholeRowsOptions
): Effect.fn.Return<WholeRowsFit, TensorError, Backend> {
  const { factorizations: host } = yield* Backend
  const {
    terms,
    left: [m1, n1]
  } = shape
  const outputs = n1 * shape.right[1]
  const white = yield* hostTask(() => whiten(weighting, w, outputs, host))
  const identity = identityArrangement(shape)
  const arrangement =
    freeSides(shape, permute).length === 0
      ? identity
      : start !== undefined
        ? { ...identity, columns: start.columns }
        : yield* searchArrangement(white, shape, { permute, swaps, key })
  const sum = yield* hostTask(() => nearestKroneckerSum(white, shape, arrangement, host))
  if (outputMetric === undefined)
    return yield* hostTask(() => {
      const solved = unwhiten(weighting, exchangeAxes(sum.left, terms, m1, n1), terms * n1, host)
      return {
        arrangement,
        factors: balanced({ left: exchangeAxes(solved, m1, terms, n1), right: sum.right }, terms)
      }
    })
  const right = yield* rightBetween(white, shape, arrangement, outputMetric, sum.right)
  return yield* hostTask(() => ({
    arrangement,
    factors: balanced(withBestLeft(w, shape, arrangement, outputMetric, right, host), terms)
  }))
})

/**
 * B in the metric of the outputs too. A's rows are free, so that only Wᵀ C W counts: B is sought for a root of that in the place of Lᵀ W, which for an
 * embedding has some hundred rows instead of tens of thousands.
 */
const rightBetween = Effect.fnUntraced(function* (
  white: Float64Array,
  shape: KroneckerShape,
  { columns }: Arrangement,
  outputMetric: Float64Array,
  before: Float64Array
): Effect.fn.Return<Float64Array, TensorError, Backend> {
  const { factorizations: host } = yield* Backend
  const n1 = shape.left[1]
  const outputs = n1 * shape.right[1]
  const { joint, start } = yield* hostTask(() => {
    const gram = host.multiply(white, white, outputs, white.length / outputs, outputs, { transposeA: true })
    const { values, vectors } = host.eigh(gram, outputs)
    const root = transposed(vectors, outputs, outputs)
    for (let e = 0; e < root.length; e++) root[e] *= Math.sqrt(Math.max(0, values[Math.floor(e / outputs)]))
    const alike = { rows: new Float64Array(outputs).fill(1) }
    const problem = weightedProblem(root, { ...shape, left: [outputs, n1] }, alike, host)
    const arrangement = { rows: identityPermutation(outputs), columns }
    const steps = arranged(problem, arrangement)
    const left = new Float64Array(shape.terms * outputs * n1)
    return {
      joint: jointProblem(problem, arrangement, steps, 0, outputMetric),
      start: leftStep(steps, { left, right: before }).factors
    }
  })
  const { current } = yield* settledJointly(joint, start)
  return current.factors.right
})

/** This part of the normal matrix's largest diagonal element makes A unique where the rows of B depend on each other. */
const ridge = 1e-10

/** A = W M Kᵀ (K M Kᵀ)⁻¹, K [terms n1, outputs] being B_r's row in the columns of each group: the best for B, whatever C. */
const withBestLeft = (
  w: Float64Array,
  { terms, left: [m1, n1], right: [, n2] }: KroneckerShape,
  { columns }: Arrangement,
  outputMetric: Float64Array,
  right: Float64Array,
  host: Factorizations
): Factors => {
  const [rows, outputs] = [terms * n1, n1 * n2]
  const spread = new Float64Array(rows * outputs)
  for (let r = 0; r < terms; r++)
    for (let j = 0; j < n1; j++)
      for (let b = 0; b < n2; b++) spread[(r * n1 + j) * outputs + columns[j * n2 + b]] = right[r * n2 + b]
  const seen = host.multiply(spread, outputMetric, rows, outputs, outputs)
  const normal = host.multiply(seen, spread, rows, outputs, rows, { transposeB: true })
  let largest = 0
  for (let i = 0; i < rows; i++) largest = Math.max(largest, normal[i * rows + i])
  for (let i = 0; i < rows; i++) normal[i * rows + i] += largest === 0 ? 1 : ridge * largest
  const wanted = host.multiply(seen, w, rows, outputs, m1, { transposeB: true })
  const root = host.cholesky(normal, rows)
  const solved = host.solveTriangular(root, rows, host.solveTriangular(root, rows, wanted, m1), m1, true)
  const left = new Float64Array(terms * m1 * n1)
  for (let r = 0; r < terms; r++) {
    const part = solved.subarray(r * n1 * m1, (r + 1) * n1 * m1)
    left.set(transposed(part, n1, m1), r * m1 * n1)
  }
  return { left, right }
}
