import { checkedChains } from "../../src/ControlVariates/Chains.ts"
import type { ScoredChains } from "../../src/ControlVariates/Chains.ts"
import { fold, key, stream } from "../../src/Random/index.ts"

/** Autoregressive chains around N(mean, covariance) with a drift that no burn-in removed, and the exact scores; precision: the inverse of the covariance, row-major. */
export const gaussianChains = (options: {
  readonly mean: ReadonlyArray<number>
  readonly precision: ReadonlyArray<number>
  readonly chains: number
  readonly draws: number
  readonly correlation?: number
  readonly drift?: number
  readonly seed?: string
}): ScoredChains => {
  const { mean, precision, chains, draws, correlation = 0.7, drift = 0 } = options
  const d = mean.length
  const random = stream(fold(key("gaussianChains"), options.seed ?? ""))
  const values = new Float64Array(chains * draws * d)
  const scores = new Float64Array(chains * draws * d)
  for (let c = 0; c < chains; c++) {
    const state = new Float64Array(d)
    for (let t = 0; t < draws; t++) {
      const at = (c * draws + t) * d
      for (let i = 0; i < d; i++) {
        state[i] = correlation * state[i] + Math.sqrt(1 - correlation ** 2) * random.normal()
        values[at + i] = mean[i] + state[i] + drift * Math.exp(-t / draws)
      }
      for (let i = 0; i < d; i++)
        for (let j = 0; j < d; j++) scores[at + i] -= precision[i * d + j] * (values[at + j] - mean[j])
    }
  }
  return checkedChains({ chains, draws, dimensions: d, values, scores }) as ScoredChains
}
