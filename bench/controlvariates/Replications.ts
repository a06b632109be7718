import { spectralVariance, type Window } from "../../src/ControlVariates/index.ts"
import { type Key, stream } from "../../src/Random/index.ts"
import type { Ratios } from "./PaperExperiments.ts"

/** A test chain's spectral variance and mean. */
export interface ChainNumbers {
  readonly spectral: number
  readonly mean: number
}

/** series: [chains, draws] */
export const chainNumbers = (
  series: Float64Array,
  chains: number,
  window: Window
): ReadonlyArray<ChainNumbers> => {
  const draws = series.length / chains
  return Array.from({ length: chains }, (_, c) => {
    const row = series.subarray(c * draws, (c + 1) * draws)
    return { spectral: spectralVariance(row, 1, window), mean: row.reduce((a, b) => a + b, 0) / draws }
  })
}

const variance = (values: ReadonlyArray<number>): number => {
  const mean = values.reduce((a, b) => a + b, 0) / values.length
  return values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1)
}

/** What an experiment on these chains prints: the mean of the chains' ratios of spectral variances, and the ratio of the variances of their means. */
export const ratiosOf = (before: ReadonlyArray<ChainNumbers>, after: ReadonlyArray<ChainNumbers>): Ratios => [
  before.reduce((sum, { spectral }, c) => sum + spectral / after[c].spectral, 0) / before.length,
  variance(before.map(({ mean }) => mean)) / variance(after.map(({ mean }) => mean))
]

export const quantile = (values: ReadonlyArray<number>, probability: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const at = probability * (sorted.length - 1)
  const low = Math.floor(at)
  return sorted[low] + (at - low) * (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low])
}

const resamples = 4000

/**
 * Many experiments as one would print them: a training chain and `testChains` test chains at random, each from all that there are. after: [training chains][test chains]
 */
export const replicate = (
  before: ReadonlyArray<ChainNumbers>,
  after: ReadonlyArray<ReadonlyArray<ChainNumbers>>,
  testChains: number,
  at: Key
): ReadonlyArray<Ratios> => {
  const random = stream(at)
  return Array.from({ length: resamples }, () => {
    const trained = after[random.integer(after.length)]
    const chosen = Array.from({ length: testChains }, () => random.integer(before.length))
    return ratiosOf(
      chosen.map((c) => before[c]),
      chosen.map((c) => trained[c])
    )
  })
}
