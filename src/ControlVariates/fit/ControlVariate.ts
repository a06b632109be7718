import { Effect } from "effect"
import { timeSlice } from "../../Iteration/TimeSlice.ts"
import type { ScoredChains } from "../Chains.ts"
import { attempt, ChainError } from "../Errors.ts"
import { checkFunctionals, type Functionals } from "../Functionals.ts"
import type { Piece } from "../spectral/WindowedGram.ts"
import type { FeatureFamily, Features } from "../stein/Features.ts"

/** The coefficients for one functional, and how they were found. */
export interface FittedFunctional {
  readonly name: string
  /** What the features in use are: "polynomial" where the others were not worth it. */
  readonly family: FeatureFamily["name"]
  readonly degree: number
  readonly objective: "evm" | "esvm"
  /** Width of the lag window, 1 for EVM. */
  readonly windowWidth: number
  readonly ridge: number
  /** In the order of `monomials`, for the polynomials in the control variate's coordinates; then those of the kernels or hidden units. */
  readonly coefficients: Float64Array
  /** The smallest eigenvalue of the quadratic form, its features scaled to unit variance. */
  readonly smallestEigenvalue: number
  /** Directions of the features that the chain does not distinguish; they got no coefficient. */
  readonly collinear: number
}

/** Functions of zero mean under the target, one to add to each functional; fitted on one set of chains, of use on others. */
export interface ControlVariate {
  readonly family: FeatureFamily
  readonly dimensions: number
  readonly functionals: ReadonlyArray<FittedFunctional>
}

const blockNumbers = 1 << 18

/** f + Z a for each functional; `coefficients` gives those for a functional and a fold. series: [functionals] of [chains, draws] */
export const addFeatures = (
  features: Features,
  series: ReadonlyArray<Float64Array>,
  pieces: ReadonlyArray<Piece>,
  coefficients: (functional: number, fold: number) => Float64Array
): Effect.Effect<ReadonlyArray<Float64Array>> =>
  Effect.gen(function* () {
    const pause = timeSlice()
    const block = Math.max(64, Math.ceil(blockNumbers / features.count))
    const z = new Float64Array(features.count * block)
    const results = series.map((f) => f.slice())
    for (const { first, length, fold } of pieces)
      for (let start = 0; start < length; start += block) {
        const count = Math.min(block, length - start)
        features.write(first + start, count, z, block)
        results.forEach((h, q) => {
          const a = coefficients(q, fold)
          for (let k = 0; k < a.length; k++)
            for (let t = 0, at = first + start, from = k * block; t < count; t++)
              h[at + t] += a[k] * z[from + t]
        })
        yield* pause
      }
    return results
  })

/**
 * The series h = f + Z a of functionals on chains, such as fresh ones, in the order of the control variate's functionals: same mean as f
 * under the target, smaller variance. Fails with `ChainError` where names or dimensions do not fit.
 */
export const applyControlVariate = (
  variate: ControlVariate,
  chains: ScoredChains,
  functionals: Functionals
): Effect.Effect<ReadonlyArray<Float64Array>, ChainError> =>
  Effect.gen(function* () {
    const features = yield* attempt<ChainError>()(() => {
      const wanted = variate.functionals.map(({ name }) => name)
      if (chains.dimensions !== variate.dimensions || wanted.join("\n") !== functionals.names.join("\n"))
        throw new ChainError({
          where: "control variate",
          reason: `it was fitted for ${variate.dimensions} dimensions and the functionals [${wanted.join(", ")}]; given are ${chains.dimensions} and [${functionals.names.join(", ")}]`
        })
      checkFunctionals(chains, functionals)
      return variate.family.featuresOf(chains)
    })
    const all = { first: 0, length: chains.chains * chains.draws, fold: 0 }
    return yield* addFeatures(features, functionals.values, [all], (q) => variate.functionals[q].coefficients)
  })
