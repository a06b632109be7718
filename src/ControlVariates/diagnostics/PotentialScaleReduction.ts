import { chainMeans, meanOf, varianceOf } from "./Moments.ts"
import { folded, rankNormalised, splitHalves } from "./Ranks.ts"

const rhatOf = (series: Float64Array, chains: number): number => {
  const draws = series.length / chains
  const between = draws * varianceOf(chainMeans(series, chains))
  const within = meanOf(
    Float64Array.from({ length: chains }, (_, c) => varianceOf(series.subarray(c * draws, (c + 1) * draws)))
  )
  return Math.sqrt((between / within + draws - 1) / draws)
}

/**
 * Rank-normalised split R-hat, the larger of bulk and folded (Vehtari et al. 2021, section 4); above 1.01 the chains disagree. NaN for a single chain and
 * where no draw differs. series: [chains, draws]
 */
export const rhat = (series: Float64Array, chains: number): number => {
  if (chains < 2) return NaN
  const split = splitHalves(series, chains)
  return Math.max(
    rhatOf(rankNormalised(split), 2 * chains),
    rhatOf(rankNormalised(folded(split)), 2 * chains)
  )
}
