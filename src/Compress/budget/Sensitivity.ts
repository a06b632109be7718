import { Effect } from "effect"
import { refittedBias } from "../../Model/SequentialTarget.ts"
import { type Gpt2, withParameters, withWeight } from "../../Model/Gpt2.ts"
import { type Backend, compute, Tensor, type TensorError } from "../../Tensor/index.ts"
import { upload } from "../../Tensor/Host.ts"
import { lowRank, type Weight } from "../../Weight/index.ts"
import { numbersOf } from "../Calibration.ts"
import { divergenceFrom, layerOf, type Predictions } from "./Divergence.ts"
import type { Measurement } from "./MeasuredWeight.ts"

/** How much a weight's error is felt: nats a token by which the model's predictions diverge, by the relative squared error of this weight alone. */
export type Sensitivity = (squaredError: number) => number

/** How many times as much as foretold an error is felt, within bounds: a plan is not to rest on errors that happen to help, or to harm. */
export const boundedMultiple = (multiple: number): number => Math.min(4, Math.max(1 / 3, multiple))

/** Ranks at which a weight is measured: its divergence is seldom in proportion to its error. */
const ranksMeasured = 3
/** Relative squared errors below are rounding. */
const leastError = 1e-10

/**
 * The divergence of the whole model's predictions over the text when this weight alone is brought to the rank that was asked for, and to a third and
 * a ninth of it; interpolated between. Ranks at which nothing is lost are passed over.
 */
export const sensitivityOf = Effect.fn("Compress.sensitivity")(function* (
  model: Gpt2,
  measurement: Measurement,
  predictions: Predictions
): Effect.fn.Return<Sensitivity, TensorError, Backend> {
  const {
    weight: { name, inputs, outputs, lost },
    lowRank: { left, right },
    ...known
  } = measurement
  const largest = left.length / inputs
  const ofRank = (rank: number) =>
    compute((t) => {
      const columns = t.slice(upload(t.region, left, [inputs, left.length / inputs]), [0, 0], [inputs, rank])
      return lowRank(columns, upload(t.region, right.subarray(0, rank * outputs), [rank, outputs]))
    })
  const points: Array<readonly [number, number]> = []
  for (let part = 1, rank = largest; points.length < ranksMeasured && rank >= 1; ) {
    if (lost(rank) > leastError)
      points.push([
        lost(rank),
        yield* Effect.scoped(
          Effect.flatMap(ofRank(rank), (weight) => divergenceAlone(model, name, known, weight, predictions))
        )
      ])
    part *= 3
    rank = rank === 1 ? 0 : Math.max(1, Math.round(largest / part))
  }
  return powerLawThrough(points)
})

/** The divergence where one weight alone is another, its bias, if it has one, fitted again. */
export const divergenceAlone = Effect.fnUntraced(function* (
  model: Gpt2,
  name: string,
  { matrix, metrics: { mean } }: Pick<Measurement, "matrix" | "metrics">,
  weight: Weight,
  predictions: Predictions
): Effect.fn.Return<number, TensorError, Backend> {
  const replaced = withWeight(model, name, weight)
  if (mean === undefined) return yield* divergenceFrom(predictions, replaced, layerOf(name))
  return yield* Effect.scoped(
    Effect.gen(function* () {
      const bias = model.tensors[`${name}.bias`]
      const fitted = refittedBias(
        { mean, outputError: undefined },
        yield* Tensor.toArray(bias),
        matrix,
        yield* numbersOf(weight)
      )
      const refitted = yield* compute((t) => upload(t.region, fitted, bias.shape, bias.dtype))
      const aligned = withParameters(replaced, { [`${name}.bias`]: refitted })
      return yield* divergenceFrom(predictions, aligned, layerOf(name))
    })
  )
})

/** Nats a token for each unit of error that are felt at least: less is rounding. */
const leastRate = 1e-12

/**
 * Through the points (error, divergence), errors ascending and positive: power laws between them, in proportion to the error beyond them, 0
 * for no error. A divergence below that of a smaller error is noise, and counts as much.
 */
export const powerLawThrough = (points: ReadonlyArray<readonly [number, number]>): Sensitivity => {
  let most = 0
  const known = points.map(([error, divergence]) => {
    most = Math.max(most, divergence, leastRate * error)
    return [error, most] as const
  })
  return (squaredError) => {
    if (!(squaredError > 0) || known.length === 0) return 0
    const above = known.findIndex(([error]) => error >= squaredError)
    if (above > 0) {
      const [[from, low], [to, high]] = [known[above - 1], known[above]]
      return low * (high / low) ** (Math.log(squaredError / from) / Math.log(to / from))
    }
    const [error, divergence] = above === 0 ? known[0] : known[known.length - 1]
    return (divergence * squaredError) / error
  }
}
