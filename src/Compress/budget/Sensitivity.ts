import { Effect } from "effect"
import { refittedBias } from "../../Model/Covariance.ts"
import { type Gpt2, withParameters, withWeight } from "../../Model/Gpt2.ts"
import { type Backend, compute, Tensor, type TensorError } from "../../Tensor/index.ts"
import { upload } from "../../Tensor/Host.ts"
import { lowRank } from "../../Weight/index.ts"
import { numbersOf } from "../Calibration.ts"
import { divergenceFrom, layerOf, type Predictions } from "./Divergence.ts"
import type { Measurement } from "./MeasuredWeight.ts"

/** How much a weight's error is felt: nats a token by which the model's predictions diverge, by the relative squared error of this weight alone. */
export type Sensitivity = (squaredError: number) => number

/** Parts of the rank that was asked for at which a weight is measured too: its divergence is seldom in proportion to its error. */
const parts = [1, 1 / 3, 1 / 9]

/** The divergence of the whole model's predictions over the text when this weight alone is brought to a few ranks, and between them. */
export const sensitivityOf = Effect.fn("Compress.sensitivity")(function* (
  model: Gpt2,
  measurement: Measurement,
  predictions: Predictions
): Effect.fn.Return<Sensitivity, TensorError, Backend> {
  const { inputs, lost } = measurement.weight
  const largest = measurement.lowRank.left.length / inputs
  const points: Array<readonly [number, number]> = []
  for (const rank of new Set(parts.map((part) => Math.max(1, Math.round(part * largest)))))
    if (lost(rank) > 0) points.push([lost(rank), yield* divergenceAt(model, measurement, predictions, rank)])
  return powerLawThrough(points)
})

/** The divergence where this weight alone is the best matrix of a rank. */
const divergenceAt = Effect.fnUntraced(function* (
  model: Gpt2,
  { weight: { name, inputs, outputs }, metrics: { mean }, lowRank: { left, right } }: Measurement,
  predictions: Predictions,
  rank: number
): Effect.fn.Return<number, TensorError, Backend> {
  return yield* Effect.scoped(
    Effect.gen(function* () {
      const weight = yield* compute((t) => {
        const columns = t.slice(
          upload(t.region, left, [inputs, left.length / inputs]),
          [0, 0],
          [inputs, rank]
        )
        return lowRank(columns, upload(t.region, right.subarray(0, rank * outputs), [rank, outputs]))
      })
      const replaced = withWeight(model, name, weight)
      if (mean === undefined) return yield* divergenceFrom(predictions, replaced, layerOf(name))
      const bias = model.tensors[`${name}.bias`]
      const fitted = refittedBias(
        { mean, reference: undefined },
        yield* Tensor.toArray(bias),
        yield* numbersOf(model.weights[name]),
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
 * for no error.
 */
export const powerLawThrough = (points: ReadonlyArray<readonly [number, number]>): Sensitivity => {
  const known = points.map(([error, divergence]) => [error, Math.max(divergence, leastRate * error)] as const)
  return (squaredError) => {
    if (!(squaredError > 0) || known.length === 0) return 0
    const next = known.findIndex(([error]) => error >= squaredError)
    if (next <= 0) {
      const [error, divergence] = known.at(next)!
      return (divergence * squaredError) / error
    }
    const [[from, low], [to, high]] = [known[next - 1], known[next]]
    return low * (high / low) ** (Math.log(squaredError / from) / Math.log(to / from))
  }
}
