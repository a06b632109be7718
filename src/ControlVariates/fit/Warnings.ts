import type { ScoredChains } from "../Chains.ts"
import { meanOf } from "../diagnostics/Moments.ts"
import { rhat } from "../diagnostics/PotentialScaleReduction.ts"
import { spectralVariance } from "../spectral/SpectralVariance.ts"
import { bartlett } from "../spectral/Window.ts"
import type { FittedFunctional } from "./ControlVariate.ts"
import type { Estimate } from "./Estimate.ts"

export type WarningKind =
  | "shortChain"
  | "chainsDisagree"
  | "equalChains"
  | "divergences"
  | "scoresDisagree"
  | "constantFunctional"
  | "constantDimension"
  | "overfitted"
  | "collinearFeatures"
  | "narrowWindow"
  | "noGain"

/** Something that makes numbers worth less than they look; `message` says what they are worth. */
export interface Warning {
  readonly kind: WarningKind
  /** The functional or dimension that it is about, or undefined for all. */
  readonly name: string | undefined
  readonly message: string
}

/** Held-out variances below this share of the variance before are what rounding leaves of zero. */
const negligible = 1e-12

/** Means of Stein features this many standard errors from zero are no chance. */
const disagreement = 6

/** Pairs of chains that are the same, draw for draw. */
const equalPairs = ({
  chains,
  draws,
  dimensions,
  values
}: ScoredChains): ReadonlyArray<readonly [number, number]> => {
  const size = draws * dimensions
  const same = (a: number, b: number): boolean => {
    for (let k = 0; k < size; k++) if (values[a * size + k] !== values[b * size + k]) return false
    return true
  }
  const pairs: Array<readonly [number, number]> = []
  for (let b = 1; b < chains; b++) for (let a = 0; a < b; a++) if (same(a, b)) pairs.push([a, b])
  return pairs
}

/** What is to be said about the chains themselves, whatever functional is asked for. */
export const chainWarnings = (chains: ScoredChains): ReadonlyArray<Warning> => {
  const warnings: Array<Warning> = []
  const { draws, dimensions, values, scores, names } = chains
  const count = chains.chains * draws
  const window = bartlett(Math.max(1, Math.round(Math.sqrt(draws))))
  const divergent = (chains.statistics["diverging"] ?? []).reduce((sum, one) => sum + one, 0)
  if (divergent > 0)
    warnings.push({
      kind: "divergences",
      name: undefined,
      message: `${divergent} of ${count} transitions diverged: where the curvature is high the sampler did not get to, and no control variate mends that; use a smaller step (a higher target acceptance) or other coordinates`
    })
  const [pair, ...others] = equalPairs(chains)
  if (pair !== undefined)
    warnings.push({
      kind: "equalChains",
      name: undefined,
      message: `chains ${pair[0]} and ${pair[1]} are the same, draw for draw${others.length > 0 ? `, and ${others.length} pairs more` : ""}: they count twice, so that all errors are too small; leave one out, and give every chain a seed of its own`
    })
  const score = new Float64Array(count)
  const product = new Float64Array(count)
  for (let i = 0; i < dimensions; i++) {
    let mean = 0
    let constant = true
    for (let t = 0; t < count; t++) {
      mean += values[t * dimensions + i] / count
      constant &&= values[t * dimensions + i] === values[i]
    }
    if (constant) {
      warnings.push({
        kind: "constantDimension",
        name: names[i],
        message: `${names[i]} is ${values[i]} at every draw: it adds nothing to the control variate`
      })
      continue
    }
    for (let t = 0; t < count; t++) {
      score[t] = scores[t * dimensions + i]
      product[t] = 1 + (values[t * dimensions + i] - mean) * score[t]
    }
    for (const [series, what] of [
      [score, `the score of ${names[i]}`],
      [product, `1 + (x - mean) score of ${names[i]}`]
    ] as const) {
      const error = Math.sqrt(spectralVariance(series, chains.chains, window) / count)
      const away = meanOf(series) / error
      if (Math.abs(away) > disagreement)
        warnings.push({
          kind: "scoresDisagree",
          name: names[i],
          message: `the mean of ${what} is ${Math.abs(away) < 1e6 ? Math.abs(away).toFixed(1) : "more than a million"} standard errors from 0, where it must be 0 under the target: the scores belong to another density or other coordinates, or the chain does not sample the target (burn-in left in, a biased sampler); means with the control variate are then off too`
        })
    }
  }
  return warnings
}

/** What is to be said about one functional's estimate. `heldOut` and `inSample` are variances, where held-out pieces were judged. */
export const estimateWarnings = (
  chains: ScoredChains,
  f: Float64Array,
  one: Estimate,
  fitted: FittedFunctional,
  judged: { readonly heldOut: number; readonly inSample: number } | undefined
): ReadonlyArray<Warning> => {
  const warnings: Array<Warning> = []
  const { name } = one
  const warn = (kind: WarningKind, message: string): void => {
    warnings.push({ kind, name, message: `${name}: ${message}` })
  }
  const count = chains.chains * chains.draws
  if (one.mcse === 0) {
    warn(
      "constantFunctional",
      `it is ${one.mean} at every draw: there is no variance to reduce, and no error to estimate`
    )
    return warnings
  }
  const perChain = one.effectiveSampleSize / chains.chains
  if (perChain < 50)
    warn(
      "shortChain",
      `an effective sample size of ${perChain.toFixed(1)} a chain (${count} draws in all); below 50 the standard errors themselves are rough, and so are the coefficients: run longer chains`
    )
  const reduction = rhat(f, chains.chains)
  if (reduction > 1.01)
    warn(
      "chainsDisagree",
      `R-hat is ${reduction.toFixed(4)}, above 1.01: the chains have not mixed, and the standard errors are too small`
    )
  if (
    judged !== undefined &&
    judged.heldOut > 2 * judged.inSample &&
    judged.heldOut > negligible * one.mcse ** 2 * count
  )
    warn(
      "overfitted",
      `on held-out pieces its asymptotic variance is ${(judged.heldOut / judged.inSample).toFixed(1)} times that on the pieces it was fitted on (${fitted.coefficients.length} coefficients): lower the degree, use a ridge, or run longer chains`
    )
  if (fitted.coefficients.length >= one.effectiveSampleSize)
    warn(
      "overfitted",
      `${fitted.coefficients.length} coefficient${fitted.coefficients.length === 1 ? "" : "s"} from draws that are worth ${one.effectiveSampleSize.toFixed(1)} independent ones: they can follow whatever these chains happened to do, and the error after it means little; run longer chains`
    )
  else if (fitted.coefficients.length * 10 > count)
    warn(
      "overfitted",
      `${fitted.coefficients.length} coefficient${fitted.coefficients.length === 1 ? "" : "s"} from ${count} draws: fewer than ten draws each`
    )
  if (fitted.collinear > 0)
    warn(
      "collinearFeatures",
      `${fitted.collinear} of ${fitted.coefficients.length} directions of the features are linearly dependent on these draws and were left out`
    )
  const correlationTime = count / one.effectiveSampleSize
  if (fitted.objective === "esvm" && fitted.windowWidth < correlationTime)
    warn(
      "narrowWindow",
      `the window (${fitted.windowWidth}) is narrower than the integrated autocorrelation time (${correlationTime.toFixed(1)} draws): the objective sees only part of the asymptotic variance`
    )
  if (one.varianceReduction < 1)
    warn(
      "noGain",
      `the control variate makes the error larger, ${one.mcseCv.toPrecision(3)} after ${one.mcse.toPrecision(3)}: use the plain mean`
    )
  return warnings
}
