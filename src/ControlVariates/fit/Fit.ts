import { Effect } from "effect"
import { Backend, type Factorizations, NumericalError } from "../../Tensor/index.ts"
import { type Chains, requireScores, type ScoredChains } from "../Chains.ts"
import { attempt, type ChainError, type ControlVariateOptionError } from "../Errors.ts"
import { checkFunctionals, type Functionals } from "../Functionals.ts"
import { type Piece, piecesOf, type WindowedGrams, windowedGrams } from "../spectral/WindowedGram.ts"
import type { Window } from "../spectral/Window.ts"
import { standardCoordinates, type StandardCoordinates } from "../stein/Coordinates.ts"
import { type Features, polynomialFeatures } from "../stein/PolynomialFeatures.ts"
import type { ControlVariate, FittedFunctional } from "./ControlVariate.ts"
import { type FitOptions, type FitSettings, settingsOf } from "./FitOptions.ts"
import { coefficientsOf, collinearDirections, factorForm } from "./QuadraticForm.ts"
import { type Candidate, type Choice, formWithout, objectiveName, selectCandidates } from "./Selection.ts"

export type FitError = ChainError | ControlVariateOptionError | NumericalError

/** Everything that a fit begins with, checked. */
export interface FitProblem {
  readonly host: Factorizations
  readonly chains: ScoredChains
  readonly functionals: Functionals
  readonly settings: FitSettings
  readonly coordinates: StandardCoordinates
  readonly features: Features
}

/** Checks chains, functionals and options. Fails with `ChainError`, `ControlVariateOptionError` and, where there are more features than draws, `NumericalError`. */
export const fitProblem = (
  chains: Chains,
  functionals: Functionals,
  options: FitOptions
): Effect.Effect<FitProblem, FitError, Backend> =>
  Effect.flatMap(Backend, ({ factorizations }) =>
    attempt<FitError>()(() => {
      const scored = requireScores(chains)
      checkFunctionals(scored, functionals)
      const settings = settingsOf(scored, options)
      const coordinates = standardCoordinates(scored, settings.coordinates)
      const features = polynomialFeatures(scored, Math.max(...settings.degrees), coordinates)
      const draws = chains.chains * chains.draws
      if (features.countOfDegree[settings.degrees[0] - 1] >= draws && settings.ridges.includes(0))
        throw new NumericalError({
          operation: "control variate",
          reason: `${features.count} features of degree ${settings.degrees[0]} from ${draws} draws: any series would be fitted exactly; lower the degree, or use a ridge`
        })
      return { host: factorizations, chains: scored, functionals, settings, coordinates, features }
    })
  )

/** Windowed Gram matrices of a problem's features and functionals over the given pieces. */
export const problemGrams = (
  { host, features, functionals }: FitProblem,
  pieces: ReadonlyArray<Piece>,
  windows: ReadonlyArray<Window>
): Effect.Effect<WindowedGrams> => windowedGrams(host, features, functionals.values, pieces, windows)

export const candidatesOf = ({ settings, features }: FitProblem): ReadonlyArray<Candidate> =>
  settings.degrees.flatMap((degree) =>
    settings.windows.flatMap((_, window) =>
      settings.ridges.map((ridge) => ({
        degree,
        features: features.countOfDegree[degree - 1],
        window,
        ridge
      }))
    )
  )

/** Cuts the chains into folds and judges every candidate on them, for each functional. */
export const chooseByFolds = Effect.fnUntraced(function* (problem: FitProblem) {
  const { settings, chains, host } = problem
  const pieces = piecesOf(chains, settings.folds)
  const known = settings.windows.findIndex(
    ({ name, width }) => name === settings.judge.name && width === settings.judge.width
  )
  const windows = known >= 0 ? settings.windows : [...settings.windows, settings.judge]
  const judge = known >= 0 ? known : windows.length - 1
  const grams = yield* problemGrams(problem, pieces, windows)
  const widths = windows.map(({ width }) => width)
  const choices = yield* selectCandidates(host, grams, widths, judge, candidatesOf(problem))
  return { pieces, grams, choices }
})

/** Coefficients from all draws of the given Gram matrices, `windowOf` saying which of them belongs to a candidate. */
export const fittedFunctionals = (
  { host, functionals, settings }: FitProblem,
  grams: WindowedGrams,
  choices: ReadonlyArray<Candidate>,
  windowOf: (candidate: Candidate) => number
): Effect.Effect<ReadonlyArray<FittedFunctional>, NumericalError> =>
  attempt<NumericalError>()(() => {
    const factored = new Map<string, ReturnType<typeof factorForm>>()
    return choices.map((choice, q) => {
      const { width } = settings.windows[choice.window]
      const id = `${choice.features} ${choice.window}`
      const form =
        factored.get(id) ??
        factorForm(host, formWithout(grams, windowOf(choice), -1), choice.features, objectiveName(width))
      factored.set(id, form)
      return {
        name: functionals.names[q],
        degree: choice.degree,
        objective: settings.windows[choice.window].name === "none" ? ("evm" as const) : ("esvm" as const),
        windowWidth: width,
        ridge: choice.ridge,
        coefficients: coefficientsOf(form, q, choice.ridge, functionals.names.length),
        smallestEigenvalue: form.eigenvalues[0],
        collinear: choice.ridge > 0 ? 0 : collinearDirections(form)
      }
    })
  })

/**
 * Fits one control variate a functional on all draws, by the objective, degree, window and ridge that the options say or that do best on
 * held-out pieces. One factorisation serves all functionals. Meant for training chains; `applyControlVariate` uses it on others.
 */
export const fitControlVariate = (
  chains: Chains,
  functionals: Functionals,
  options: FitOptions = {}
): Effect.Effect<ControlVariate, FitError, Backend> =>
  Effect.gen(function* () {
    const problem = yield* fitProblem(chains, functionals, options)
    const { settings, coordinates } = problem
    const chosen: ReadonlyArray<Choice | Candidate> = settings.chooses
      ? (yield* chooseByFolds(problem)).choices
      : functionals.names.map(() => candidatesOf(problem)[0])
    const used = [...new Set(chosen.map(({ window }) => window))]
    const grams = yield* problemGrams(
      problem,
      piecesOf(chains, 1),
      used.map((window) => settings.windows[window])
    )
    const fitted = yield* fittedFunctionals(problem, grams, chosen, ({ window }) => used.indexOf(window))
    return { coordinates, dimensions: chains.dimensions, functionals: fitted }
  })
