/** The power of two next below the largest magnitude (1 for zeros): dividing by it rounds nothing. */
export const powerOfTwo = (values: Float64Array): number => {
  let largest = 0
  for (let e = 0; e < values.length; e++) {
    const magnitude = Math.abs(values[e])
    if (magnitude > largest) largest = magnitude
  }
  return largest === 0 ? 1 : 2 ** Math.max(-1022, Math.floor(Math.log2(largest)))
}

/** value 2^exponent, in two steps where one would leave the range on the way. */
export const timesPowerOfTwo = (value: number, exponent: number): number => {
  const half = Math.trunc(exponent / 2)
  return value * 2 ** half * 2 ** (exponent - half)
}

/** ||values|| for values of any scale. */
export const euclideanNorm = (values: Float64Array): number => {
  const power = powerOfTwo(values)
  let squares = 0
  for (let e = 0; e < values.length; e++) squares += (values[e] / power) ** 2
  return power * Math.sqrt(squares)
}
