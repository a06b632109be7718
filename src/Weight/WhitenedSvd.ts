import { Effect, type Scope } from "effect"
import { Backend, compute, NumericalError, ShapeError, Tensor, type TensorError } from "../Tensor/index.ts"
import { upload } from "../Tensor/Host.ts"
import { indexOfNotFinite } from "../Tensor/HostMatrix.ts"
import { hostTask } from "../Tensor/HostTask.ts"
import { lowRank } from "./LowRank.ts"
import { checkSymmetric, checkWeighting, type Weighting } from "./Weighting.ts"
import type { Weight } from "./Weight.ts"
import { lowRankBetween } from "./WeightedLowRank.ts"

/**
 * The matrix of a rank that is nearest in a weighted norm, ||C^{1/2} (W - W')||, as a weight in the scope: the truncated singular
 * value decomposition of Lᵀ W with C = L Lᵀ, and L⁻ᵀ before it (SVD-LLM, arXiv 2403.07378); exact. In float64 on the host.
 *
 * Fails with `ShapeError` for a rank outside 1..min(inputs, outputs) and a weighting of another size, and with
 * `NumericalError` for NaN and a covariance that is not positive definite.
 *
 * @example
 *   const weight = yield* whitenedSvd(w, 45, { covariance })
 */
export const whitenedSvd = Effect.fn("Weight.whitenedSvd")(function* (
  matrix: Tensor,
  rank: number,
  weighting: Weighting,
  metric?: Float64Array
): Effect.fn.Return<Weight, TensorError, Backend | Scope.Scope> {
  const [inputs, outputs] = matrix.shape
  if (
    matrix.shape.length !== 2 ||
    !(Number.isInteger(rank) && rank >= 1 && rank <= Math.min(inputs, outputs))
  )
    return yield* new ShapeError({
      operation: "whitenedSvd",
      reason: `needs a matrix and a rank from 1 to its shorter side, not ${rank}`,
      shapes: [matrix.shape]
    })
  const { factorizations } = yield* Backend
  yield* checkWeighting("whitenedSvd", weighting, inputs, factorizations)
  if (metric !== undefined) yield* checkSymmetric("whitenedSvd", { covariance: metric }, outputs)
  const values = Float64Array.from(yield* Tensor.toArray(matrix))
  const bad = indexOfNotFinite(values)
  if (bad >= 0)
    return yield* new NumericalError({
      operation: "whitenedSvd",
      reason: `element [${Math.floor(bad / outputs)}, ${bad % outputs}] is ${values[bad]}`
    })
  const { left, right } = yield* hostTask(() =>
    lowRankBetween(values, outputs, rank, weighting, metric, factorizations)
  )
  return yield* compute((t) =>
    lowRank(
      upload(t.region, left, [inputs, rank], matrix.dtype),
      upload(t.region, right, [rank, outputs], matrix.dtype)
    )
  )
})
