import { checkCount } from "../Errors.ts"
import type { ScoredChains } from "../Chains.ts"
import type { StandardCoordinates } from "./Coordinates.ts"
import type { FeatureFamily, Features } from "./Features.ts"
import { monomials } from "./Monomials.ts"

// L psi_k = sum_i e_i (e_i - 1) m(k - 2 i) + e_i s_i m(k - i): products with the monomials m of lower degree.
interface Term {
  readonly factor: number
  /** Row of a monomial of lower degree; 0 is the constant. */
  readonly monomial: number
  /** The score to multiply with, or -1 for none. */
  readonly score: number
}

interface Recipe {
  /** Monomial r is monomial `from[r]` times x_{variable[r]}, r >= 1. */
  readonly from: ReadonlyArray<number>
  readonly variable: ReadonlyArray<number>
  readonly terms: ReadonlyArray<ReadonlyArray<Term>>
}

const recipeOf = (exponents: ReadonlyArray<Uint8Array>, dimensions: number): Recipe => {
  const rows = new Map<string, number>([[new Uint8Array(dimensions).join(), 0]])
  exponents.forEach((e, k) => rows.set(e.join(), k + 1))
  const lowered = (e: Uint8Array, i: number, by: number): number =>
    rows.get(e.with(i, e[i] - by).join()) as number
  const from = [0]
  const variable = [0]
  const terms = exponents.map((e) => {
    const last = e.findLastIndex((power) => power > 0)
    from.push(lowered(e, last, 1))
    variable.push(last)
    const list: Array<Term> = []
    e.forEach((power, i) => {
      if (power >= 2) list.push({ factor: power * (power - 1), monomial: lowered(e, i, 2), score: -1 })
      if (power >= 1) list.push({ factor: power, monomial: lowered(e, i, 1), score: i })
    })
    return list
  })
  return { from, variable, terms }
}

/**
 * Stein features of all polynomials of total degree 1 to `degree`: Z_k = Laplacian(psi_k) + <s, grad psi_k>, psi_k the monomials
 * in the order of `monomials`. Degree 1: s_i; degree 2 adds 2 (1 + x_i s_i), then x_j s_i + x_i s_j for i < j
 * (arXiv 1910.03643, section 2; Mira, Solgi and Imparato 2013). Nothing but one block is held in memory.
 *
 * Throws a `ControlVariateOptionError` for a degree below 1 or with too many features.
 */
export const polynomialFeatures = (
  chains: ScoredChains,
  degree: number,
  coordinates: StandardCoordinates
): Features => {
  checkCount("degree", degree, 1, 255)
  const { dimensions } = chains
  const exponents = monomials(dimensions, degree)
  const totals = exponents.map((e) => e.reduce((sum, power) => sum + power, 0))
  const { from, variable, terms } = recipeOf(exponents, dimensions)
  // Products need the monomials below the highest degree alone.
  const rows = 1 + totals.filter((total) => total < degree).length
  let room = 0
  let x = new Float64Array(0)
  let s = new Float64Array(0)
  let products = new Float64Array(0)
  const reserve = (length: number): void => {
    if (length <= room) return
    room = length
    x = new Float64Array(dimensions * room)
    s = new Float64Array(dimensions * room)
    products = new Float64Array(rows * room).fill(1, 0, room)
  }
  const addTerms = (
    one: Term,
    two: Term | undefined,
    isFirst: boolean,
    target: Float64Array,
    to: number,
    length: number
  ): void => {
    const [a, b, f] = [one.monomial * room, one.score * room, one.factor]
    if (!isFirst) {
      if (b < 0) for (let t = 0; t < length; t++) target[to + t] += f * products[a + t]
      else for (let t = 0; t < length; t++) target[to + t] += f * products[a + t] * s[b + t]
      if (two !== undefined) addTerms(two, undefined, false, target, to, length)
      return
    }
    if (two === undefined || two.score < 0) {
      if (b < 0) for (let t = 0; t < length; t++) target[to + t] = f * products[a + t]
      else for (let t = 0; t < length; t++) target[to + t] = f * products[a + t] * s[b + t]
      if (two !== undefined) addTerms(two, undefined, false, target, to, length)
      return
    }
    const [c, d, g] = [two.monomial * room, two.score * room, two.factor]
    if (b < 0)
      for (let t = 0; t < length; t++) target[to + t] = f * products[a + t] + g * products[c + t] * s[d + t]
    else
      for (let t = 0; t < length; t++)
        target[to + t] = f * products[a + t] * s[b + t] + g * products[c + t] * s[d + t]
  }
  const write = (first: number, length: number, target: Float64Array, stride: number): void => {
    reserve(length)
    coordinates.write(chains, first, length, x, s, room)
    for (let r = 1; r < rows; r++) {
      const [a, b, c] = [from[r] * room, variable[r] * room, r * room]
      for (let t = 0; t < length; t++) products[c + t] = products[a + t] * x[b + t]
    }
    for (let k = 0; k < terms.length; k++) {
      const list = terms[k]
      const to = k * stride
      // Two terms a pass: reading and writing the sum costs as much as a term.
      for (let index = 0; index < list.length; index += 2)
        addTerms(list[index], list[index + 1], index === 0, target, to, length)
    }
  }
  return {
    count: exponents.length,
    levels: Array.from({ length: degree }, (_, d) => ({
      degree: d + 1,
      count: totals.filter((total) => total <= d + 1).length,
      isExtended: false
    })),
    write
  }
}

/** Polynomials of total degree 1 to `degree` alone. */
export const polynomialFamily = (degree: number, coordinates: StandardCoordinates): FeatureFamily => ({
  name: "polynomial",
  featuresOf: (chains) => polynomialFeatures(chains, degree, coordinates)
})
