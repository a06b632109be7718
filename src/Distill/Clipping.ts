import type { Operations, Tensor } from "../Tensor/index.ts"
import type { Tensors } from "./Optimizer.ts"

export interface Clipping {
  /** Euclidean norm of the mean gradient of all parameters together; one number on the device. */
  readonly norm: Tensor
  /** What the summed gradients are to be multiplied by: min(1, limit / norm) / count. */
  readonly scale: Tensor
}

/**
 * Clipping by the global norm (Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2013) of the mean of
 * `count` summed gradients, without a read by the host. `gradients` has at least one tensor; without a limit nothing is clipped.
 */
export const clipByGlobalNorm = (
  t: Operations,
  gradients: Tensors,
  count: number,
  limit: number | undefined
): Clipping => {
  const squares = Object.values(gradients).map((gradient) =>
    t.reshape(t.sumOfSquares(t.reshape(gradient, [-1])), [1])
  )
  const norm = t.multiply(t.sqrt(t.sum(t.concatenate(squares, 0))), 1 / count)
  const clipped =
    limit === undefined ? t.full([], 1, norm.dtype) : t.minimum(t.divide(limit, t.add(norm, 1e-12)), 1)
  return { norm, scale: t.multiply(clipped, 1 / count) }
}
