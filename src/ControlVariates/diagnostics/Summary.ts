import { essBulk, essTail } from "./EffectiveSampleSize.ts"
import { meanOf, varianceOf } from "./Moments.ts"
import { mcseDeviation, mcseMean } from "./MonteCarloError.ts"
import { rhat } from "./PotentialScaleReduction.ts"

/** What is said about one quantity: its estimates, their errors, and whether the chains agree. */
export interface Summary {
  readonly name: string
  readonly mean: number
  readonly deviation: number
  readonly mcseMean: number
  readonly mcseDeviation: number
  readonly essBulk: number
  readonly essTail: number
  /** NaN for a single chain. */
  readonly rhat: number
}

/** All of it for one series [chains, draws], at least 4 draws a chain. */
export const summarise = (name: string, series: Float64Array, chains: number): Summary => ({
  name,
  mean: meanOf(series),
  deviation: Math.sqrt(varianceOf(series)),
  mcseMean: mcseMean(series, chains),
  mcseDeviation: mcseDeviation(series, chains),
  essBulk: essBulk(series, chains),
  essTail: essTail(series, chains),
  rhat: rhat(series, chains)
})
