import { essMean } from "../diagnostics/EffectiveSampleSize.ts"
import { chainMeans, meanOf, varianceOf } from "../diagnostics/Moments.ts"

/** A posterior mean without and with its control variate. */
export interface Estimate {
  readonly name: string
  readonly mean: number
  /** Monte Carlo standard error of `mean`; neither this nor `mcseCv` is below what rounding leaves uncertain. */
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

/** Half a unit in the last place of numbers of this size, squared: float64 holds no mean of them better. */
const squaredRounding = (f: Float64Array): number => {
  const most = f.reduce((size, x) => Math.max(size, Math.abs(x)), 0)
  return most === 0 ? 0 : (2 ** -53 * most) ** 2 * meanOf(f.map((x) => (x / most) ** 2))
}

/** f and h = f + Z a: [chains, draws] */
export const estimate = (name: string, f: Float64Array, h: Float64Array, chains: number): Estimate => {
  const effectiveSampleSize = essMean(f, chains)
  const effectiveSampleSizeCv = essMean(h, chains)
  const variance = varianceOf(f)
  // A functional that never moves has no error at all; else none is below rounding.
  const least = variance === 0 ? 0 : squaredRounding(f)
  const squaredError = Math.max(least, variance / effectiveSampleSize)
  const squaredErrorCv = Math.max(least, varianceOf(h) / effectiveSampleSizeCv)
  const acrossChains = (series: Float64Array): number =>
    Math.max(least, varianceOf(chainMeans(series, chains)))
  return {
    name,
    mean: meanOf(f),
    mcse: Math.sqrt(squaredError),
    effectiveSampleSize,
    meanCv: meanOf(h),
    mcseCv: Math.sqrt(squaredErrorCv),
    effectiveSampleSizeCv,
    varianceReduction: ratio(squaredError, squaredErrorCv),
    varianceReductionAcrossChains: chains < 2 ? NaN : ratio(acrossChains(f), acrossChains(h))
  }
}
