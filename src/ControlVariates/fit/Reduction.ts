import { Effect } from "effect"
import type { Backend } from "../../Tensor/index.ts"
import { timeSlice } from "../../Iteration/TimeSlice.ts"
import { type Chains, requireScores, type ScoredChains } from "../Chains.ts"
import { attempt, type ChainError } from "../Errors.ts"
import { checkFunctionals, type Functionals } from "../Functionals.ts"
import { type Piece, piecesOf } from "../spectral/WindowedGram.ts"
import {
  addFeatures,
  applyControlVariate,
  type ControlVariate,
  type FittedFunctional
} from "./ControlVariate.ts"
import { type Estimate, estimate } from "./Estimate.ts"
import {
  chooseByFolds,
  fitControlVariate,
  type FitError,
  type FitInputError,
  fitProblem,
  fittedFunctionals
} from "./Fit.ts"
import { type FitOptions, settingsOf } from "./FitOptions.ts"
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

/** Chains and functionals without the draws of a fold. What was before the gap is then followed by what was after it: one place a chain. */
const without = (
  chains: ScoredChains,
  { names, values }: Functionals,
  pieces: ReadonlyArray<Piece>,
  fold: number
): readonly [ScoredChains, Functionals] => {
  const kept = pieces.filter((piece) => piece.fold !== fold)
  const draws = kept.reduce((sum, { length }) => sum + length, 0) / chains.chains
  const gather = (from: Float64Array, width: number): Float64Array => {
    const result = new Float64Array(draws * chains.chains * width)
    let at = 0
    for (const { first, length } of kept) {
      result.set(from.subarray(first * width, (first + length) * width), at)
      at += length * width
    }
    return result
  }
  return [
    {
      ...chains,
      draws,
      values: gather(chains.values, chains.dimensions),
      scores: gather(chains.scores, chains.dimensions),
      statistics: {}
    },
    { names, values: values.map((series) => gather(series, 1)) }
  ]
}

/** Features that learn from draws or functionals must not know the piece that they are used on: each fold has a fit of its own. */
const reduceByRefitting = (
  chains: ScoredChains,
  functionals: Functionals,
  options: FitOptions,
  folds: number
): Effect.Effect<Reduction, FitError, Backend> =>
  Effect.gen(function* () {
    const pieces = piecesOf(chains, folds)
    const series = functionals.values.map((f) => f.slice())
    for (let fold = 0; fold < folds; fold++) {
      const variate = yield* fitControlVariate(...without(chains, functionals, pieces, fold), options)
      const features = yield* attempt<FitInputError>()(() => variate.family.featuresOf(chains))
      const own = pieces.filter((piece) => piece.fold === fold)
      const reduced = yield* addFeatures(
        features,
        functionals.values,
        own,
        (q) => variate.functionals[q].coefficients
      )
      for (const { first, length } of own)
        reduced.forEach((h, q) => series[q].set(h.subarray(first, first + length), first))
    }
    const { functionals: fitted } = yield* fitControlVariate(chains, functionals, options)
    return yield* reductionOf(chains, functionals, series, fitted, undefined)
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
    if ((options.features?.kind ?? "polynomial") !== "polynomial") {
      const [scored, { folds }] = yield* attempt<FitInputError>()(() => {
        const checked = requireScores(chains)
        checkFunctionals(checked, functionals)
        return [checked, settingsOf(checked, options)] as const
      })
      return yield* reduceByRefitting(scored, functionals, options, folds)
    }
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
