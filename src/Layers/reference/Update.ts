import type { AdamWOptions } from "../../Tensor/Backend.ts"
import type { TypedArray } from "../../Tensor/Tensor.ts"

/**
 * One AdamW step written into `parameter`, `first` and `second`, all of one length:
 * p -= learningRate (m / correction1 / (sqrt(v / correction2) + epsilon) + weightDecay p).
 */
export const adamW = (
  parameter: TypedArray,
  gradient: TypedArray,
  first: TypedArray,
  second: TypedArray,
  scale: number,
  options: AdamWOptions
): void => {
  const { learningRate, beta1, beta2, epsilon, weightDecay, correction1, correction2 } = options
  for (let i = 0; i < parameter.length; i++) {
    const g = scale * gradient[i]
    const m = beta1 * first[i] + (1 - beta1) * g
    const v = beta2 * second[i] + (1 - beta2) * g * g
    const direction = m / correction1 / (Math.sqrt(v / correction2) + epsilon)
    parameter[i] -= learningRate * (direction + weightDecay * parameter[i])
    first[i] = m
    second[i] = v
  }
}
