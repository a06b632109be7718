import type { RowCouplings } from "./RowCouplings.ts"
import { cholesky, solveInPlace } from "./SmallCholesky.ts"

/** An exchange of the rows of two places of a pool, and what it gains: by how much the squared error falls. */
export interface Exchange {
  readonly first: number
  readonly second: number
  readonly gain: number
}

/** Reads the gains of exchanges between two groups out of the tables. */
export class ExchangeGains {
  readonly #tables: RowCouplings
  readonly #columns: Uint32Array
  readonly #inverse: Float64Array
  readonly #squares: Float64Array
  readonly #inner: Float64Array
  readonly #outer: Float64Array
  readonly #shift: Float64Array
  readonly #across: Float64Array
  readonly #z: Float64Array
  readonly #product: Float64Array
  #before = 0

  constructor(tables: RowCouplings) {
    this.#tables = tables
    const size = 2 * tables.terms
    this.#columns = new Uint32Array(size)
    this.#inverse = new Float64Array(size * size)
    const blank = () => new Float64Array(size * size)
    this.#squares = blank()
    this.#inner = blank()
    this.#outer = blank()
    this.#shift = blank()
    this.#across = blank()
    this.#z = blank()
    this.#product = blank()
  }

  /** Sets the two groups between which exchanges are asked for. */
  between(g: number, h: number): void {
    const { terms, groups, inverse, squares } = this.#tables
    const size = 2 * terms
    const width = groups * terms
    for (let t = 0; t < terms; t++) {
      this.#columns[t] = g * terms + t
      this.#columns[terms + t] = h * terms + t
    }
    const part = new Float64Array(size * size)
    this.#inverse.fill(0)
    for (let e = 0; e < size; e++) {
      this.#inverse[e * size + e] = 1
      for (let f = 0; f < size; f++) {
        part[e * size + f] = inverse[this.#columns[e] * width + this.#columns[f]]
        this.#squares[e * size + f] = squares[this.#columns[e] * width + this.#columns[f]]
      }
    }
    cholesky(part, size)
    solveInPlace(part, size, this.#inverse, size)
    this.#before = traceOfProduct(this.#inverse, this.#squares)
  }

  /** What it gains when the rows of places `first` in the first group and `second` in the second change places. */
  gain(first: number, second: number): number {
    const { terms, slots, groups, v, gradients, y, mixed } = this.#tables
    const size = 2 * terms
    const width = groups * terms
    const height = groups * slots * slots * terms
    const rowOf = (item: number, slot: number) => (item * slots + slot) * terms
    const [i, k] = [first % slots, second % slots]
    // Of both groups: the rows of the tables that come in, and those that go.
    const comes = [rowOf(second, i), rowOf(first, k)]
    const goes = [rowOf(first, i), rowOf(second, k)]
    const [inner, outer, shift, across] = [this.#inner, this.#outer, this.#shift, this.#across]
    const [z, product] = [this.#z, this.#product]
    for (let e = 0; e < size; e++) {
      const c = e < terms ? 0 : 1
      const [up, down] = [comes[c] + (e % terms), goes[c] + (e % terms)]
      for (let f = 0; f < size; f++) {
        const d = f < terms ? 0 : 1
        const [right, left] = [comes[d] + (f % terms), goes[d] + (f % terms)]
        const to = e * size + f
        inner[to] =
          v[up * height + right] - v[up * height + left] - v[down * height + right] + v[down * height + left]
        outer[to] =
          gradients[up * height + right] -
          gradients[up * height + left] -
          gradients[down * height + right] +
          gradients[down * height + left]
        const column = this.#columns[f]
        shift[to] = y[up * width + column] - y[down * width + column] + (e === f ? 1 : 0)
        across[to] = mixed[up * width + column] - mixed[down * width + column]
      }
    }
    multiply(z, shift, this.#inverse, size)
    multiplyTransposed(product, z, shift, size)
    for (let e = 0; e < product.length; e++) inner[e] += product[e]
    multiplyTransposed(product, z, across, size)
    for (let e = 0; e < size; e++)
      for (let f = 0; f < size; f++) outer[e * size + f] += product[e * size + f] + product[f * size + e]
    multiply(across, z, this.#squares, size)
    multiplyTransposed(product, across, z, size)
    for (let e = 0; e < product.length; e++) outer[e] += product[e]
    cholesky(inner, size)
    solveInPlace(inner, size, outer, size)
    let trace = 0
    for (let e = 0; e < size; e++) trace += outer[e * size + e]
    return trace - this.#before
  }
}

// result <- a b, all [n, n]
const multiply = (result: Float64Array, a: Float64Array, b: Float64Array, n: number): void => {
  result.fill(0)
  for (let i = 0; i < n; i++)
    for (let k = 0; k < n; k++) {
      const value = a[i * n + k]
      for (let j = 0; j < n; j++) result[i * n + j] += value * b[k * n + j]
    }
}

// result <- a bᵀ
const multiplyTransposed = (result: Float64Array, a: Float64Array, b: Float64Array, n: number): void => {
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      let sum = 0
      for (let k = 0; k < n; k++) sum += a[i * n + k] * b[j * n + k]
      result[i * n + j] = sum
    }
}

// of symmetric matrices
const traceOfProduct = (a: Float64Array, b: Float64Array): number => {
  let sum = 0
  for (let e = 0; e < a.length; e++) sum += a[e] * b[e]
  return sum
}
