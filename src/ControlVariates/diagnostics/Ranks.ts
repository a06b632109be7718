import { normalQuantile } from "../../Distributions/index.ts"

/** Ascending order of a series, as indices. */
export const sortOrder = (series: Float64Array): Uint32Array => {
  const order = Uint32Array.from(series, (_, i) => i)
  return order.toSorted((a, b) => series[a] - series[b])
}

/**
 * Normal scores of the ranks over all draws, z = Phi^-1((rank - 3/8) / (count + 1/4)), ties sharing the mean of their ranks
 * (Vehtari et al. 2021, equation 14).
 */
export const rankNormalised = (series: Float64Array): Float64Array => {
  const order = sortOrder(series)
  const scores = new Float64Array(series.length)
  for (let start = 0; start < order.length; ) {
    let end = start + 1
    while (end < order.length && series[order[end]] === series[order[start]]) end++
    const rank = (start + 1 + end) / 2
    const score = normalQuantile((rank - 0.375) / (series.length + 0.25))
    for (let i = start; i < end; i++) scores[order[i]] = score
    start = end
  }
  return scores
}

/** The quantile of a sample by linear interpolation (type 7 of Hyndman and Fan); `sorted` ascending. */
export const sampleQuantile = (sorted: Float64Array, probability: number): number => {
  const place = (sorted.length - 1) * probability
  const below = Math.floor(place)
  const above = Math.min(below + 1, sorted.length - 1)
  return sorted[below] + (place - below) * (sorted[above] - sorted[below])
}

/** Distances from the median: what turns a difference in spread into one in location. */
export const folded = (series: Float64Array): Float64Array => {
  const median = sampleQuantile(series.toSorted(), 0.5)
  return series.map((value) => Math.abs(value - median))
}

/** First and last halves of each chain as chains of their own, a middle draw left out: [chains, draws] -> [2 chains, floor(draws / 2)]. */
export const splitHalves = (series: Float64Array, chains: number): Float64Array => {
  const draws = series.length / chains
  const half = Math.floor(draws / 2)
  const result = new Float64Array(2 * chains * half)
  for (let c = 0; c < chains; c++) {
    result.set(series.subarray(c * draws, c * draws + half), 2 * c * half)
    result.set(series.subarray((c + 1) * draws - half, (c + 1) * draws), (2 * c + 1) * half)
  }
  return result
}

/**
 * The rank plot of Vehtari et al. (2021), section 4: how many of each chain's draws have ranks, among those of all chains, in each of `bins` equal
 * bins, divided by what chains that agree have on average. series: [chains, draws] -> [chains, bins]
 */
export const rankHistogram = (series: Float64Array, chains: number, bins: number): Float64Array => {
  const order = sortOrder(series)
  const draws = series.length / chains
  const shares = new Float64Array(chains * bins)
  order.forEach((index, rank) => {
    const bin = Math.floor((rank * bins) / series.length)
    shares[Math.floor(index / draws) * bins + bin] += bins / draws
  })
  return shares
}
