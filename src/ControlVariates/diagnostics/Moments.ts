/** The mean of numbers, by two passes, so that its error stays at rounding for long series. */
export const meanOf = (values: Float64Array): number => {
  let sum = 0
  for (const value of values) sum += value
  const first = sum / values.length
  let rest = 0
  for (const value of values) rest += value - first
  return first + rest / values.length
}

/** The unbiased (n - 1) variance; NaN for fewer than 2 numbers. */
export const varianceOf = (values: Float64Array): number => {
  const mean = meanOf(values)
  let sum = 0
  for (const value of values) sum += (value - mean) ** 2
  return values.length < 2 ? NaN : sum / (values.length - 1)
}

/** The mean of each chain of a series [chains, draws]. */
export const chainMeans = (series: Float64Array, chains: number): Float64Array => {
  const draws = series.length / chains
  return Float64Array.from({ length: chains }, (_, c) => meanOf(series.subarray(c * draws, (c + 1) * draws)))
}
