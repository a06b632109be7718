import { Effect } from "effect"
import { requireFiniteParameters } from "../../Model/FiniteParameters.ts"
import { type Gpt2, storedParameters } from "../../Model/Gpt2.ts"
import type { Backend, TensorError } from "../../Tensor/index.ts"
import { type Calibration, metricsOf, type StoredMetrics } from "../Calibration.ts"
import { splitCalibration } from "./CalibrationSplit.ts"
import { divergenceTokensOf, predictionsOf } from "./Divergence.ts"
import { type MeasuredWeight, measureWeights, type WeightMetrics } from "./MeasuredWeight.ts"
import { type Sensitivity, sensitivityOf } from "./Sensitivity.ts"
import { type TriedMetrics, triedWeights } from "./TriedWeights.ts"

/** What is known of a model before a plan is made. */
export interface Survey {
  readonly weights: ReadonlyArray<MeasuredWeight>
  readonly sensitivities: ReadonlyArray<Sensitivity>
  /** Of the weights that `kroneckerCandidates` tries. */
  readonly metrics: TriedMetrics
  /** Of all weights whose outputs count: see `metricsOf`. */
  readonly outputMetrics: StoredMetrics
  /** What the weights were measured by, and rehearsed fits are weighted by: the calibration text without that for validation. */
  readonly calibration: Calibration
  /** What divergences are measured over: the text that those fits do not see. */
  readonly validation: Int32Array
  /** The rank at which a weight was measured first: it stores about the share of the numbers that the survey is for. */
  readonly surveyedRank: (inputs: number, outputs: number) => number
  /** Numbers of the model that no plan changes. */
  readonly fixed: number
}

/**
 * Measures every weight over the calibration text (without that for validation: `splitCalibration`): its inputs, what the loss feels of its outputs, its singular values between the two, and how
 * far the whole model's predictions of the validation text move when it alone is brought to a rank, one that stores about this share of its numbers (0.25 to 0.75), and to
 * a third and a ninth of it. Fails with `NumericalError` where the model's numbers are not finite, and as `inputMoments` does.
 */
export const surveyOf = Effect.fn("Compress.survey")(function* <E = never, R = never>(
  model: Gpt2,
  calibration: Calibration,
  share: number,
  observe: (name: string, share: number) => Effect.Effect<unknown, E, R> = () => Effect.void
): Effect.fn.Return<Survey, TensorError | E, Backend | R> {
  yield* requireFiniteParameters(model)
  const all = storedParameters(model)
  const { fitting, validation } = splitCalibration(calibration, divergenceTokensOf(model))
  const kept = Math.min(0.75, Math.max(0.25, share))
  const surveyedRank = (inputs: number, outputs: number) =>
    Math.max(1, Math.floor((kept * inputs * outputs) / (inputs + outputs)))
  const tried = triedWeights(model)
  const count = Object.keys(model.weights).length
  const sensitivities: Array<Sensitivity> = []
  const metrics: Record<string, WeightMetrics> = {}
  const outputMetrics = yield* metricsOf(model, fitting)
  const weights = yield* Effect.scoped(
    Effect.flatMap(predictionsOf(model, validation), (predictions) =>
      measureWeights(
        model,
        fitting,
        outputMetrics,
        surveyedRank,
        Effect.fnUntraced(function* (measurement) {
          const { name } = measurement.weight
          if (tried.has(name)) metrics[name] = measurement.metrics
          sensitivities.push(yield* sensitivityOf(model, measurement, predictions))
          yield* observe(name, sensitivities.length / count)
        })
      )
    )
  )
  const planned = weights.reduce((sum, { name }) => sum + model.weights[name].storedParameters, 0)
  return {
    weights,
    sensitivities,
    metrics,
    outputMetrics,
    calibration: fitting,
    validation,
    surveyedRank,
    fixed: all - planned
  }
})
