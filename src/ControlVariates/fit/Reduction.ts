import { Effect } from "effect"
import type { Backend } from "../../Tensor/index.ts"
import { timeSlice } from "../../Tensor/TimeSlice.ts"
import { type Chains, requireScores } from "../Chains.ts"
import { attempt, type ChainError } from "../Errors.ts"
import type { Functionals } from "../Functionals.ts"
import {
  addFeatures,
  applyControlVariate,
  type ControlVariate,
  type FittedFunctional
} from "./ControlVariate.ts"
import { type Estimate, estimate } from "./Estimate.ts"
import { chooseByFolds, type FitError, fitProblem, fittedFunctionals } from "./Fit.ts"
import type { FitOptions } from "./FitOptions.ts"
import { chainWarnings, estimateWarnings, type Warning } from "./Warnings.ts"

/** One functional: its means, their errors, and the control variate that made the second. */
export interface ReducedEstimate extends Estimate {
  readonly fitted: FittedFunctional
  /** h = f + Z a: [chains, draws] */
  readonly series: Float64Array
}

/** Posterior means with smaller errors, and what is to be said against them. */
export interface Reduction {
  readonly estimates: ReadonlyArray<ReducedEstimate>
  readonly warnings: ReadonlyArray<Warning>
}

interface Judged {
  readonly heldOut: number
  readonly inSample: number
}

const reductionOf = Effect.fnUntraced(function* (
  chains: Chains,
  functionals: Functionals,
  series: ReadonlyArray<Float64Array>,
  fitted: ReadonlyArray<FittedFunctional>,
  judged: ReadonlyArray<Judged> | undefined
) {
  const pause = timeSlice()
  const scored = yield* attempt<ChainError>()(() => requireScores(chains))
  const warnings = [...chainWarnings(scored)]
  const estimates: Array<ReducedEstimate> = []
  for (let q = 0; q < series.length; q++) {
    const f = functionals.values[q]
    const one = estimate(functionals.names[q], f, series[q], chains.chains)
    estimates.push({ ...one, fitted: fitted[q], series: series[q] })
    warnings.push(...estimateWarnings(scored, f, one, fitted[q], judged?.[q]))
    yield* pause
  }
  return { estimates, warnings } satisfies Reduction
})

/**
 * Means and errors from one set of chains, cross-fitted: each piece of the chains gets the coefficients that the other pieces
 * gave, so that the means carry no bias from fitting and the errors are honest. `fitted` has the coefficients from all pieces.
 */
export const reduceVariance = (
  chains: Chains,
  functionals: Functionals,
  options: FitOptions = {}
): Effect.Effect<Reduction, FitError, Backend> =>
  Effect.gen(function* () {
    const problem = yield* fitProblem(chains, functionals, options)
    const { pieces, grams, choices } = yield* chooseByFolds(problem)
    const series = yield* addFeatures(
      problem.features,
      functionals.values,
      pieces,
      (q, fold) => choices[q].withoutFold[fold]
    )
    const fitted = yield* fittedFunctionals(problem, grams, choices, ({ window }) => window)
    return yield* reductionOf(chains, functionals, series, fitted, choices)
  })

/** Means and errors of fresh chains by a control variate that was fitted on others. Fails with `ChainError`. */
export const evaluateControlVariate = (
  variate: ControlVariate,
  chains: Chains,
  functionals: Functionals
): Effect.Effect<Reduction, ChainError> =>
  Effect.gen(function* () {
    const scored = yield* attempt<ChainError>()(() => requireScores(chains))
    const series = yield* applyControlVariate(variate, scored, functionals)
    return yield* reductionOf(chains, functionals, series, variate.functionals, undefined)
  })
