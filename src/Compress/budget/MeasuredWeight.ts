import { Effect } from "effect"
import { covariance } from "../../Model/Covariance.ts"
import { type Gpt2, weightSizes } from "../../Model/Gpt2.ts"
import { inputMoments } from "../../Model/InputMoments.ts"
import { Backend, type TensorError } from "../../Tensor/index.ts"
import { hostTask } from "../../Tensor/HostTask.ts"
import { type LowRank, lowRankBetween, type Weighting } from "../../Weight/index.ts"
import {
  type Calibration,
  covarianceOptions,
  numbersOf,
  rowWeighting,
  type StoredMetrics
} from "../Calibration.ts"

/** What is known of a weight from the calibration text, before anything is compressed. */
export interface MeasuredWeight {
  readonly name: string
  readonly inputs: number
  readonly outputs: number
  /** The share of ||C^{1/2} W M^{1/2}||² that the best matrix of a rank loses. */
  readonly lost: (rank: number) => number
}

/** What the low rank loses that stores so many numbers, or somewhat fewer. */
export const lostStoring = (
  { inputs, outputs, lost }: Pick<MeasuredWeight, "inputs" | "outputs" | "lost">,
  stored: number
): number => lost(Math.floor(stored / (inputs + outputs)))

/** By what the error of a weight is measured. */
export interface WeightMetrics {
  readonly weighting: Weighting
  /** Of the outputs; undefined for a weight whose outputs nothing was measured of. */
  readonly metric: Float64Array | undefined
  /** Of the inputs; undefined for embeddings. */
  readonly mean: Float64Array | undefined
}

/** A weight while it is looked at: its metrics are large, and kept by those who need them. */
export interface Measurement {
  readonly weight: MeasuredWeight
  /** As it is, [inputs, outputs]. */
  readonly matrix: Float64Array
  readonly metrics: WeightMetrics
  /** The best of the rank that was asked for. */
  readonly lowRank: LowRank
}

/** Every weight of a model, measured over the text, one after the other. */
export const measureWeights = Effect.fn("Compress.measureWeights")(function* <E = never, R = never>(
  model: Gpt2,
  calibration: Calibration,
  outputMetrics: StoredMetrics,
  rankOf: (inputs: number, outputs: number) => number,
  visit: (measurement: Measurement) => Effect.Effect<unknown, E, R>
): Effect.fn.Return<ReadonlyArray<MeasuredWeight>, TensorError | E, Backend | R> {
  const { factorizations: host } = yield* Backend
  const moments = { ...(yield* inputMoments(model, calibration.tokens)) }
  const rows = rowWeighting(model, calibration)
  const measured: Array<MeasuredWeight> = []
  for (const [name, [inputs, outputs]] of Object.entries(weightSizes(model.config))) {
    const own = Object.hasOwn(moments, name) ? moments[name] : undefined
    const weighting =
      own === undefined ? rows : { covariance: covariance(own, covarianceOptions(calibration)) }
    const metric = Object.hasOwn(outputMetrics, name) ? Float64Array.from(outputMetrics[name]) : undefined
    // All weights' moments together take gigabytes: each is let go of when it has been used.
    delete moments[name]
    const w = yield* numbersOf(model.weights[name])
    const rank = rankOf(inputs, outputs)
    const lowRank = yield* hostTask(() => lowRankBetween(w, outputs, rank, weighting, metric, host))
    const weight = { name, inputs, outputs, lost: lossByRank(lowRank.singularValues) }
    yield* visit({ weight, matrix: w, metrics: { weighting, metric, mean: own?.mean }, lowRank })
    measured.push(weight)
  }
  return measured
})

// values: singular values, greatest first
const lossByRank = (values: Float64Array): ((rank: number) => number) => {
  const tail = new Float64Array(values.length + 1)
  for (let k = values.length - 1; k >= 0; k--) tail[k] = tail[k + 1] + values[k] ** 2
  return (rank) => (tail[0] > 0 ? tail[Math.min(rank, values.length)] / tail[0] : 0)
}
