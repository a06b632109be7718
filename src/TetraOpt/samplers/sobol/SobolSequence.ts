import { directionNumbers } from "./DirectionNumbers.ts"

const bits = 32

/** How many dimensions the sequence has. */
export const sobolDimensions = directionNumbers.length + 1

/** The direction numbers of a dimension as fractions of 2^32, [32]. */
const directions = (dimension: number): Uint32Array => {
  const v = new Uint32Array(bits)
  if (dimension === 0) {
    for (let i = 0; i < bits; i++) v[i] = 2 ** (bits - 1 - i)
    return v
  }
  const [polynomial, ...m] = directionNumbers[dimension - 1]
  const degree = m.length
  for (let i = 0; i < bits; i++) {
    if (i < degree) {
      v[i] = m[i] * 2 ** (bits - 1 - i)
      continue
    }
    let next = v[i - degree] ^ (v[i - degree] >>> degree)
    for (let k = 1; k < degree; k++) if ((polynomial >>> (degree - 1 - k)) & 1) next ^= v[i - k]
    v[i] = next
  }
  return v
}

/** Sobol's sequence of points in [0, 1)^d (I. M. Sobol, 1967; in Gray code's order: Antonov and Saleev, 1979), d at most `sobolDimensions`. */
export class SobolSequence {
  readonly #directions: ReadonlyArray<Uint32Array>
  readonly #shifts: ArrayLike<number>

  /** shifts: 32 bits a dimension that all its digits are added to, modulo 2; zeros leave the sequence as it is. */
  constructor(shifts: ArrayLike<number>) {
    this.#directions = Array.from(shifts, (_, dimension) => directions(dimension))
    this.#shifts = shifts
  }

  /** Point number `index`, from 0. */
  point(index: number): Float64Array {
    const gray = (index ^ (index >>> 1)) >>> 0
    return Float64Array.from(this.#directions, (v, dimension) => {
      let word = this.#shifts[dimension]
      for (let i = 0, rest = gray; rest > 0; i++, rest >>>= 1) if (rest & 1) word ^= v[i]
      return (word >>> 0) / 2 ** bits
    })
  }
}
