import { Effect, type Scope } from "effect"
import { Backend, compute, ShapeError, Tensor, type TensorError } from "../Tensor/index.ts"
import { upload } from "../Tensor/Host.ts"
import { hostTask } from "../Tensor/HostTask.ts"
import { lowRank } from "./LowRank.ts"
import type { Weight } from "./Weight.ts"

/**
 * The nearest matrix of a rank in the Frobenius norm (Eckart and Young, 1936), as a weight in the scope. Works through the
 * Gram matrix of the shorter side, in float64 where the backend has it: the directions that are kept are those of the largest eigenvalues, for which that
 * is accurate. Fails with `ShapeError` for a rank outside 1..min(inputs, outputs), and with `NumericalError` for NaN.
 *
 * @example
 *   const weight = yield* truncatedSvd(w, 45)
 */
export const truncatedSvd = Effect.fn("Weight.truncatedSvd")(function* (
  matrix: Tensor,
  rank: number
): Effect.fn.Return<Weight, TensorError, Backend | Scope.Scope> {
  const [inputs, outputs] = matrix.shape
  if (matrix.shape.length !== 2 || !(rank >= 1 && rank <= Math.min(inputs, outputs)))
    return yield* new ShapeError({
      operation: "truncatedSvd",
      reason: `needs a matrix and a rank from 1 to its shorter side, not ${rank}`,
      shapes: [matrix.shape]
    })
  const { factorizations, dtypes } = yield* Backend
  const tall = inputs >= outputs
  const gram = yield* Effect.scoped(
    Effect.flatMap(
      compute((t) => {
        const x = dtypes.has("float64") ? t.cast(matrix, "float64") : matrix
        return tall ? t.matmul(x, x, { transposeA: true }) : t.matmul(x, x, { transposeB: true })
      }),
      Tensor.toArray
    )
  )
  const side = Math.min(inputs, outputs)
  const { vectors } = yield* hostTask(() => factorizations.eigh(Float64Array.from(gram), side))
  // The eigenvalues ascend: the last `rank` columns span the best subspace.
  const basis = new Float64Array(side * rank)
  for (let i = 0; i < side; i++)
    for (let j = 0; j < rank; j++) basis[i * rank + j] = vectors[i * side + side - 1 - j]
  return yield* compute((t) => {
    const directions = upload(t.region, basis, [side, rank], matrix.dtype)
    return tall
      ? { left: t.matmul(matrix, directions), right: t.transpose(directions) }
      : { left: t.cast(directions, matrix.dtype), right: t.matmul(directions, matrix, { transposeA: true }) }
  }).pipe(Effect.map(({ left, right }) => lowRank(left, right)))
})
