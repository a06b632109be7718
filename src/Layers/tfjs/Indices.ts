import { ShapeError } from "../../Tensor/Errors.ts"
import type { Tensor, TypedArray } from "../../Tensor/Tensor.ts"
import type { Bounds, Device, Pass } from "./Device.ts"
import type { TensorInfo } from "./Engine.ts"

/** The bounds of numbers on the host; of none, and of floats, undefined. */
export const boundsOfNumbers = (values: TypedArray): Bounds | undefined => {
  if (!(values instanceof Int32Array) || values.length === 0) return undefined
  let [least, greatest] = [values[0], values[0]]
  for (const value of values) {
    if (value < least) least = value
    if (value > greatest) greatest = value
  }
  return { least, greatest, exact: true }
}

/** What the host knows of an int32 tensor's elements. */
export const boundsOf = (d: Device, x: Tensor): Bounds | undefined => d.bufferOf(x.storage.buffer).bounds

/** Bounds of a part of the elements, or of the elements in another order. */
export const boundsWithin = (d: Device, x: Tensor): Bounds | undefined => {
  const bounds = boundsOf(d, x)
  return bounds && { ...bounds, exact: false }
}

/**
 * Refuses indices outside [least, end), as far as the host knows them, with a `ShapeError`. Where only the device knows them
 * the check is made there and put off to the next read, and the indices are returned brought into the range.
 */
export const checkedIndices = (
  p: Pass,
  operation: string,
  indices: Tensor,
  end: number,
  least = 0
): TensorInfo => {
  const view = p.view(indices)
  const d = p.device
  const bounds = boundsOf(d, indices)
  if (bounds !== undefined && bounds.least >= least && bounds.greatest < end) return view
  const error = (what: string) =>
    new ShapeError({
      operation,
      reason: `${what} outside [${least}, ${end})`,
      shapes: [indices.shape]
    })
  if (bounds?.exact) throw error(`there are indices from ${bounds.least} to ${bounds.greatest}, some`)
  if (end <= least) throw error("all indices are")
  const [first, last] = [p.fill(least, [], "int32"), p.fill(end - 1, [], "int32")]
  const within = p.binary("Minimum", p.binary("Maximum", view, first), last)
  const changed = p.cast(p.binary("NotEqual", view, within), "float32")
  const axes = changed.shape.map((_, axis) => axis)
  const failed = p.device.engine.run("Max", { x: changed }, { reductionIndices: axes, keepDims: false })
  d.defer(failed, error("an index on the device is"))
  return within
}
