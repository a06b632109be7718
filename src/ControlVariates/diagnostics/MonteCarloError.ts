import { betaQuantile } from "../../Distributions/index.ts"
import { essDeviation, essMean, essQuantile } from "./EffectiveSampleSize.ts"
import { meanOf, varianceOf } from "./Moments.ts"

/** Monte Carlo standard error of the mean: sd / sqrt(essMean). series: [chains, draws] */
export const mcseMean = (series: Float64Array, chains: number): number =>
  Math.sqrt(varianceOf(series) / essMean(series, chains))

/** Monte Carlo standard error of the standard deviation, by the delta method (Kenney and Keeping 1951, as in ArviZ and posterior). */
export const mcseDeviation = (series: Float64Array, chains: number): number => {
  const mean = meanOf(series)
  const squares = series.map((value) => (value - mean) ** 2)
  const variance = meanOf(squares)
  const ofVariance =
    (meanOf(squares.map((value) => value * value)) - variance ** 2) / essDeviation(series, chains)
  return Math.sqrt(ofVariance / variance / 4)
}

/** Monte Carlo standard error of a quantile: half the interval that a beta distribution of the rank gives (Vehtari et al. 2021, section 4). */
export const mcseQuantile = (series: Float64Array, chains: number, probability: number): number => {
  const ess = essQuantile(series, chains, probability)
  const sorted = series.toSorted()
  const rank = (level: number): number =>
    betaQuantile(level, ess * probability + 1, ess * (1 - probability) + 1) * sorted.length - 1
  const low = Math.floor(Math.max(rank(0.1586553), 0))
  const high = Math.ceil(Math.min(rank(0.8413447), sorted.length - 1))
  return (sorted[high] - sorted[low]) / 2
}
