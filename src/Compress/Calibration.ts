import { Effect, type Scope } from "effect"
import { tokenCounts } from "../Model/Covariance.ts"
import { refittedBias, sequentialTarget } from "../Model/SequentialTarget.ts"
import { type Gpt2, storedParameters, withParameters, withWeight } from "../Model/Gpt2.ts"
import { outputMetrics } from "../Model/OutputMetrics.ts"
import { type Prefix, prefixBefore, prefixMoments, prefixOf } from "../Model/Prefix.ts"
import { excerpt } from "../Model/TextSet.ts"
import { type Backend, compute, Tensor, type TensorError } from "../Tensor/index.ts"
import { upload } from "../Tensor/Host.ts"
import type { Weight, Weighting } from "../Weight/index.ts"

/** Text that says in which directions the error of a weight is felt. */
export interface Calibration {
  readonly tokens: Int32Array
  /** Added to the diagonal of a covariance, as a part of its mean; default 0.01. */
  readonly ridge?: number | undefined
  /** Whether errors also count by what the loss feels of the outputs (`outputMetrics`); default true. */
  readonly outputs?: boolean | undefined
}

/** What a fit of one weight aims at. */
export interface Aim {
  /** [inputs, outputs]; undefined for the weight as it is. */
  readonly matrix: Float64Array | undefined
  readonly weighting: Weighting
  /** Of the outputs, [outputs, outputs]: see `outputMetrics`. */
  readonly metric: Float64Array | undefined
  /** Puts the fitted weight into the model, its bias fitted again. The model's new tensors belong to the scope. */
  readonly place: (model: Gpt2, weight: Weight) => Effect.Effect<Gpt2, TensorError, Backend | Scope.Scope>
}

/** Gradients are taken over so many tokens of the text, by the numbers of the model: a metric of the outputs needs fewer than a covariance. */
const metricTokens = { least: 2048, most: 8192, passCost: 5e11 }

const metricTokensOf = (model: Gpt2): number => {
  const { least, most, passCost } = metricTokens
  return Math.round(Math.min(most, Math.max(least, passCost / storedParameters(model))))
}

/** Covariances are taken about the mean, for the bias takes up what a fit does to that. */
export const covarianceOptions = ({ ridge }: Calibration) => ({ ridge, centred: true })

/** sqrt(occurrences + 1) of each token: by these the rows of an embedding count. */
export const rowWeighting = (model: Gpt2, { tokens }: Calibration): Weighting => ({
  rows: tokenCounts(tokens, model.config.vocab_size).map((count) => Math.sqrt(count + 1))
})

/** Metrics of the outputs of many weights, in float32: those of a GPT-2 small take 0.8 GB as it is. */
export type StoredMetrics = Readonly<Record<string, Float32Array>>

/** The metrics of the outputs of a model's weights over the text, where they are to count; of the weights named, default all. */
export const metricsOf = (
  model: Gpt2,
  { tokens, outputs = true }: Calibration,
  weights?: ReadonlyArray<string>
): Effect.Effect<StoredMetrics, TensorError, Backend> =>
  outputs && weights?.length !== 0
    ? Effect.map(outputMetrics(model, excerpt(tokens, metricTokensOf(model)), weights), (metrics) =>
        Object.fromEntries(Object.entries(metrics).map(([name, metric]) => [name, Float32Array.from(metric)]))
      )
    : Effect.succeed({})

/** Where fits in sequence stand. */
export interface Calibrator {
  readonly original: Gpt2
  readonly calibration: Calibration
  readonly metrics: StoredMetrics
  readonly prefix: Prefix | undefined
}

/** Before the first weight; `weights` names those whose fits can count by their outputs. */
export const calibrator = Effect.fn("Compress.calibrator")(function* (
  original: Gpt2,
  calibration: Calibration,
  weights: ReadonlyArray<string>
): Effect.fn.Return<Calibrator, TensorError, Backend> {
  return {
    original,
    calibration,
    metrics: yield* metricsOf(original, calibration, weights),
    prefix: undefined
  }
})

/**
 * What the weight `name` is to become near, where `compressed` has the weights before it in their formats already: inputs come
 * from the compressed prefix, outputs are to be the original's (sequential calibration), and what is added to the residual stream is to bring that
 * back to the original's. Weights must be asked for in the network's order.
 */
export const aimOf = Effect.fn("Compress.aimOf")(function* (
  name: string,
  compressed: Gpt2,
  before: Calibrator
): Effect.fn.Return<readonly [Aim, Calibrator], TensorError, Backend> {
  const { original, calibration } = before
  // Metrics are large: none outlives its use here.
  const { [name]: stored, ...metrics } = before.metrics
  const metric = stored && Float64Array.from(stored)
  if (!name.startsWith("h.")) {
    const place = (model: Gpt2, weight: Weight) => Effect.succeed(withWeight(model, name, weight))
    return [
      { matrix: undefined, weighting: rowWeighting(original, calibration), metric, place },
      { ...before, metrics }
    ]
  }
  const start = before.prefix ?? (yield* prefixOf(compressed, original, calibration.tokens))
  const prefix = yield* prefixBefore(start, name, compressed, original)
  const moments = yield* prefixMoments(prefix, original)
  const dense = yield* numbersOf(original.weights[name])
  const { matrix, covariance } = yield* sequentialTarget(moments, dense, covarianceOptions(calibration))
  const aim: Aim = {
    matrix,
    weighting: { covariance },
    metric,
    place: Effect.fnUntraced(function* (model, weight) {
      const biasName = `${name}.bias`
      const bias = original.tensors[biasName]
      const fitted = refittedBias(moments, yield* Tensor.toArray(bias), dense, yield* numbersOf(weight))
      const tensor = yield* compute((t) => upload(t.region, fitted, bias.shape, bias.dtype))
      return withParameters(withWeight(model, name, weight), { [biasName]: tensor })
    })
  }
  return [aim, { ...before, metrics, prefix }]
})

/** A weight's matrix on the host. */
export const numbersOf = (weight: Weight): Effect.Effect<Float64Array, TensorError, Backend> =>
  Effect.scoped(
    Effect.flatMap(
      // A dense weight gives its own tensor.
      compute((t) => weight.toDense(t)),
      (dense) => Effect.map(Tensor.toArray(dense), (values) => Float64Array.from(values))
    )
  )
