import { Context, Effect, Layer, type Scope } from "effect"
import type { Key } from "../Random/index.ts"
import {
  Backend,
  type FloatDType,
  NumericalError,
  ShapeError,
  Tensor,
  type TensorError
} from "../Tensor/index.ts"
import { hostTask } from "../Tensor/HostTask.ts"
import * as Arithmetic from "./Arithmetic.ts"
import { fromTensors, toTensors } from "./CoreTensors.ts"
import { approximate, type CrossApproximation } from "./cross/CrossApproximation.ts"
import type { CrossOptions } from "./cross/CrossSettings.ts"
import { checkDense, decompose } from "./Decomposition.ts"
import { type EvaluationBudgetError, type EvaluationError, TensorTrainOptionError } from "./Errors.ts"
import { dense, evaluateMany } from "./Evaluation.ts"
import type { BatchFunction } from "./cross/Evaluations.ts"
import { type Extrema, extrema, type ExtremaOptions } from "./Extrema.ts"
import { fitMatrix, type MatrixFit, type MatrixFitOptions } from "./matrix/MatrixFit.ts"
import { dequantise, digitCounts, quantise } from "./Quantisation.ts"
import { randomTrain } from "./Random.ts"
import { norm, orthogonalise } from "./Orthogonalisation.ts"
import { round } from "./Rounding.ts"
import { sample, type Samples, type SamplingDensity } from "./Sampling.ts"
import { TensorTrain } from "./TensorTrain.ts"
import { type Accuracy, checkAccuracy } from "./Truncation.ts"

/** An array of the host: row-major numbers and their shape. */
export interface HostArray {
  readonly values: ArrayLike<number>
  readonly shape: ReadonlyArray<number>
}

export interface SampleOptions {
  /** Index rows to draw, at least 1. */
  readonly count: number
  /** Default "square". */
  readonly density?: SamplingDensity | undefined
  readonly key: Key
}

type Train = Effect.Effect<TensorTrain, TensorError>
type Factored<A> = Effect.Effect<A, TensorError | TensorTrainOptionError, Backend>

/**
 * Tensors in tensor-train form, made and worked with in float64 on the host. All fail with `ShapeError` where sizes do not fit
 * together, or not in memory, and with `NumericalError` for NaN and infinite numbers, in the input or by overflow.
 */
export class TensorTrains extends Context.Service<
  TensorTrains,
  {
    /** A train from its cores G_k [r_{k-1}, n_k, r_k], checked. */
    readonly fromCores: (cores: ReadonlyArray<HostArray>) => Train
    /**
     * TT-SVD: ||A - TT|| <= tolerance ||A||, unless `maxRank` forbids it (Oseledets, 2011, theorem 2.2). Fails with
     * `TensorTrainOptionError` for a negative tolerance or a rank below 1.
     *
     * @example
     * const train = yield* trains.fromDense({ values, shape: [20, 20, 20] }, { tolerance: 1e-6 })
     */
    readonly fromDense: (a: Tensor | HostArray, accuracy?: Accuracy) => Factored<TensorTrain>
    /**
     * TT-cross: a function of index rows approximated from few of its values, with ranks that adapt. The function is given
     * batches of distinct rows, never one twice. The error is measured at random points, not guaranteed; `ended` says why it
     * stopped.
     *
     * Fails with what the function fails with, `EvaluationError` where it throws or gives a NaN or infinite value,
     * `EvaluationBudgetError` where the budget ends before a first approximation, and `TensorTrainOptionError` for an option
     * out of range.
     *
     * @example
     * const { train } = yield* trains.fromFunction([20, 20, 20], pointwise(([i, j, k]) => 1 / (1 + i + j + k)))
     */
    readonly fromFunction: <E, R>(
      modes: ReadonlyArray<number>,
      batchFunction: BatchFunction<E, R>,
      options?: CrossOptions
    ) => Effect.Effect<
      CrossApproximation,
      E | EvaluationError | EvaluationBudgetError | TensorTrainOptionError | TensorError,
      Backend | R
    >
    /** Independent normal cores of these ranks, one number or r_1..r_{d-1}; elements of variance 1. */
    readonly random: (modes: ReadonlyArray<number>, ranks: number | ReadonlyArray<number>, key: Key) => Train
    /** The cores as tensors [r_{k-1}, n_k, r_k] in the scope, in the backend's default float unless asked otherwise. */
    readonly toTensors: (
      train: TensorTrain,
      dtype?: FloatDType
    ) => Effect.Effect<ReadonlyArray<Tensor>, TensorError, Backend | Scope.Scope>
    /** A train from cores on the backend, which stay there. */
    readonly fromTensors: (cores: ReadonlyArray<Tensor>) => Effect.Effect<TensorTrain, TensorError, Backend>
    /** Elements at index rows [count, d], one or many: d r² work each. */
    readonly evaluate: (
      train: TensorTrain,
      indices: ArrayLike<number>
    ) => Effect.Effect<Float64Array, TensorError>
    /** All elements, row-major; `ShapeError` where memory cannot hold them. */
    readonly toDense: (train: TensorTrain) => Effect.Effect<Float64Array, TensorError, Backend>
    /** X + Y; ranks add up until `round`. */
    readonly add: (a: TensorTrain, b: TensorTrain) => Train
    /** X - Y; ranks add up until `round`. */
    readonly subtract: (a: TensorTrain, b: TensorTrain) => Train
    /** The elementwise product; ranks multiply until `round`. */
    readonly hadamard: (a: TensorTrain, b: TensorTrain) => Train
    readonly scale: (train: TensorTrain, value: number) => Train
    /** <X, Y>, the sum of the elementwise product, without forming it. */
    readonly dot: (a: TensorTrain, b: TensorTrain) => Effect.Effect<number, TensorError>
    /** The Frobenius norm, from orthogonal cores. */
    readonly norm: (train: TensorTrain) => Effect.Effect<number, TensorError, Backend>
    /** The sum of all elements. */
    readonly sum: (train: TensorTrain) => Effect.Effect<number, TensorError>
    /** Mode k summed with `weights[k]` [n_k], where there are such; the other modes stay. */
    readonly contractModes: (train: TensorTrain, weights: ReadonlyArray<Float64Array | undefined>) => Train
    /**
     * Smaller ranks within ||X - Y|| <= tolerance ||Y||, unless `maxRank` forbids it (Oseledets, 2011, algorithm 2). Fails with
     * `TensorTrainOptionError` for a negative tolerance or a rank below 1.
     */
    readonly round: (train: TensorTrain, accuracy?: Accuracy) => Factored<TensorTrain>
    /** Orthonormal columns before core k and orthonormal rows after it. */
    readonly orthogonalise: (train: TensorTrain, k: number) => Factored<TensorTrain>
    /** QTT: every mode of size base^q as q modes of size base, the least significant digit first, within the accuracy. */
    readonly quantise: (train: TensorTrain, base?: number, accuracy?: Accuracy) => Factored<TensorTrain>
    /** The inverse of `quantise`: `counts[k]` digits become mode k. */
    readonly dequantise: (train: TensorTrain, counts: ReadonlyArray<number>) => Factored<TensorTrain>
    /** The largest and the smallest element that beam search finds; exact where the beam holds all partial indices. */
    readonly extrema: (train: TensorTrain, options?: ExtremaOptions) => Factored<Extrema>
    /**
     * Index rows drawn in proportion to Y² or |Y|, with the logarithms of their probabilities. Fails with `NumericalError` where
     * all weights are 0.
     */
    readonly sample: (train: TensorTrain, options: SampleOptions) => Factored<Samples>
    /**
     * A matrix as a TT-matrix weight in the scope: TT-SVD of W with its row and column digits paired (Oseledets, "Approximation
     * of 2^d x 2^d matrices using tensor decomposition", 2010; Novikov et al., "Tensorizing neural networks", 2015).
     */
    readonly fitMatrix: (
      w: Tensor,
      options: MatrixFitOptions
    ) => Effect.Effect<MatrixFit, TensorError | TensorTrainOptionError, Backend | Scope.Scope>
  }
>()("tesserae/TensorTrain/TensorTrains") {
  static readonly layer = Layer.sync(TensorTrains, () => TensorTrains.of(methods))
}

const isTensor = (a: Tensor | HostArray): a is Tensor => "storage" in a

const optionError = (operation: string, option: string, value: unknown, expected: string) =>
  new TensorTrainOptionError({ operation: `TensorTrains.${operation}`, option, value, expected })

const isCount = (value: number): boolean => Number.isInteger(value) && value >= 1

const fromCores = Effect.fn("TensorTrains.fromCores")(
  (cores: ReadonlyArray<HostArray>): Train =>
    hostTask(() => {
      const shapes = cores.map(({ shape }) => shape)
      const wrong = (reason: string) =>
        new ShapeError({ operation: "TensorTrains.fromCores", reason, shapes })
      if (shapes.some((shape) => shape.length !== 3)) throw wrong("each core must be [r, n, r']")
      shapes.forEach((shape, k) => {
        if (k > 0 && shapes[k - 1][2] !== shape[0])
          throw wrong(`core ${k - 1} ends with rank ${shapes[k - 1][2]}, the next begins with ${shape[0]}`)
      })
      return new TensorTrain(
        shapes.map((shape) => shape[1]),
        [...shapes.map((shape) => shape[0]), shapes[shapes.length - 1]?.[2] ?? 1],
        cores.map(({ values }) => Float64Array.from(values))
      )
    })
)

const fromDense = Effect.fn("TensorTrains.fromDense")(function* (
  a: Tensor | HostArray,
  accuracy: Accuracy = {}
): Effect.fn.Return<TensorTrain, TensorError | TensorTrainOptionError, Backend> {
  yield* checkAccuracy("TensorTrains.fromDense", accuracy, a.shape.length)
  const values = isTensor(a) ? yield* Tensor.toArray(a) : a.values
  const squares = yield* checkDense("TensorTrains.fromDense", values, a.shape)
  const numbers = values instanceof Float64Array ? values : Float64Array.from(values)
  return (yield* decompose(numbers, a.shape, accuracy, squares)).train
})

const roundTo = Effect.fn("TensorTrains.round")(function* (
  train: TensorTrain,
  accuracy: Accuracy = {}
): Effect.fn.Return<TensorTrain, TensorError | TensorTrainOptionError, Backend> {
  yield* checkAccuracy("TensorTrains.round", accuracy, train.modes.length)
  return yield* round(train, accuracy)
})

const orthogonaliseTo = Effect.fn("TensorTrains.orthogonalise")(function* (
  train: TensorTrain,
  k: number
): Effect.fn.Return<TensorTrain, TensorError | TensorTrainOptionError, Backend> {
  if (!(Number.isInteger(k) && k >= 0 && k < train.modes.length))
    return yield* optionError("orthogonalise", "k", k, `a core from 0 to ${train.modes.length - 1}`)
  return yield* orthogonalise(train, k)
})

const quantiseTo = Effect.fn("TensorTrains.quantise")(function* (
  train: TensorTrain,
  base = 2,
  accuracy: Accuracy = {}
): Effect.fn.Return<TensorTrain, TensorError | TensorTrainOptionError, Backend> {
  const counts = yield* hostTask(() => digitCounts(train.modes, base))
  const digits = counts.reduce((total, count) => total + count, 0)
  yield* checkAccuracy("TensorTrains.quantise", accuracy, digits)
  return yield* quantise(train, base, counts, accuracy)
})

const findExtrema = Effect.fn("TensorTrains.extrema")(function* (
  train: TensorTrain,
  options: ExtremaOptions = {}
): Effect.fn.Return<Extrema, TensorError | TensorTrainOptionError, Backend> {
  if (options.beam !== undefined && !isCount(options.beam))
    return yield* optionError("extrema", "beam", options.beam, "a whole number of at least 1")
  return yield* extrema(train, options)
})

const drawSamples = Effect.fn("TensorTrains.sample")(function* (
  train: TensorTrain,
  { count, density = "square", key }: SampleOptions
): Effect.fn.Return<Samples, TensorError | TensorTrainOptionError, Backend> {
  if (!isCount(count)) return yield* optionError("sample", "count", count, "a whole number of at least 1")
  return yield* sample(train, count, density, key)
})

/** A number that is in range, or the failure that it is not. */
const finite =
  (operation: string) =>
  (value: number): Effect.Effect<number, NumericalError> =>
    Number.isFinite(value)
      ? Effect.succeed(value)
      : Effect.fail(
          new NumericalError({
            operation: `TensorTrains.${operation}`,
            reason: "the result exceeds 1.8e308; scale the train down first"
          })
        )

/** A plain function that throws tensor errors as a traced method. */
const method = <Parameters extends ReadonlyArray<unknown>, A>(
  name: string,
  body: (...parameters: Parameters) => A
) => Effect.fn(`TensorTrains.${name}`)((...parameters: Parameters) => hostTask(() => body(...parameters)))

const dot = method("dot", Arithmetic.dot)
const sum = method("sum", Arithmetic.sum)

const methods: TensorTrains["Service"] = {
  fromCores,
  fromDense,
  fromFunction: Effect.fn("TensorTrains.fromFunction")(
    <E, R>(modes: ReadonlyArray<number>, batchFunction: BatchFunction<E, R>, options: CrossOptions = {}) =>
      approximate(modes, batchFunction, options)
  ),
  toTensors: Effect.fn("TensorTrains.toTensors")(toTensors),
  fromTensors: Effect.fn("TensorTrains.fromTensors")(fromTensors),
  random: method("random", randomTrain),
  evaluate: Effect.fn("TensorTrains.evaluate")(evaluateMany),
  toDense: Effect.fn("TensorTrains.toDense")(dense),
  add: method("add", Arithmetic.add),
  subtract: method("subtract", Arithmetic.subtract),
  hadamard: method("hadamard", Arithmetic.hadamard),
  scale: method("scale", Arithmetic.scale),
  dot: (a, b) => Effect.flatMap(dot(a, b), finite("dot")),
  norm: Effect.fn("TensorTrains.norm")((train) => Effect.flatMap(norm(train), finite("norm"))),
  sum: (train) => Effect.flatMap(sum(train), finite("sum")),
  contractModes: method("contractModes", Arithmetic.contractModes),
  round: roundTo,
  orthogonalise: orthogonaliseTo,
  quantise: quantiseTo,
  dequantise: Effect.fn("TensorTrains.dequantise")(dequantise),
  extrema: findExtrema,
  sample: drawSamples,
  fitMatrix
}
