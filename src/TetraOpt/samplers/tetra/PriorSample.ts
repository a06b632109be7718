import type { Stream } from "../../../Random/index.ts"
import { absent, type Hyperparameters, type Locations } from "./Kernel.ts"

const features = 256

const mixed = (word: number): number => {
  let h = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

/**
 * A function drawn from the prior: a sum of random features cos(phase), to the phase of which each parameter adds its part. On a scale that is
 * a frequency times the place (Rahimi and Recht, 2007; for Matern's correlation of order 5/2 frequencies are Student's t of 5 degrees); for a
 * category half a turn or none, at random, unless the feature ignores the parameter, which it does with probability exp(-weight).
 */
export class PriorSample {
  /** [features] */
  readonly amplitudes: Float64Array
  readonly #phases: Float64Array
  readonly #isCategory: ReadonlyArray<boolean>
  /** By dimension: frequencies along the scale and off it [2, features], or seeds of half turns [features], 0: ignored. */
  readonly #parts: ReadonlyArray<Float64Array>
  readonly #scratch = new Float64Array(features)

  constructor(
    { isCategory }: Locations,
    { weights, amplitude }: Pick<Hyperparameters, "weights" | "amplitude">,
    random: Stream
  ) {
    this.#isCategory = isCategory
    const scale = Math.sqrt((2 * amplitude) / features)
    this.amplitudes = Float64Array.from({ length: features }, () => scale * random.normal())
    this.#phases = Float64Array.from({ length: features }, () => 2 * Math.PI * random.uniform())
    this.#parts = isCategory.map((is, k) => {
      if (is) {
        const ignored = Math.exp(-weights[k])
        return Float64Array.from({ length: features }, () =>
          random.uniform() < ignored ? 0 : 1 + random.integer(2 ** 31)
        )
      }
      const frequencies = new Float64Array(2 * features)
      for (let m = 0; m < features; m++) {
        let squares = 0
        for (let degree = 0; degree < 5; degree++) squares += random.normal() ** 2
        const factor = weights[k] / Math.sqrt(squares / 5)
        frequencies[m] = factor * random.normal()
        frequencies[features + m] = factor * random.normal()
      }
      return frequencies
    })
  }

  /** The phases at a location, [features]. */
  phases(location: ArrayLike<number>): Float64Array {
    const result = this.#phases.slice()
    for (let k = 0; k < this.#parts.length; k++) this.#addPart(result, k, location[k], 1)
    return result
  }

  /** Moves phases by what one coordinate's change adds. */
  move(phases: Float64Array, k: number, from: number, to: number): void {
    this.#addPart(phases, k, from, -1)
    this.#addPart(phases, k, to, 1)
  }

  value(phases: Float64Array): number {
    let sum = 0
    for (let m = 0; m < features; m++) sum += this.amplitudes[m] * Math.cos(phases[m])
    return sum
  }

  /** By feature, its value where phases are these. */
  terms(phases: Float64Array): Float64Array {
    return phases.map((phase, m) => this.amplitudes[m] * Math.cos(phase))
  }

  /** The value after one coordinate's change, given the terms and phases before it. */
  valueAfter(terms: Float64Array, phases: Float64Array, k: number, from: number, to: number): number {
    if (!this.#isCategory[k]) {
      this.#scratch.set(phases)
      this.move(this.#scratch, k, from, to)
      return this.value(this.#scratch)
    }
    const seeds = this.#parts[k]
    let sum = 0
    for (let m = 0; m < features; m++)
      sum += isTurned(seeds[m], from) === isTurned(seeds[m], to) ? terms[m] : -terms[m]
    return sum
  }

  #addPart(phases: Float64Array, k: number, location: number, sign: number): void {
    const part = this.#parts[k]
    if (this.#isCategory[k]) {
      for (let m = 0; m < features; m++) if (isTurned(part[m], location)) phases[m] += sign * Math.PI
    } else if (location === absent) {
      for (let m = 0; m < features; m++) phases[m] += sign * 0.5 * (part[m] + part[features + m])
    } else for (let m = 0; m < features; m++) phases[m] += sign * part[m] * location
  }
}

const isTurned = (seed: number, category: number): boolean =>
  seed !== 0 && (mixed(seed ^ Math.imul(category + 2, 0x9e3779b1)) & 0x8000) !== 0
