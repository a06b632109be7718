const view = new DataView(new ArrayBuffer(8))

// ln 2 in two parts: the first has 21 significant bits, so that its product with an exponent is exact.
const ln2High = 0.693147182464599609375
const ln2Low = -1.904654299957768e-9

/**
 * The natural logarithm of a positive normal float64, within 2 units in the last place.
 *
 * ECMAScript leaves `Math.log` to the engine; this one uses only operations that IEEE 754 rounds exactly, so
 * random numbers that depend on it are the same on every platform.
 */
export const logarithm = (x: number): number => {
  view.setFloat64(0, x)
  const high = view.getInt32(0)
  let exponent = (high >>> 20) - 1023
  // The mantissa in [1, 2), halved if above sqrt(2), so that |s| <= 0.1716 below.
  view.setInt32(0, (high & 0xfffff) | 0x3ff00000)
  let mantissa = view.getFloat64(0)
  if (mantissa > Math.SQRT2) {
    mantissa *= 0.5
    exponent++
  }
  // ln m = 2 atanh(s) with s = (m - 1) / (m + 1); the first term left out is below 1e-17 of the sum.
  const s = (mantissa - 1) / (mantissa + 1)
  const z = s * s
  let series = 1 / 19 + z * (1 / 21)
  series = 1 / 17 + z * series
  series = 1 / 15 + z * series
  series = 1 / 13 + z * series
  series = 1 / 11 + z * series
  series = 1 / 9 + z * series
  series = 1 / 7 + z * series
  series = 1 / 5 + z * series
  series = 1 / 3 + z * series
  return exponent * ln2High + (2 * s + (2 * s * z * series + exponent * ln2Low))
}
