import { filterRows } from "./Filtering.ts"
import { reachOf, type Window } from "./Window.ts"

/**
 * V_n = sum_l w(l) gamma_l of a series [chains, draws], gamma_l the biased (1/n) autocovariances around the mean of all chains,
 * averaged over chains: an estimate of n times the variance of the mean of n draws (arXiv 1910.03643, equation 6).
 *
 * @example
 * spectralVariance(series, 4, bartlett(50))
 */
export const spectralVariance = (series: Float64Array, chains: number, window: Window): number => {
  const draws = series.length / chains
  let mean = 0
  for (const value of series) mean += value / series.length
  const reach = Math.max(...window.filters.map(reachOf))
  const length = draws + reach
  const padded = new Float64Array(reach + length)
  const spare = [new Float64Array(reach + length), new Float64Array(reach + length)] as const
  const filtered = new Float64Array(length)
  let total = 0
  for (let c = 0; c < chains; c++) {
    for (let t = 0; t < draws; t++) padded[reach + t] = series[c * draws + t] - mean
    for (const filter of window.filters) {
      filterRows(filter, padded, 1, padded.length, reach, length, filtered, spare)
      let sum = 0
      for (const value of filtered) sum += value * value
      total += filter.weight * sum
    }
  }
  return total / series.length
}
