import { Result } from "effect"
import type { Tensor } from "../Tensor/index.ts"
import type { WeightCodec } from "./Codec.ts"
import { matrixShape, overRows } from "./Rows.ts"
import type { Weight } from "./Weight.ts"

/**
 * The matrix itself: weight [inputs, outputs], GPT-2's Conv1D layout. Throws `ShapeError` for anything but a matrix.
 *
 * @example
 *   const y = dense(w).apply(t, x, bias)
 */
export const dense = (weight: Tensor): Weight => {
  const [inputs, outputs] = matrixShape("dense", weight)
  return {
    format: "dense",
    inputs,
    outputs,
    tensors: { weight },
    indices: {},
    withTensors: (tensors) => dense(tensors.weight),
    apply: (t, x, bias) => t.linear(x, weight, bias),
    applyTransposed: (t, x) => overRows(t, x, (rows) => t.matmul(rows, weight, { transposeB: true })),
    rows: (t, indices) => t.gather(weight, indices),
    toDense: () => weight,
    storedParameters: inputs * outputs,
    multiplyAdds: (rows) => rows * inputs * outputs
  }
}

/** Dense weights in files: one tensor, "weight". */
export const denseCodec: WeightCodec = {
  format: "dense",
  describe: () => ({}),
  layout: (_, inputs, outputs) =>
    Result.succeed({
      tensors: { weight: [inputs, outputs] },
      indices: {},
      assemble: (_, tensors) => dense(tensors.weight)
    })
}
