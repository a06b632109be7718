import { Effect } from "effect"
import { type Backend, NumericalError, ShapeError, type TensorError } from "../Tensor/index.ts"
import { indexOfNotFinite } from "../Tensor/HostMatrix.ts"
import { hostTask } from "../Tensor/HostTask.ts"
import { requireMemory } from "./dense/Memory.ts"
import { tallProduct } from "./dense/TallMatrix.ts"
import { timeSlice } from "../Iteration/TimeSlice.ts"
import type { TensorTrain } from "./TensorTrain.ts"

/** Index rows [count, d], checked: d indices each, none outside its mode. */
const indexRows = (operation: string, train: TensorTrain, indices: ArrayLike<number>): Int32Array => {
  const dimensions = train.modes.length
  if (indices.length % dimensions !== 0)
    throw new ShapeError({
      operation,
      reason: `${indices.length} indices are no rows of ${dimensions}`,
      shapes: [train.modes]
    })
  for (let e = 0; e < indices.length; e++) {
    const [index, size] = [indices[e], train.modes[e % dimensions]]
    if (!(index >= 0 && index < size && Number.isInteger(index)))
      throw new ShapeError({
        operation,
        reason: `index ${index} of row ${Math.floor(e / dimensions)} is not in 0..${size - 1} of mode ${e % dimensions}`,
        shapes: [train.modes]
      })
  }
  return indices instanceof Int32Array ? indices : Int32Array.from(indices)
}

/** Y at index rows [count, d], one or many: d r² work a row. */
export const evaluate = (train: TensorTrain, indices: ArrayLike<number>): Float64Array =>
  elementsOf(train, indexRows("TensorTrain.evaluate", train, indices))

const inRange = (operation: string, values: Float64Array): Float64Array => {
  const at = indexOfNotFinite(values)
  if (at < 0) return values
  throw new NumericalError({
    operation,
    reason: `element ${at} exceeds 1.8e308 or comes of numbers that do; scale the train down first`
  })
}

/** Rows evaluated between looks at the clock. */
const rowsAtOnce = 1024

/** `evaluate` for long lists of rows: it gives way to other fibers. */
export const evaluateMany = Effect.fnUntraced(function* (
  train: TensorTrain,
  indices: ArrayLike<number>
): Effect.fn.Return<Float64Array, TensorError> {
  const rows = yield* hostTask(() => indexRows("TensorTrains.evaluate", train, indices))
  const dimensions = train.modes.length
  const values = new Float64Array(rows.length / dimensions)
  const pause = timeSlice()
  for (let start = 0; start < values.length; start += rowsAtOnce) {
    const part = rows.subarray(start * dimensions, (start + rowsAtOnce) * dimensions)
    values.set(elementsOf(train, part), start)
    yield* pause
  }
  return yield* hostTask(() => inRange("TensorTrains.evaluate", values))
})

/**
 * Y at checked index rows. A row that begins like the one before continues from where the two part, so sorted rows and grids cost
 * less.
 */
const elementsOf = ({ modes, ranks, cores }: TensorTrain, indices: Int32Array): Float64Array => {
  const dimensions = modes.length
  const count = indices.length / dimensions
  const values = new Float64Array(count)
  // prefixes[k]: [r_k], the product of the first k slices
  const prefixes = ranks.map((rank) => new Float64Array(rank))
  prefixes[0][0] = 1
  for (let row = 0; row < count; row++) {
    const at = row * dimensions
    let k = 0
    if (row > 0) while (k < dimensions && indices[at + k] === indices[at - dimensions + k]) k++
    for (; k < dimensions; k++) timesSlice(prefixes[k], cores[k], modes[k], indices[at + k], prefixes[k + 1])
    values[row] = prefixes[dimensions][0]
  }
  return values
}

// vector: [r_{k-1}], core: [r_{k-1}, n, r_k] -> result [r_k] = vector core[:, index, :]
const timesSlice = (
  vector: Float64Array,
  core: Float64Array,
  size: number,
  index: number,
  result: Float64Array
): void => {
  const columns = result.length
  const stride = size * columns
  const start = index * columns
  const first = vector[0]
  for (let s = 0; s < columns; s++) result[s] = first * core[start + s]
  for (let p = 1; p < vector.length; p++) {
    const factor = vector[p]
    const from = p * stride + start
    for (let s = 0; s < columns; s++) result[s] += factor * core[from + s]
  }
}

/** All elements, row-major [n_1, ..., n_d]. */
export const dense = Effect.fnUntraced(function* ({
  modes,
  ranks,
  cores
}: TensorTrain): Effect.fn.Return<Float64Array, TensorError, Backend> {
  yield* hostTask(() =>
    requireMemory("TensorTrains.toDense", modes, "evaluate single elements, or contract modes first")
  )
  // values: [n_1 ... n_k, r_k]
  let values = cores[0]
  for (let k = 1; k < modes.length; k++) values = yield* tallProduct(values, ranks[k], cores[k])
  return yield* hostTask(() => inRange("TensorTrains.toDense", modes.length === 1 ? values.slice() : values))
})
