import { varianceOf } from "./Moments.ts"

/**
 * E-BFMI of each chain: mean squared change of the Hamiltonian's energy over its variance; below 0.3 momentum resampling explores the energies badly
 * (Betancourt 2016, arXiv 1604.00695, equation 8). energy: [chains, draws] -> [chains]
 */
export const ebfmi = (energy: Float64Array, chains: number): Float64Array => {
  const draws = energy.length / chains
  return Float64Array.from({ length: chains }, (_, c) => {
    const series = energy.subarray(c * draws, (c + 1) * draws)
    let sum = 0
    for (let t = 1; t < draws; t++) sum += (series[t] - series[t - 1]) ** 2
    return sum / (draws - 1) / varianceOf(series)
  })
}
