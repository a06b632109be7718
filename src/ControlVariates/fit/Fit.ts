import { Effect } from "effect"
import { Backend, type Factorizations, NumericalError, type TensorError } from "../../Tensor/index.ts"
import { type Chains, requireScores, type ScoredChains } from "../Chains.ts"
import { attempt, type ChainError, type ControlVariateOptionError } from "../Errors.ts"
import { checkFunctionals, type Functionals } from "../Functionals.ts"
import { type Piece, piecesOf, type WindowedGrams, windowedGrams } from "../spectral/WindowedGram.ts"
import type { Window } from "../spectral/Window.ts"
import { standardCoordinates } from "../stein/Coordinates.ts"
import type { FeatureFamily, Features, Level } from "../stein/Features.ts"
import { kernelFamily } from "../stein/KernelFeatures.ts"
import { neuralFamily } from "../stein/NeuralFeatures.ts"
import { polynomialFamily } from "../stein/PolynomialFeatures.ts"
import type { ControlVariate, FittedFunctional } from "./ControlVariate.ts"
import { type FitOptions, type FitSettings, settingsOf } from "./FitOptions.ts"
import { coefficientsOf, collinearDirections, factorForm } from "./QuadraticForm.ts"
import { type Candidate, type Choice, formWithout, objectiveName, selectCandidates } from "./Selection.ts"

/** What can be wrong with chains, functionals, options, and the numbers that come of them. */
export type FitInputError = ChainError | ControlVariateOptionError | NumericalError

/** The same, and what can go wrong on the backend where a network learns. */
export type FitError = FitInputError | TensorError

/** Everything that a fit begins with, checked. */
export interface FitProblem {
  readonly host: Factorizations
  readonly chains: ScoredChains
  readonly functionals: Functionals
  readonly settings: FitSettings
  readonly family: FeatureFamily
  readonly features: Features
}

/** The levels that are asked for: of the given degrees, and with what lies beyond polynomials; that alone where one degree is given. */
const levelsOf = (features: Features, degrees: ReadonlyArray<number>): ReadonlyArray<Level> => {
  const beyond = features.levels.filter(({ isExtended }) => isExtended)
  return beyond.length > 0 && degrees.length === 1
    ? beyond
    : features.levels.filter(({ degree, isExtended }) => isExtended || degrees.includes(degree))
}

const familyOf = Effect.fnUntraced(function* (
  chains: ScoredChains,
  functionals: Functionals,
  { features, degrees, coordinates }: FitSettings
) {
  const degree = Math.max(...degrees)
  const run = attempt<FitInputError>()
  const standard = yield* run(() => standardCoordinates(chains, coordinates))
  switch (features.kind) {
    case "polynomial":
      return polynomialFamily(degree, standard)
    case "kernel":
      return yield* run(() => kernelFamily(chains, features, degree, standard))
    case "neural":
      return yield* Effect.flatten(run(() => neuralFamily(chains, functionals, features, degree, standard)))
  }
})

/** Checks chains, functionals and options, and makes the features. Fails with `ChainError`, `ControlVariateOptionError` and, where there are more features than draws, `NumericalError`. */
export const fitProblem = Effect.fnUntraced(function* (
  chains: Chains,
  functionals: Functionals,
  options: FitOptions
): Effect.fn.Return<FitProblem, FitError, Backend> {
  const { factorizations } = yield* Backend
  const run = attempt<FitInputError>()
  const [scored, settings] = yield* run(() => {
    const checked = requireScores(chains)
    checkFunctionals(checked, functionals)
    return [checked, settingsOf(checked, options)] as const
  })
  const family = yield* familyOf(scored, functionals, settings)
  const features = yield* run(() => family.featuresOf(scored))
  const draws = chains.chains * chains.draws
  const [least] = levelsOf(features, settings.degrees)
  if (least.count >= draws && settings.ridges.includes(0))
    return yield* new NumericalError({
      operation: "control variate",
      reason: `${least.count} features of degree ${settings.degrees[0]} from ${draws} draws: any series would be fitted exactly; lower the degree, or use a ridge`
    })
  return { host: factorizations, chains: scored, functionals, settings, family, features }
})

/** Windowed Gram matrices of a problem's features and functionals over the given pieces. */
export const problemGrams = (
  { host, features, functionals }: FitProblem,
  pieces: ReadonlyArray<Piece>,
  windows: ReadonlyArray<Window>
): Effect.Effect<WindowedGrams> => windowedGrams(host, features, functionals.values, pieces, windows)

export const candidatesOf = ({ settings, features }: FitProblem): ReadonlyArray<Candidate> =>
  levelsOf(features, settings.degrees).flatMap(({ degree, count, isExtended }) =>
    settings.windows.flatMap((_, window) =>
      settings.ridges.map((ridge) => ({ degree, features: count, isExtended, window, ridge }))
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
  { host, functionals, settings, family }: FitProblem,
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
        family: choice.isExtended ? family.name : ("polynomial" as const),
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
    const { settings, family } = problem
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
    return { family, dimensions: chains.dimensions, functionals: fitted }
  })
