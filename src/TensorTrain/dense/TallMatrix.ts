import { Effect } from "effect"
import { Backend, type TensorError } from "../../Tensor/index.ts"
import { hostTask } from "../../Tensor/HostTask.ts"
import { timeSlice } from "../../Iteration/TimeSlice.ts"
import { product } from "./HostProducts.ts"

/** Numbers of a tall matrix that are worked on at once. A block has many more rows than columns all the same. */
const blockSize = 262_144
const leastRowsPerColumn = 8

interface Block {
  /** [height, columns] */
  readonly values: Float64Array
  readonly height: number
  /** Its first row. */
  readonly start: number
}

const blocksOf = function* (a: Float64Array, columns: number): Generator<Block> {
  const rows = a.length / columns
  const most = Math.max(leastRowsPerColumn * columns, Math.floor(blockSize / columns))
  for (let start = 0; start < rows; start += most) {
    const height = Math.min(most, rows - start)
    yield { values: a.subarray(start * columns, (start + height) * columns), height, start }
  }
}

/** The Gram matrix [columns, columns] of a [rows, columns], or of a projection, for a symmetric projector [columns, columns]. */
export const gramOfColumns = Effect.fnUntraced(function* (
  a: Float64Array,
  columns: number,
  projector?: Float64Array
): Effect.fn.Return<Float64Array, TensorError, Backend> {
  const { factorizations: host } = yield* Backend
  const pause = timeSlice()
  const gram = new Float64Array(columns * columns)
  for (const { values, height } of blocksOf(a, columns)) {
    const part = yield* hostTask(() => {
      const along =
        projector === undefined ? values : host.multiply(values, projector, height, columns, columns)
      return host.multiply(along, along, columns, height, columns, { transposeA: true })
    })
    for (let e = 0; e < gram.length; e++) gram[e] += part[e]
    yield* pause
  }
  return gram
})

// a: [rows, inner], b: [inner, columns] -> [rows, columns]
export const tallProduct = Effect.fnUntraced(function* (
  a: Float64Array,
  inner: number,
  b: Float64Array
): Effect.fn.Return<Float64Array, TensorError, Backend> {
  const { factorizations: host } = yield* Backend
  const pause = timeSlice()
  const columns = b.length / inner
  const result = new Float64Array((a.length / inner) * columns)
  for (const { values, height, start } of blocksOf(a, inner)) {
    result.set(yield* hostTask(() => product(host, values, b, height, inner, columns)), start * columns)
    yield* pause
  }
  return result
})

// left: [rows, rank], right: [rank, columns] -> ||a - left right||²
export const squaredDistance = Effect.fnUntraced(function* (
  a: Float64Array,
  columns: number,
  left: Float64Array,
  right: Float64Array
): Effect.fn.Return<number, TensorError, Backend> {
  const { factorizations: host } = yield* Backend
  const pause = timeSlice()
  const rank = right.length / columns
  let squares = 0
  for (const { values, height, start } of blocksOf(a, columns)) {
    const from = left.subarray(start * rank, (start + height) * rank)
    const near = yield* hostTask(() => host.multiply(from, right, height, rank, columns))
    for (let e = 0; e < near.length; e++) squares += (values[e] - near[e]) ** 2
    yield* pause
  }
  return squares
})
