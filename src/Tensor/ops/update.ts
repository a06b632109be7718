import type { AdamWOptions } from "../Backend.ts"
import { ShapeError } from "../Errors.ts"
import type { Region } from "../Region.ts"
import { sameShape, sizeOf, type Tensor } from "../Tensor.ts"
import { requireFloat, requireSameDType } from "./arguments.ts"

export interface AdamWTensors {
  readonly parameter: Tensor
  readonly gradient: Tensor
  /** Running means of the gradient and of its square, of the parameter's shape. */
  readonly first: Tensor
  readonly second: Tensor
  /** One number that multiplies the gradient (clipping by norm). */
  readonly scale: Tensor
}

/** One AdamW step in place: the parameter and its two moments hold their new values afterwards. */
export const adamW = (r: Region, tensors: AdamWTensors, options: AdamWOptions): void => {
  const { parameter, gradient, first, second, scale } = tensors
  r.check("adamW", parameter, gradient, first, second, scale)
  requireFloat("adamW", parameter)
  requireSameDType("adamW", parameter, gradient, first, second, scale)
  const fits =
    [gradient, first, second].every((x) => sameShape(x.shape, parameter.shape)) && sizeOf(scale.shape) === 1
  if (!fits)
    throw new ShapeError({
      operation: "adamW",
      reason: "gradient and moments have the parameter's shape, scale is one number",
      shapes: [parameter.shape, gradient.shape, first.shape, second.shape, scale.shape]
    })
  const updated = r.kernels.adamW(parameter, gradient, first, second, scale, options)
  parameter.storage.buffer = updated[0]
  first.storage.buffer = updated[1]
  second.storage.buffer = updated[2]
}

/**
 * In place: target holds source's elements afterwards, source is gone if this region made it. For parameters and optimiser
 * moments, outside of `valueAndGradients`: what a tape remembers must not change under it.
 */
export const assign = (r: Region, target: Tensor, source: Tensor): void => {
  r.check("assign", target, source)
  requireSameDType("assign", target, source)
  if (!sameShape(target.shape, source.shape))
    throw new ShapeError({
      operation: "assign",
      reason: "the shapes differ",
      shapes: [target.shape, source.shape]
    })
  if (target.storage === source.storage) return
  const references = () => source.storage.references
  const exchange = () => {
    const { buffer } = target.storage
    target.storage.buffer = source.storage.buffer
    source.storage.buffer = buffer
  }
  if (references() === 1) {
    exchange()
    r.release(source)
    if (references() === 0) return
    // Another scope owns source, and it keeps its elements.
    exchange()
  }
  const start = source.shape.map(() => 0)
  const copy = r.kernels.slice(source, start, source.shape)
  r.kernels.release(target.storage.buffer)
  target.storage.buffer = copy
  r.release(source)
}
