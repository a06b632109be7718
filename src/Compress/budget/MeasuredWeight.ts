import { Effect } from "effect"
import { covariance } from "../../Model/Covariance.ts"
import { type Gpt2, weightSizes } from "../../Model/Gpt2.ts"
import { inputMoments } from "../../Model/InputMoments.ts"
import type { InputMoments } from "../../Model/MomentSums.ts"
import { Backend, type TensorError } from "../../Tensor/index.ts"
import { hostTask, singularValuesBetween, type Weighting } from "../../Weight/index.ts"
import { type Calibration, covarianceOptions, metricsOf, numbersOf, rowWeighting } from "../Calibration.ts"

/** What is known of a weight from the calibration text, before anything is compressed. */
export interface MeasuredWeight {
  readonly name: string
  readonly inputs: number
  readonly outputs: number
  readonly weighting: Weighting
  /** Of the outputs; undefined for a weight whose outputs nothing was measured of. */
  readonly metric: Float64Array | undefined
  /** Of the inputs; undefined for embeddings. */
  readonly moments: InputMoments | undefined
  /** The share of ||C^{1/2} W M^{1/2}||² that the best matrix of a rank loses. */
  readonly lost: (rank: number) => number
}

/** Every weight of a model, measured over the text. `observe` hears of each when it is done. */
export const measureWeights = Effect.fn("Compress.measureWeights")(function* <E = never, R = never>(
  model: Gpt2,
  calibration: Calibration,
  observe: (name: string) => Effect.Effect<unknown, E, R> = () => Effect.void
): Effect.fn.Return<ReadonlyArray<MeasuredWeight>, TensorError | E, Backend | R> {
  const { factorizations: host } = yield* Backend
  const metrics = yield* metricsOf(model, calibration)
  const moments = yield* inputMoments(model, calibration.tokens)
  const rows = rowWeighting(model, calibration)
  const measured: Array<MeasuredWeight> = []
  for (const [name, [inputs, outputs]] of Object.entries(weightSizes(model.config))) {
    const own = Object.hasOwn(moments, name) ? moments[name] : undefined
    const weighting =
      own === undefined ? rows : { covariance: covariance(own, covarianceOptions(calibration)) }
    const metric = Object.hasOwn(metrics, name) ? metrics[name] : undefined
    const w = yield* numbersOf(model.weights[name])
    const values = yield* hostTask(() => singularValuesBetween(w, outputs, weighting, metric, host))
    measured.push({ name, inputs, outputs, weighting, metric, moments: own, lost: lossByRank(values) })
    yield* observe(name)
  }
  return measured
})

// values: singular values, greatest first
const lossByRank = (values: Float64Array): ((rank: number) => number) => {
  const tail = new Float64Array(values.length + 1)
  for (let k = values.length - 1; k >= 0; k--) tail[k] = tail[k + 1] + values[k] ** 2
  return (rank) => (tail[0] > 0 ? tail[Math.min(rank, values.length)] / tail[0] : 0)
}
