import { transposed } from "../Tensor/HostMatrix.ts"
import type { Factorizations } from "../Tensor/index.ts"
import type { Arrangement } from "./Arrangement.ts"
import type { KroneckerShape } from "./Contraction.ts"
import { type Eigen, symmetricEigen } from "./SmallEigen.ts"

/** W, the sum it is to become, and the linear algebra to do it with. */
export interface KroneckerProblem {
  /** [m1 m2, n1 n2], row-major, in units of its largest element, so that couplings keep within float32 */
  readonly w: Float64Array
  /** [n1 n2, m1 m2] */
  readonly transposedW: Float64Array
  readonly shape: KroneckerShape
  /** ||W||² in these units */
  readonly squaredNorm: number
  readonly host: Factorizations
}

/** w: [m1 m2, n1 n2], row-major, finite. */
export const kroneckerProblem = (
  w: Float32Array | Float64Array,
  shape: KroneckerShape,
  host: Factorizations
): KroneckerProblem => {
  const largest = largestOf(w)
  const scaled = new Float64Array(w.length)
  let squaredNorm = 0
  if (largest > 0)
    for (let e = 0; e < w.length; e++) {
      scaled[e] = w[e] / largest
      squaredNorm += scaled[e] * scaled[e]
    }
  const inputs = shape.left[0] * shape.right[0]
  return {
    w: scaled,
    transposedW: transposed(scaled, inputs, w.length / inputs),
    shape,
    squaredNorm,
    host
  }
}

/** The largest magnitude. */
export const largestOf = (values: Float32Array | Float64Array): number => {
  let largest = 0
  for (let e = 0; e < values.length; e++) {
    const magnitude = Math.abs(values[e])
    if (magnitude > largest) largest = magnitude
  }
  return largest
}

/** So many numbers of R at a time: 1 MB, which stays in a cache between the copy and its products. */
const numbersAtOnce = 2 ** 17

/**
 * Reads the rearrangement R [m1 n1, m2 n2] of W, whose rows are W's blocks, row-major (Van Loan and Pitsianis, "Approximation with
 * Kronecker Products", 1993), so many rows at a time: visit(rows, first), the rows in a buffer that is used again.
 */
export const forEachBatchOfBlocks = (
  w: Float32Array | Float64Array,
  { left: [m1, n1], right: [m2, n2] }: KroneckerShape,
  { rows, columns }: Arrangement,
  visit: (blocks: Float64Array, first: number) => void
): void => {
  const size = m2 * n2
  const outputs = n1 * n2
  const groupsAtOnce = Math.min(m1, Math.max(1, Math.floor(numbersAtOnce / (n1 * size))))
  const buffer = new Float64Array(groupsAtOnce * n1 * size)
  for (let first = 0; first < m1; first += groupsAtOnce) {
    const groups = Math.min(groupsAtOnce, m1 - first)
    for (let g = 0; g < groups; g++)
      for (let i2 = 0; i2 < m2; i2++) {
        const row = rows[(first + g) * m2 + i2] * outputs
        let to = g * n1 * size + i2 * n2
        for (let j = 0; j < outputs; to += size)
          for (let j2 = 0; j2 < n2; j2++, j++) buffer[to + j2] = w[row + columns[j]]
      }
    visit(buffer.subarray(0, groups * n1 * size), first * n1)
  }
}

/** G = RᵀR for the rearrangement R [m1 n1, m2 n2] of W. */
// -> [m2 n2, m2 n2]
export const blockGram = (
  w: Float32Array | Float64Array,
  shape: KroneckerShape,
  arrangement: Arrangement,
  host: Factorizations
): Float64Array => {
  const size = shape.right[0] * shape.right[1]
  const gram = new Float64Array(size * size)
  forEachBatchOfBlocks(w, shape, arrangement, (blocks) => {
    const products = host.multiply(blocks, blocks, size, blocks.length / size, size, { transposeA: true })
    for (let e = 0; e < gram.length; e++) gram[e] += products[e]
  })
  // A product rounds the two triangles differently.
  mirror(gram, size)
  return gram
}

/** G of a problem's W. */
export const gramOf = ({ w, shape, host }: KroneckerProblem, arrangement: Arrangement): Float64Array =>
  blockGram(w, shape, arrangement, host)

/** gram += factor block blockᵀ, in the lower triangle alone. */
export const addOuterProduct = (
  gram: Float64Array,
  block: Float64Array,
  size: number,
  factor: number
): void => {
  for (let a = 0; a < size; a++) {
    const x = factor * block[a]
    for (let b = 0, e = a * size; b <= a; b++, e++) gram[e] += x * block[b]
  }
}

/** Copies the lower triangle to the upper one. */
export const mirror = (gram: Float64Array, size: number): void => {
  for (let a = 0; a < size; a++) for (let b = 0; b < a; b++) gram[b * size + a] = gram[a * size + b]
}

const jacobiLimit = 32

/** Eigenvalues descending, eigenvectors one a row, by whichever solver is faster at this size. */
export const eigenOf = (gram: Float64Array, size: number, host: Factorizations): Eigen => {
  if (size <= jacobiLimit) return symmetricEigen(gram, size)
  const { values, vectors } = host.eigh(gram, size)
  const sorted = new Float64Array(size * size)
  for (let k = 0; k < size; k++)
    for (let i = 0; i < size; i++) sorted[k * size + i] = vectors[i * size + size - 1 - k]
  return { values: values.toReversed(), vectors: sorted }
}

/** What the best sum over given blocks keeps of them. */
export interface PrincipalSpace {
  /** f = the sum of the `terms` largest eigenvalues of G: ||W||² less the squared error. */
  readonly objective: number
  /** P [m2 n2, m2 n2], the projector on their eigenvectors; f = tr(P G). */
  readonly projector: Float64Array
}

export const principalSpace = ({ shape, host }: KroneckerProblem, gram: Float64Array): PrincipalSpace => {
  const { terms, right } = shape
  const size = right[0] * right[1]
  const { values, vectors } = eigenOf(gram, size, host)
  const projector = new Float64Array(size * size)
  let objective = 0
  for (let k = 0; k < Math.min(terms, size); k++) {
    objective += values[k]
    addOuterProduct(projector, vectors.subarray(k * size, (k + 1) * size), size, 1)
  }
  mirror(projector, size)
  return { objective, projector }
}

/** ||W - sum|| / ||W|| of the best sum; 0 for W = 0. */
export const relativeErrorOf = ({ squaredNorm }: KroneckerProblem, objective: number): number =>
  squaredNorm === 0 ? 0 : Math.sqrt(Math.max(0, 1 - objective / squaredNorm))
