import { Schema } from "effect"
import { xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus"
import type { JumpableRandomGenerator } from "pure-rand/types/JumpableRandomGenerator"
import { type Key, streamWords } from "./Key.ts"
import { logarithm } from "./Logarithm.ts"
import { density, edge, tailStart, width } from "./Ziggurat.ts"

const SignedWord = Schema.Int.check(Schema.isBetween({ minimum: -0x80000000, maximum: 0x7fffffff }))

/** Everything a stream needs to continue bit for bit; plain JSON. */
export const StreamState = Schema.Struct({
  generator: Schema.Literal("xoroshiro128plus"),
  words: Schema.Tuple([SignedWord, SignedWord, SignedWord, SignedWord])
})
export type StreamState = typeof StreamState.Type

const scale24 = 2 ** -24
const scale53 = 2 ** -53

/**
 * A mutable sequence of random numbers for plain inner loops (xoroshiro128+; normals by the ziggurat).
 *
 * Its numbers are functions of its key and of the calls before, and the same on every platform. Bad
 * arguments (an empty range, weights without a positive sum) throw a RangeError.
 */
export interface Stream {
  /** A float64 in [0, 1), a multiple of 2^-53. */
  uniform(): number
  /** An integer in [0, count), exactly uniform; `count` is an integer from 1 to 2^53. */
  integer(count: number): number
  /** A standard normal. */
  normal(): number
  /** True with the given probability. */
  bernoulli(probability: number): boolean
  /** A standard Gumbel, -ln(-ln u): its mean is Euler's constant, its variance pi^2 / 6. */
  gumbel(): number
  /** An index drawn in proportion to weights that are not negative and need not sum to one. */
  categorical(weights: ArrayLike<number>): number
  /** A uniform permutation of 0 .. count - 1. */
  permutation(count: number): Uint32Array
  /** Fills with uniforms in [0, 1): multiples of 2^-24 in float32, of 2^-53 in float64. */
  fillUniform(target: Float32Array | Float64Array): void
  /** Fills with normals of the given mean (default 0) and standard deviation (default 1). */
  fillNormal(target: Float32Array | Float64Array, mean?: number, deviation?: number): void
  /** The present state; `restore` continues from it. */
  state(): StreamState
}

class Xoroshiro implements Stream {
  readonly #generator: JumpableRandomGenerator

  constructor(generator: JumpableRandomGenerator) {
    this.#generator = generator
  }

  // The lowest bits of a xoroshiro128+ output are its weakest; here the last 5 and 6 are dropped.
  uniform(): number {
    const high = this.#generator.next() >>> 5
    const low = this.#generator.next() >>> 6
    return (high * 0x4000000 + low) * scale53
  }

  // Cuts the generator's range into `count` buckets of equal size and draws again beyond the last, so that
  // the result depends on the leading bits. The quotient's floor is exact for ranges up to 2^53.
  integer(count: number): number {
    if (!(Number.isInteger(count) && count >= 1 && count <= 2 ** 53)) {
      throw new RangeError(`integer(count) needs an integer from 1 to 2^53, got ${count}`)
    }
    if (count <= 2 ** 32) {
      const bucket = Math.floor(2 ** 32 / count)
      for (;;) {
        const result = Math.floor((this.#generator.next() >>> 0) / bucket)
        if (result < count) return result
      }
    }
    const bucket = Math.floor(2 ** 53 / count)
    for (;;) {
      const result = Math.floor((this.uniform() * 2 ** 53) / bucket)
      if (result < count) return result
    }
  }

  // One draw gives layer (8 bits), sign (1) and the upper 23 bits of the abscissa, a second its lower 30:
  // layer and abscissa are independent (Doornik, "An Improved Ziggurat Method", 2005).
  normal(): number {
    for (;;) {
      const bits = this.#generator.next()
      const low = this.#generator.next() >>> 2
      const layer = bits >>> 24
      const sign = (bits & 0x800000) === 0 ? 1 : -1
      const x = ((bits & 0x7fffff) * 0x40000000 + low) * scale53 * width[layer]
      if (x < edge[layer + 1]) return sign * x
      if (layer === 0) return sign * this.#tail()
      const height = density[layer] + this.uniform() * (density[layer + 1] - density[layer])
      if (logarithm(height) < -0.5 * x * x) return sign * x
    }
  }

  // A normal beyond tailStart (Marsaglia, "Generating a Variable from the Tail of the Normal Distribution", 1964).
  #tail(): number {
    for (;;) {
      const x = -logarithm(1 - this.uniform()) / tailStart
      const y = -logarithm(1 - this.uniform())
      if (2 * y > x * x) return tailStart + x
    }
  }

  bernoulli(probability: number): boolean {
    return this.uniform() < probability
  }

  gumbel(): number {
    // The half keeps the argument inside (0, 1), where both logarithms are finite.
    return -logarithm(-logarithm((Math.floor(this.uniform() * 2 ** 52) + 0.5) * 2 ** -52))
  }

  categorical(weights: ArrayLike<number>): number {
    let total = 0
    let last = -1
    for (let i = 0; i < weights.length; i++) {
      const weight = weights[i]
      if (!(weight >= 0 && weight < Infinity)) {
        throw new RangeError(`categorical: weight ${i} is ${weight}; weights must be finite and not negative`)
      }
      total += weight
      if (weight > 0) last = i
    }
    if (!(total > 0 && total < Infinity)) {
      throw new RangeError(
        `categorical: the ${weights.length} weights sum to ${total}; the sum must be positive`
      )
    }
    let rest = this.uniform() * total
    for (let i = 0; i < last; i++) {
      rest -= weights[i]
      if (rest < 0) return i
    }
    // Rounding may leave a little of the total over; it belongs to the last index that can occur.
    return last
  }

  // Fisher and Yates' shuffle, from the inside out.
  permutation(count: number): Uint32Array {
    const order = new Uint32Array(count)
    for (let i = 0; i < count; i++) {
      const j = this.integer(i + 1)
      order[i] = order[j]
      order[j] = i
    }
    return order
  }

  fillUniform(target: Float32Array | Float64Array): void {
    if (target instanceof Float32Array) {
      // A 53-bit uniform would round up to 1 in float32 once in 2^25 draws.
      for (let i = 0; i < target.length; i++) target[i] = (this.#generator.next() >>> 8) * scale24
    } else {
      for (let i = 0; i < target.length; i++) target[i] = this.uniform()
    }
  }

  fillNormal(target: Float32Array | Float64Array, mean = 0, deviation = 1): void {
    for (let i = 0; i < target.length; i++) target[i] = mean + deviation * this.normal()
  }

  state(): StreamState {
    const [a, b, c, d] = this.#generator.getState()
    return { generator: "xoroshiro128plus", words: [a, b, c, d] }
  }
}

/**
 * Opens the stream of a key at its beginning.
 *
 * @example
 * const numbers = stream(key(42))
 * const noise = new Float32Array(1024)
 * numbers.fillNormal(noise, 0, 0.02)
 */
export const stream = (key: Key): Stream =>
  new Xoroshiro(xoroshiro128plusFromState(streamWords(key).map((word) => word | 0)))

/** Opens a stream that continues, bit for bit, from where `state()` was called. */
export const restore = (state: StreamState): Stream => {
  if (state.words.every((word) => word === 0)) {
    throw new RangeError("restore: the state of xoroshiro128plus is never all zero")
  }
  return new Xoroshiro(xoroshiro128plusFromState(state.words))
}
