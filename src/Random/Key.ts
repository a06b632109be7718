import { Schema } from "effect"

const Word = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0xffffffff }))

/**
 * An immutable 128-bit random key, four unsigned 32-bit words; it is plain JSON.
 *
 * A key is a name for a stream of random numbers: the same key always gives the same numbers.
 */
export const Key = Schema.Tuple([Word, Word, Word, Word])
export type Key = typeof Key.Type

// The first word of every hashed block says how the key was derived, so that, for example,
// the third child of a split never equals the key folded with the number 3.
const domains = { number: 1, string: 2, split: 3, stream: 4 } as const

const origin: Key = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344]

const rotate = (word: number, bits: number): number => (word << bits) | (word >>> (32 - bits))

// The 32-bit finaliser of MurmurHash3: a bijection in which every input bit moves every output bit.
const finalise = (word: number): number => {
  let h = word
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

// MurmurHash3 x86_128 (A. Appleby, 2011) over whole words, the seed widened to 128 bits.
// For one block (up to four words) it is a bijection of the block for a fixed seed and of the seed for
// a fixed block: distinct numbers, indices and parents cannot collide.
// words: any length, padded with zeros to a multiple of 4
const hash = (seed: Key, words: ReadonlyArray<number>): Key => {
  let [h1, h2, h3, h4] = seed
  for (let i = 0; i < words.length; i += 4) {
    const k1 = words[i]
    const k2 = words[i + 1] ?? 0
    const k3 = words[i + 2] ?? 0
    const k4 = words[i + 3] ?? 0
    h1 ^= Math.imul(rotate(Math.imul(k1, 0x239b961b), 15), 0xab0e9789)
    h1 = (Math.imul(rotate(h1, 19) + h2, 5) + 0x561ccd1b) | 0
    h2 ^= Math.imul(rotate(Math.imul(k2, 0xab0e9789), 16), 0x38b34ae5)
    h2 = (Math.imul(rotate(h2, 17) + h3, 5) + 0x0bcaa747) | 0
    h3 ^= Math.imul(rotate(Math.imul(k3, 0x38b34ae5), 17), 0xa1e38b93)
    h3 = (Math.imul(rotate(h3, 15) + h4, 5) + 0x96cd1c35) | 0
    h4 ^= Math.imul(rotate(Math.imul(k4, 0xa1e38b93), 18), 0x239b961b)
    h4 = (Math.imul(rotate(h4, 13) + h1, 5) + 0x32ac3b17) | 0
  }
  h1 = (h1 + h2 + h3 + h4) | 0
  h2 = (h2 + h1) | 0
  h3 = (h3 + h1) | 0
  h4 = (h4 + h1) | 0
  h1 = finalise(h1)
  h2 = finalise(h2)
  h3 = finalise(h3)
  h4 = finalise(h4)
  h1 = (h1 + h2 + h3 + h4) | 0
  h2 = (h2 + h1) | 0
  h3 = (h3 + h1) | 0
  h4 = (h4 + h1) | 0
  return [h1 >>> 0, h2 >>> 0, h3 >>> 0, h4 >>> 0]
}

// The label as hash input; numbers by all 64 bits of their float64, strings by their UTF-16 units.
const wordsOf = (label: number | string): ReadonlyArray<number> => {
  if (typeof label === "number") {
    if (!Number.isFinite(label)) throw new RangeError(`a seed or label must be finite, got ${label}`)
    const view = new DataView(new ArrayBuffer(8))
    // Adding 0 turns -0 into 0: the two compare equal, so they must name the same key.
    view.setFloat64(0, label + 0)
    return [domains.number, view.getUint32(0), view.getUint32(4)]
  }
  const words: Array<number> = [domains.string, label.length]
  for (let i = 0; i < label.length; i += 2) {
    const second = i + 1 < label.length ? label.charCodeAt(i + 1) : 0
    words.push((label.charCodeAt(i) << 16) | second)
  }
  return words
}

/**
 * The key of a seed: any finite number, or any string; distinct numbers give distinct keys.
 *
 * Throws a RangeError for NaN and infinities.
 *
 * @example
 * const root = key(42)
 */
export const key = (seed: number | string): Key => hash(origin, wordsOf(seed))

/**
 * Derives a key by name, so that adding or removing one consumer leaves the others' numbers as they were.
 *
 * @example
 * const dropout = fold(fold(root, "dropout"), step)
 */
export const fold = (parent: Key, label: number | string): Key => hash(parent, wordsOf(label))

/**
 * Derives `count` keys that are independent of each other and of what `fold` derives; a longer split begins
 * with the shorter one's keys.
 *
 * @example
 * const [weights, batches] = split(root, 2)
 */
export const split = (parent: Key, count: number): Array<Key> =>
  Array.from({ length: count }, (_, index) => hash(parent, [domains.split, index]))

/** The generator state that a key's stream starts from: four words, never all zero. */
export const streamWords = (parent: Key): Key => {
  const words = hash(parent, [domains.stream])
  // All zero is the one fixed point of xoroshiro128+; exactly one of the 2^128 keys leads to it.
  return words.every((word) => word === 0) ? origin : words
}
