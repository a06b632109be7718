/** Fixed pseudo-random numbers in [low, high) (mulberry32), so that tests of Tensor do not rest on the Random room. */
export const randomNumbers = (count: number, seed: number, low = -1, high = 1): Float64Array => {
  let state = (seed * 0x9e3779b1) | 0
  return new Float64Array(count).map(() => {
    state = (state + 0x6d2b79f5) | 0
    let bits = Math.imul(state ^ (state >>> 15), state | 1)
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61)
    return low + ((high - low) * ((bits ^ (bits >>> 14)) >>> 0)) / 2 ** 32
  })
}
