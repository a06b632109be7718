/** Autoregressive chains from the generator of Park and Miller, which other languages reproduce exactly: [chains, draws]. */
export const testSeries = (options: {
  readonly chains: number
  readonly draws: number
  readonly correlation: number
  /** Added once for the second chain, twice for the third, ... */
  readonly shift: number
  readonly seed: number
  /** 0, or values are rounded to multiples of 1 / grid: ties. */
  readonly grid: number
}): Float64Array => {
  const { chains, draws, correlation, shift, seed, grid } = options
  let state = seed
  const series = new Float64Array(chains * draws)
  for (let c = 0; c < chains; c++) {
    let value = 0
    for (let t = 0; t < draws; t++) {
      state = (state * 48271) % 2147483647
      value = correlation * value + (state / 2147483647 - 0.5)
      const shifted = value + shift * c
      series[c * draws + t] = grid === 0 ? shifted : Math.round(shifted * grid) / grid
    }
  }
  return series
}
