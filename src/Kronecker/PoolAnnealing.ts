import type { Placement } from "./Placement.ts"

/** What became of the proposals of one pass over a pool. */
export interface PoolOutcome {
  readonly proposals: number
  readonly accepted: number
  /** By how much tr(P G) rose. */
  readonly gain: number
}

export interface PoolLimits {
  readonly proposals: number
  readonly accepted: number
}

/** With so many slots a group, moves of several slots at once pay. */
const bundleSlots = 4
/** How often such a move is proposed: every fourth time. */
const bundlePeriod = 4
/** exp(-this) counts as never. */
const hopeless = 20
/** A gain below this part of the mean own coupling is rounding, for couplings are float32. */
const rounding = 1e-6

/**
 * Metropolis moves in one pool, on tr(P G) for the P of its couplings: two items change places or, every fourth time where a
 * group has four slots or more, two groups exchange what they hold in several slots, which mends groups whose halves are right
 * but belong elsewhere. At temperature 0 only gains are accepted. Accepted moves are the dear ones (O(slots items)), so
 * `limits.accepted` ends a pass in which nearly all are.
 */
export const annealPool = (
  placement: Placement,
  limits: PoolLimits,
  temperature: number,
  seed: number
): PoolOutcome => {
  const { slots, items, own } = placement.couplings
  const groups = items / slots
  const tolerance = rounding * meanOf(own)
  const worst = temperature > 0 ? -hopeless * temperature : tolerance
  const withBundles = slots >= bundleSlots
  const bundle = Uint32Array.from({ length: slots }, (_, slot) => slot)
  const draws = new Draws(seed)
  let proposals = 0
  let accepted = 0
  let total = 0
  for (; proposals < limits.proposals && accepted < limits.accepted; proposals++) {
    const asBundle = withBundles && proposals % bundlePeriod === 0
    const i = asBundle ? draws.pair(groups) * slots : draws.pair(items)
    const j = asBundle ? draws.second * slots : draws.second
    if (i === j) continue
    const count = asBundle ? draws.subset(bundle) : 0
    const gain = asBundle ? placement.exchangeGain(i, j, bundle, count) : placement.swapGain(i, j)
    if (gain <= tolerance && (gain <= worst || draws.uniform() >= Math.exp(gain / temperature))) continue
    if (asBundle) placement.exchange(i, j, bundle, count)
    else placement.swap(i, j)
    accepted++
    total += gain
  }
  return { proposals, accepted, gain: total }
}

const meanOf = (values: Float32Array): number => {
  let sum = 0
  for (const value of values) sum += value
  return sum / values.length
}

/** Marsaglia's 32-bit xorshift ("Xorshift RNGs", 2003): a draw has to cost no more than the look-ups of a proposal. */
class Draws {
  second = 0
  #word: number

  constructor(seed: number) {
    this.#word = seed === 0 ? 1 : seed | 0
  }

  #next(): number {
    let word = this.#word
    word ^= word << 13
    word ^= word >>> 17
    word ^= word << 5
    this.#word = word
    return word
  }

  /** An integer in [0, count) and, in `second`, another; count at most 2^16. */
  pair(count: number): number {
    const bits = this.#next()
    this.second = Math.imul(bits & 0xffff, count) >>> 16
    return Math.imul(bits >>> 16, count) >>> 16
  }

  uniform(): number {
    return (this.#next() >>> 0) * 2 ** -32
  }

  /** Puts a random two to half of the elements in front, and returns how many. */
  subset(elements: Uint32Array): number {
    const length = elements.length
    const count = 2 + Math.floor(this.uniform() * (Math.floor(length / 2) - 1))
    for (let e = 0; e < count; e++) {
      const other = e + Math.floor(this.uniform() * (length - e))
      const element = elements[other]
      elements[other] = elements[e]
      elements[e] = element
    }
    return count
  }
}
