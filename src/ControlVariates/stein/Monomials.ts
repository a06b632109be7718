import { ControlVariateOptionError } from "../Errors.ts"

/** The most features that are made: their Gram matrix then takes 128 MiB. */
export const mostFeatures = 4096

/** The number of monomials of `dimensions` variables of total degree 1 to `degree`: (dimensions + degree choose degree) - 1. */
export const monomialCount = (dimensions: number, degree: number): number => {
  let count = 1
  for (let k = 1; k <= degree; k++) count = (count * (dimensions + k)) / k
  return Math.round(count) - 1
}

const variables = (exponents: Uint8Array): number => exponents.filter((power) => power > 0).length

const totalOf = (exponents: Uint8Array): number => exponents.reduce((sum, power) => sum + power, 0)

/**
 * The exponents of all monomials of total degree 1 to `degree`, one array [dimensions] each, by degree; within a degree those of
 * fewer variables come first, so that degree 2 reads x_i^2, then x_i x_j (i < j). The features of a lower degree are a prefix.
 *
 * Throws a `ControlVariateOptionError` where they are more than `mostFeatures`.
 */
export const monomials = (dimensions: number, degree: number): ReadonlyArray<Uint8Array> => {
  const count = monomialCount(dimensions, degree)
  if (count > mostFeatures)
    throw new ControlVariateOptionError({
      option: "degree",
      value: degree,
      expected: `lower: in ${dimensions} dimensions it needs ${count} features, and at most ${mostFeatures} are made`
    })
  const all: Array<Uint8Array> = []
  const of = (exponents: Uint8Array, first: number, left: number): void => {
    if (first === dimensions - 1) {
      all.push(exponents.with(first, left))
      return
    }
    for (let power = left; power >= 0; power--) of(exponents.with(first, power), first + 1, left - power)
  }
  for (let total = 1; total <= degree; total++) of(new Uint8Array(dimensions), 0, total)
  // The sort is stable: equals stay in lexicographic order.
  return all.toSorted((a, b) => totalOf(a) - totalOf(b) || variables(a) - variables(b))
}
