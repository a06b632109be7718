import { type Arrangement, identityArrangement } from "../../src/Kronecker/Arrangement.ts"
import type { KroneckerShape } from "../../src/Kronecker/Contraction.ts"
import { key, stream } from "../../src/Random/index.ts"

export const normal = (seed: number, length: number): Float64Array => {
  const values = new Float64Array(length)
  stream(key(seed)).fillNormal(values)
  return values
}

export interface Planted {
  readonly w: Float64Array
  /** W[rows[i], columns[j]] = (sum_r A_r (x) B_r)[i, j] plus noise */
  readonly arrangement: Arrangement
}

/** A sum of Kronecker products of random factors between random permutations, and noise of so much of its standard deviation. */
export const planted = (
  seed: number,
  shape: KroneckerShape,
  { noise = 0, permuted = true }: { readonly noise?: number; readonly permuted?: boolean } = {}
): Planted => {
  const {
    terms,
    left: [m1, n1],
    right: [m2, n2]
  } = shape
  const a = normal(seed, terms * m1 * n1)
  const b = normal(seed + 1000, terms * m2 * n2)
  const numbers = stream(key(seed + 2000))
  const outputs = n1 * n2
  const arrangement = permuted
    ? { rows: numbers.permutation(m1 * m2), columns: numbers.permutation(outputs) }
    : identityArrangement(shape)
  const w = new Float64Array(m1 * m2 * outputs)
  arrangement.rows.forEach((row, i) =>
    arrangement.columns.forEach((column, j) => {
      let sum = 0
      for (let r = 0; r < terms; r++)
        sum +=
          a[(r * m1 + Math.floor(i / m2)) * n1 + Math.floor(j / n2)] * b[(r * m2 + (i % m2)) * n2 + (j % n2)]
      w[row * outputs + column] = sum
    })
  )
  if (noise > 0) {
    const deviation = noise * Math.sqrt(w.reduce((sum, value) => sum + value * value, 0) / w.length)
    const errors = normal(seed + 3000, w.length)
    for (let e = 0; e < w.length; e++) w[e] += deviation * errors[e]
  }
  return { w, arrangement }
}
