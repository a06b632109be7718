import { essMean } from "../diagnostics/EffectiveSampleSize.ts"
import { chainMeans, meanOf, varianceOf } from "../diagnostics/Moments.ts"

/** A posterior mean without and with its control variate. */
export interface Estimate {
  readonly name: string
  readonly mean: number
  /** Monte Carlo standard error of `mean`. */
  readonly mcse: number
  readonly effectiveSampleSize: number
  readonly meanCv: number
  readonly mcseCv: number
  /** Of h; draws of h are worth this many independent ones of h. */
  readonly effectiveSampleSizeCv: number
  /** Ratio of the asymptotic variances of the two means, mcse^2 / mcseCv^2: so many times fewer draws would have done. */
  readonly varianceReduction: number
  /** Ratio of the variances of the chains' means; NaN for a single chain, rough for a few. */
  readonly varianceReductionAcrossChains: number
}

const ratio = (before: number, after: number): number => (before === after ? 1 : before / after)

/** f and h = f + Z a: [chains, draws] */
export const estimate = (name: string, f: Float64Array, h: Float64Array, chains: number): Estimate => {
  const effectiveSampleSize = essMean(f, chains)
  const effectiveSampleSizeCv = essMean(h, chains)
  const squaredError = varianceOf(f) / effectiveSampleSize
  const squaredErrorCv = varianceOf(h) / effectiveSampleSizeCv
  return {
    name,
    mean: meanOf(f),
    mcse: Math.sqrt(squaredError),
    effectiveSampleSize,
    meanCv: meanOf(h),
    mcseCv: Math.sqrt(squaredErrorCv),
    effectiveSampleSizeCv,
    varianceReduction: ratio(squaredError, squaredErrorCv),
    varianceReductionAcrossChains:
      chains < 2 ? NaN : ratio(varianceOf(chainMeans(f, chains)), varianceOf(chainMeans(h, chains)))
  }
}
