import { Effect } from "effect"
import type { Factorizations, NumericalError } from "../../Tensor/index.ts"
import { timeSlice } from "../../Iteration/TimeSlice.ts"
import { attempt } from "../Errors.ts"
import type { WindowedGrams } from "../spectral/WindowedGram.ts"
import { addMatrices, coefficientsOf, factorForm, type QuadraticForm, valueAt } from "./QuadraticForm.ts"

/** One way to fit: how many of the features, which of the windows, how much ridge. */
export interface Candidate {
  readonly degree: number
  readonly features: number
  /** Whether there are others than polynomials among them. */
  readonly isExtended: boolean
  readonly window: number
  readonly ridge: number
}

/** A candidate and what it is worth, for one functional. */
export interface Choice extends Candidate {
  /** Geometric mean over the folds of the asymptotic variance of f + Z a: what candidates are compared by. */
  readonly geometricHeldOut: number
  /** Asymptotic variance of f + Z a on pieces that a was not fitted on. */
  readonly heldOut: number
  /** The same on the pieces that it was fitted on. */
  readonly inSample: number
  /** [folds]: coefficients fitted without that fold. */
  readonly withoutFold: ReadonlyArray<Float64Array>
}

/** The form of all folds but one (or of all, for -1), divided by its draws. */
export const formWithout = (grams: WindowedGrams, window: number, fold: number): QuadraticForm => {
  const count = grams.draws.reduce((sum, draws, j) => sum + (j === fold ? 0 : draws), 0)
  return {
    features: grams.features,
    functionals: grams.functionals,
    matrix: addMatrices(grams.grams[window], (j) => (j === fold ? 0 : 1 / count))
  }
}

const formOf = (grams: WindowedGrams, window: number, fold: number): QuadraticForm => ({
  features: grams.features,
  functionals: grams.functionals,
  matrix: addMatrices(grams.grams[window], (j) => (j === fold ? 1 / grams.draws[fold] : 0))
})

/** Only the name of what is minimised, for messages. */
export const objectiveName = (width: number): string => (width === 1 ? "EVM" : `ESVM (window ${width})`)

/** Held-out variances below this share of that of f itself are what rounding leaves of zero: they are as good as each other. */
const rounding = 1e-14

/**
 * Fits every candidate without each fold, judges it on that fold by the asymptotic variance that the window `judge` estimates, and
 * takes for each functional the one whose variances have the least geometric mean over the folds: estimates of a variance err by a factor, the same for all candidates on
 * the same draws, and in a mean of them one fold where the chain was far out would outvote the others. A candidate of fewer features wins where it is as good within 1 %. A candidate whose form is
 * indefinite is out; where all are, fails with the `NumericalError` of the last.
 */
export const selectCandidates = (
  host: Factorizations,
  grams: WindowedGrams,
  widths: ReadonlyArray<number>,
  judge: number,
  candidates: ReadonlyArray<Candidate>
): Effect.Effect<ReadonlyArray<Choice>, NumericalError> =>
  Effect.gen(function* () {
    const pause = timeSlice()
    const folds = grams.draws.length
    const functionals = grams.functionals
    const total = grams.draws.reduce((sum, draws) => sum + draws, 0)
    const heldOutForms = Array.from({ length: folds }, (_, fold) => formOf(grams, judge, fold))
    const trainForms = Array.from({ length: folds }, (_, fold) => formWithout(grams, judge, fold))
    // What f has by itself, where a = 0.
    const plain = Array.from({ length: functionals }, (_, q) =>
      heldOutForms.reduce(
        (sum, form, fold) => sum + (grams.draws[fold] / total) * valueAt(form, q, new Float64Array(0)),
        0
      )
    )
    const best: Array<Choice | undefined> = Array.from({ length: functionals }, () => undefined)
    let refusal: NumericalError | undefined
    const groups = Map.groupBy(candidates, ({ features, window }) => `${features} ${window}`)
    for (const group of groups.values()) {
      const { features, window } = group[0]
      const name = objectiveName(widths[window])
      const tried = yield* Effect.result(
        Effect.forEach(
          Array.from({ length: folds }, (_, fold) => fold),
          (fold) =>
            Effect.andThen(
              pause,
              attempt<NumericalError>()(() =>
                factorForm(host, formWithout(grams, window, fold), features, name)
              )
            )
        )
      )
      if (tried._tag === "Failure") {
        refusal = tried.failure
        continue
      }
      for (const candidate of group)
        for (let q = 0; q < functionals; q++) {
          const solved = yield* Effect.result(
            attempt<NumericalError>()(() =>
              tried.success.map((form) => coefficientsOf(form, q, candidate.ridge, functionals))
            )
          )
          yield* pause
          if (solved._tag === "Failure") {
            refusal = solved.failure
            continue
          }
          const withoutFold = solved.success
          let [heldOut, inSample, logs] = [0, 0, 0]
          const floor = rounding * Math.max(0, plain[q])
          withoutFold.forEach((a, fold) => {
            const share = grams.draws[fold] / total
            const variance = Math.max(0, valueAt(heldOutForms[fold], q, a))
            heldOut += share * variance
            logs += share * Math.log(Math.max(variance, floor))
            inSample += share * Math.max(0, valueAt(trainForms[fold], q, a))
          })
          const geometricHeldOut = Math.exp(logs)
          const before = best[q]
          const margin = before !== undefined && before.features < candidate.features ? 0.99 : 1
          if (before === undefined || geometricHeldOut < margin * before.geometricHeldOut)
            best[q] = { ...candidate, geometricHeldOut, heldOut, inSample, withoutFold }
        }
    }
    const choices: Array<Choice> = []
    for (const choice of best) {
      if (choice === undefined) return yield* Effect.fail(refusal as NumericalError)
      choices.push(choice)
    }
    return choices
  })
