/**
 * Which elements dropout keeps: a hash of the element's index and a 64-bit seed, the same in every backend.
 */

/** A 32-bit finaliser of low bias, found by the search of C. Wellons and T. Ettinger. */
const mix = (x: number): number => {
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad)
  x = Math.imul(x ^ (x >>> 15), 0xd35a2d97)
  return x ^ (x >>> 15)
}

/**
 * Whether dropout keeps element `index` (taken modulo 2^32): where the hash, uniform on [0, 2^32), is at least
 * rate * 2^32, so with probability 1 - rate. Only the lowest 32 bits of the seeds count.
 */
export const dropoutKeeps = (index: number, rate: number, seedLow: number, seedHigh: number): boolean => {
  const firstKey = mix(seedLow ^ mix(seedHigh + 0x9e3779b9))
  const secondKey = mix(firstKey + seedHigh)
  const hash = mix(mix(index ^ firstKey) + secondKey) >>> 0
  return hash >= rate * 4294967296
}
