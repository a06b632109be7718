import { autocovarianceAt } from "../spectral/Autocovariance.ts"
import { chainMeans, meanOf, varianceOf } from "./Moments.ts"
import { rankNormalised, sampleQuantile, splitHalves } from "./Ranks.ts"

/**
 * Effective sample size of the mean of chains as they are: Geyer's initial monotone sequence of the combined autocorrelations, at
 * most n log10(n) (Vehtari et al. 2021, equations 10 to 13). series: [chains, draws]
 */
export const effectiveSampleSize = (series: Float64Array, chains: number): number => {
  const draws = series.length / chains
  let [least, most] = [Infinity, -Infinity]
  for (const value of series) {
    least = Math.min(least, value)
    most = Math.max(most, value)
  }
  if (!(most - least > 1e-15 * Math.max(Math.abs(least), Math.abs(most)))) return series.length
  const gamma = autocovarianceAt(series, chains)
  const variance = gamma(0)
  const within = (variance * draws) / (draws - 1)
  const total = variance + (chains > 1 ? varianceOf(chainMeans(series, chains)) : 0)
  const rho = (lag: number): number => 1 - (within - gamma(lag)) / total
  const kept = new Float64Array(draws)
  let [even, odd] = [1, rho(1)]
  kept[0] = even
  kept[1] = odd
  let lag = 1
  for (; lag < draws - 3 && even + odd > 0; lag += 2) {
    even = rho(lag + 1)
    odd = rho(lag + 2)
    if (even + odd >= 0) {
      kept[lag + 1] = even
      kept[lag + 2] = odd
    }
  }
  const last = lag - 2
  if (even > 0) kept[last + 1] = even
  for (let t = 1; t <= last - 2; t += 2)
    if (kept[t + 1] + kept[t + 2] > kept[t - 1] + kept[t]) {
      kept[t + 1] = (kept[t - 1] + kept[t]) / 2
      kept[t + 2] = kept[t + 1]
    }
  let tau = -1
  for (let t = 0; t <= last; t++) tau += 2 * kept[t]
  tau += kept[last + 1]
  return series.length / Math.max(tau, 1 / Math.log10(series.length))
}

/** Effective sample size for the mean, over split chains. */
export const essMean = (series: Float64Array, chains: number): number =>
  effectiveSampleSize(splitHalves(series, chains), 2 * chains)

/** Effective sample size of the rank-normalised split chains: how well the bulk is known (Vehtari et al. 2021, section 4). */
export const essBulk = (series: Float64Array, chains: number): number =>
  effectiveSampleSize(rankNormalised(splitHalves(series, chains)), 2 * chains)

/** Effective sample size for the standard deviation. */
export const essDeviation = (series: Float64Array, chains: number): number => {
  const mean = meanOf(series)
  return essMean(
    series.map((value) => (value - mean) ** 2),
    chains
  )
}

/** Effective sample size for a quantile: of the indicator of not exceeding it. */
export const essQuantile = (series: Float64Array, chains: number, probability: number): number => {
  const quantile = sampleQuantile(series.toSorted(), probability)
  return essMean(
    series.map((value) => (value <= quantile ? 1 : 0)),
    chains
  )
}

/** The smaller of the effective sample sizes of the 5 % and the 95 % quantile. */
export const essTail = (series: Float64Array, chains: number): number =>
  Math.min(essQuantile(series, chains, 0.05), essQuantile(series, chains, 0.95))
