import type { Factorizations } from "../Tensor/index.ts"
import {
  type Arrangement,
  exchanged,
  freeSides,
  identityArrangement,
  type Permute,
  shuffled
} from "./Arrangement.ts"
import { eigenOf, type KroneckerProblem, kroneckerProblem } from "./BlockGram.ts"
import type { KroneckerShape } from "./Contraction.ts"

/** A problem that is cheaper to search and has the same answer. */
export interface SearchProblem {
  readonly problem: KroneckerProblem
  /** The arrangement of W that corresponds to one of the problem's. */
  readonly arrangementOfW: (found: Arrangement) => Arrangement
}

/**
 * The problem to search for W's arrangement: with the smaller factors on the right, where the search's cost lies, and, if W's rows
 * stay in their order and are many (an embedding), with W replaced by a square root of its Gram matrix, which has the same f for
 * every order of the columns.
 */
export const searchProblem = (
  w: Float32Array | Float64Array,
  shape: KroneckerShape,
  permute: Permute,
  host: Factorizations
): SearchProblem => {
  const { left, right } = shape
  if (left[0] * left[1] < right[0] * right[1]) {
    const other = exchanged(shape)
    // Read in this order, W is a sum of the other shape; the identity there is the identity here.
    const order = shuffled(identityArrangement(shape), other)
    const inner = searchProblem(reordered(w, order), other, permute, host)
    return {
      problem: inner.problem,
      arrangementOfW: (found) => {
        const { rows, columns } = inner.arrangementOfW(found)
        const composed = {
          rows: rows.map((row) => order.rows[row]),
          columns: columns.map((column) => order.columns[column])
        }
        return shuffled(composed, shape)
      }
    }
  }
  const width = right[0] * left[1] * right[1]
  if (freeSides(shape, permute).includes("rows") || left[0] < 2 * width)
    return { problem: kroneckerProblem(w, shape, host), arrangementOfW: (found) => found }
  const short: KroneckerShape = { ...shape, left: [width, left[1]] }
  return {
    problem: kroneckerProblem(gramRoot(w, left[0], width, host), short, host),
    arrangementOfW: ({ columns }) => ({ rows: identityArrangement(shape).rows, columns })
  }
}

const reordered = (w: Float32Array | Float64Array, { rows, columns }: Arrangement): Float64Array => {
  const result = new Float64Array(w.length)
  for (let i = 0, e = 0; i < rows.length; i++)
    for (let j = 0; j < columns.length; j++, e++) result[e] = w[rows[i] * columns.length + columns[j]]
  return result
}

const numbersAtOnce = 2 ** 22

// v: [m1, width] -> F [width, width] with FᵀF = vᵀv
const gramRoot = (
  v: Float32Array | Float64Array,
  m1: number,
  width: number,
  host: Factorizations
): Float64Array => {
  const gram = new Float64Array(width * width)
  const batch = Math.max(1, Math.floor(numbersAtOnce / width))
  for (let first = 0; first < m1; first += batch) {
    const rows = Math.min(batch, m1 - first)
    const part = Float64Array.from(v.subarray(first * width, (first + rows) * width))
    const products = host.multiply(part, part, width, rows, width, { transposeA: true })
    for (let e = 0; e < gram.length; e++) gram[e] += products[e]
  }
  const { values, vectors } = eigenOf(gram, width, host)
  const root = new Float64Array(width * width)
  for (let k = 0; k < width; k++) {
    const scale = Math.sqrt(Math.max(0, values[k]))
    for (let j = 0; j < width; j++) root[k * width + j] = scale * vectors[k * width + j]
  }
  return root
}
