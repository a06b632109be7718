import { Effect } from "effect"
import { upload } from "../../Tensor/Host.ts"
import { Backend, compute, type Factorizations, Tensor, type TensorError } from "../../Tensor/index.ts"
import { hostTask } from "../../Weight/index.ts"
import { timeSlice } from "../../Tensor/TimeSlice.ts"
import { transposed } from "../../Tensor/HostMatrix.ts"
import { product } from "./HostMatrix.ts"

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

/**
 * The Gram matrix [count, count] of a [rows, columns] seen along the directions [count, columns], that is of a directionsᵀ;
 * without directions that of a itself. On the backend where it has float64, whose products transpose nothing.
 */
export const gramMatrix = Effect.fnUntraced(function* (
  a: Float64Array,
  columns: number,
  directions?: Float64Array
): Effect.fn.Return<Float64Array, TensorError, Backend> {
  const { factorizations: host, dtypes } = yield* Backend
  const pause = timeSlice()
  const count = directions === undefined ? columns : directions.length / columns
  const gram = new Float64Array(count * count)
  for (const block of blocksOf(a, columns)) {
    const part = dtypes.has("float64")
      ? yield* gramOnBackend(block, columns, directions)
      : yield* hostTask(() => gramOnHost(block, columns, directions, host))
    for (let e = 0; e < gram.length; e++) gram[e] += part[e]
    yield* pause
  }
  return gram
})

const gramOnBackend = ({ values, height }: Block, columns: number, directions: Float64Array | undefined) =>
  Effect.scoped(
    Effect.flatMap(
      compute((t) => {
        const block = upload(t.region, values, [height, columns], "float64")
        if (directions === undefined) return t.matmul(block, block, { transposeA: true })
        const axes = upload(t.region, directions, [directions.length / columns, columns], "float64")
        const along = t.matmul(block, axes, { transposeB: true })
        return t.matmul(along, along, { transposeA: true })
      }),
      Tensor.toArray
    )
  )

const gramOnHost = (
  { values, height }: Block,
  columns: number,
  directions: Float64Array | undefined,
  host: Factorizations
): Float64Array => {
  const count = directions === undefined ? columns : directions.length / columns
  const along =
    directions === undefined
      ? values
      : product(host, values, transposed(directions, count, columns), height, columns, count)
  return product(host, transposed(along, height, count), along, count, height, count)
}

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
