import { Effect, type Scope } from "effect"
import { type Backend, compute, ShapeError, Tensor, type TensorError } from "../../Tensor/index.ts"
import { upload } from "../../Tensor/Host.ts"
import { sizeOf } from "../../Tensor/Tensor.ts"
import { checkDense, decompose } from "../Decomposition.ts"
import type { TensorTrainOptionError } from "../Errors.ts"
import { euclideanNorm } from "../dense/PowerOfTwo.ts"
import type { TensorTrain } from "../TensorTrain.ts"
import { tensorTrainWeight, type TensorTrainWeight } from "./TensorTrainWeight.ts"
import { type Accuracy, checkAccuracy } from "../Truncation.ts"

export interface MatrixFitOptions extends Accuracy {
  /** m_1, ..., m_d, whose product is the number of rows. */
  readonly inputs: ReadonlyArray<number>
  /** n_1, ..., n_d, as many, whose product is the number of columns. */
  readonly outputs: ReadonlyArray<number>
}

export interface MatrixFit {
  readonly weight: TensorTrainWeight
  /** ||W - W'|| / ||W||, Frobenius. */
  readonly relativeError: number
}

/** See `TensorTrains.fitMatrix`. */
export const fitMatrix = Effect.fn("TensorTrains.fitMatrix")(function* (
  w: Tensor,
  { inputs, outputs, tolerance, maxRank }: MatrixFitOptions
): Effect.fn.Return<MatrixFit, TensorError | TensorTrainOptionError, Backend | Scope.Scope> {
  yield* checkSizes(w, inputs, outputs)
  yield* checkAccuracy("TensorTrains.fitMatrix", { tolerance, maxRank }, inputs.length)
  const values = yield* Tensor.toArray(w)
  yield* checkDense("TensorTrains.fitMatrix", values, w.shape)
  const modes = inputs.map((size, k) => size * outputs[k])
  const { train, relativeError } = yield* decompose(paired(values, inputs, outputs), modes, {
    tolerance,
    maxRank
  })
  const weight = yield* compute((t) =>
    tensorTrainWeight(
      t,
      balanced(train).map((core, k) =>
        upload(t.region, core, [train.ranks[k], inputs[k], outputs[k], train.ranks[k + 1]], w.dtype)
      )
    )
  )
  return { weight, relativeError }
})

const checkSizes = (
  w: Tensor,
  inputs: ReadonlyArray<number>,
  outputs: ReadonlyArray<number>
): Effect.Effect<void, ShapeError> => {
  const [rows, columns] = [sizeOf(inputs), sizeOf(outputs)]
  const fits =
    w.shape.length === 2 &&
    inputs.length >= 1 &&
    inputs.length === outputs.length &&
    [...inputs, ...outputs].every((size) => Number.isInteger(size) && size >= 1) &&
    rows === w.shape[0] &&
    columns === w.shape[1]
  return fits
    ? Effect.void
    : Effect.fail(
        new ShapeError({
          operation: "TensorTrains.fitMatrix",
          reason:
            `[${inputs.join(", ")}] by [${outputs.join(", ")}] make [${rows}, ${columns}]; ` +
            "the matrix must be of that size, with as many inputs as outputs, all at least 1",
          shapes: [w.shape, inputs, outputs]
        })
      )
}

/** W [m_1 ... m_d, n_1 ... n_d] as [m_1 n_1, ..., m_d n_d]: a row and a column each say one part of where an element goes. */
const paired = (
  w: ArrayLike<number>,
  inputs: ReadonlyArray<number>,
  outputs: ReadonlyArray<number>
): Float64Array => {
  const strides = inputs.map((_, k) =>
    inputs.slice(k + 1).reduce((all, size, later) => all * size * outputs[k + 1 + later], 1)
  )
  const ofRow = offsets(
    inputs,
    strides.map((stride, k) => stride * outputs[k])
  )
  const ofColumn = offsets(outputs, strides)
  const result = new Float64Array(w.length)
  for (let i = 0, e = 0; i < ofRow.length; i++)
    for (let j = 0; j < ofColumn.length; j++, e++) result[ofRow[i] + ofColumn[j]] = w[e]
  return result
}

/** sum_k digit_k strides[k] for all digits, the last one fastest. */
const offsets = (sizes: ReadonlyArray<number>, strides: ReadonlyArray<number>): Array<number> => {
  let all = [0]
  sizes.forEach((size, k) => {
    all = all.flatMap((offset) => Array.from({ length: size }, (_, digit) => offset + digit * strides[k]))
  })
  return all
}

/** The cores with equal norms, which keeps their gradients in proportion. */
const balanced = (train: TensorTrain): ReadonlyArray<Float64Array> => {
  const norms = train.cores.map(euclideanNorm)
  if (norms.includes(0)) return train.cores
  const mean = Math.exp(norms.reduce((total, each) => total + Math.log(each), 0) / norms.length)
  return train.cores.map((core, k) => core.map((value) => (value * mean) / norms[k]))
}
