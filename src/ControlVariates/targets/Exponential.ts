// ln 2 in two parts: the first has few significant bits, so that its product with an exponent is exact.
const ln2High = 0.6931471803691238
const ln2Low = 1.9082149292705877e-10
const shift = 6755399441055744
const powers = Float64Array.from({ length: 2101 }, (_, k) => 2 ** (k - 1075))

/** exp(x) for x from -740 to 700, within 2 units in the last place: arithmetic that engines pipeline, where Math.exp is a call. */
export const exponential = (x: number): number => {
  // Adding and subtracting 1.5 * 2^52 rounds to the nearest whole number.
  const k = x * Math.LOG2E + shift - shift
  const r = x - k * ln2High - k * ln2Low
  const r2 = r * r
  const low = 1 + r + r2 * (1 / 2 + r * (1 / 6)) + r2 * r2 * (1 / 24 + r * (1 / 120))
  const high =
    1 / 720 +
    r * (1 / 5040) +
    r2 *
      (1 / 40320 +
        r * (1 / 362880) +
        r2 * (1 / 3628800 + r * (1 / 39916800) + r2 * (1 / 479001600 + r * (1 / 6227020800))))
  return (low + r2 * r2 * r2 * high) * powers[k + 1075]
}
