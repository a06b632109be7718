import { Effect } from "effect"
import type { Factorizations, TensorError } from "../../Tensor/index.ts"
import { hostTask } from "../../Tensor/HostTask.ts"

/** Numbers of one stretch of a matrix that is read at once: 8 MiB as float64. */
const stretch = 1 << 20

/**
 * The singular values of a matrix, greatest first. x: [rows, columns], row-major. They are the roots of the eigenvalues of its Gram
 * matrix on the shorter side, in float64; what is below 1e-6 of the greatest drowns in rounding, and is 0. Fails with
 * `NumericalError` for NaN and infinite elements.
 *
 * @example
 *   const values = yield* singularValues(w, 768, 3072, factorizations)
 */
export const singularValues = Effect.fn("Compress.singularValues")(function* (
  x: ArrayLike<number>,
  rows: number,
  columns: number,
  host: Factorizations
): Effect.fn.Return<Float64Array, TensorError> {
  const isTall = rows >= columns
  const [long, short] = isTall ? [rows, columns] : [columns, rows]
  const gram = new Float64Array(short * short)
  const most = Math.max(1, Math.floor(stretch / short))
  for (let first = 0; first < long; first += most) {
    yield* Effect.yieldNow
    const count = Math.min(most, long - first)
    // part: [short, count] and its transpose, of the columns (or rows) from `first` on
    const part = new Float64Array(short * count)
    const transposed = new Float64Array(short * count)
    for (let i = 0; i < short; i++)
      for (let j = 0; j < count; j++) {
        const value = isTall ? x[(first + j) * columns + i] : x[i * columns + first + j]
        part[i * count + j] = value
        transposed[j * short + i] = value
      }
    const product = yield* hostTask(() => host.multiply(part, transposed, short, count, short))
    for (let e = 0; e < gram.length; e++) gram[e] += product[e]
  }
  const { values } = yield* hostTask(() => host.eigh(gram, short))
  const roots = values.map((value) => Math.sqrt(Math.max(0, value))).toReversed()
  const least = 1e-6 * roots[0]
  return roots.map((root) => (root < least ? 0 : root))
})
