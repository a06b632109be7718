import { Result, Schema } from "effect"
import { ShapeError, type Tensor } from "../Tensor/index.ts"
import { type WeightCodec, decodeDescription } from "./Codec.ts"
import { matrixShape, overRows } from "./Rows.ts"
import type { Weight } from "./Weight.ts"

/**
 * W = left right, left [inputs, rank], right [rank, outputs]; the truncated SVD is one. Throws `ShapeError` where the two
 * do not fit together.
 *
 * @example
 *   const y = lowRank(left, right).apply(t, x, bias)
 */
export const lowRank = (left: Tensor, right: Tensor): Weight => {
  const [inputs, rank] = matrixShape("lowRank", left)
  const [rows, outputs] = matrixShape("lowRank", right)
  if (rank !== rows)
    throw new ShapeError({
      operation: "lowRank",
      reason: `ranks ${rank} and ${rows} differ`,
      shapes: [left.shape, right.shape]
    })
  const storedParameters = rank * (inputs + outputs)
  return {
    format: "low-rank",
    inputs,
    outputs,
    tensors: { left, right },
    indices: {},
    withTensors: (tensors) => lowRank(tensors.left, tensors.right),
    apply: (t, x, bias) => t.linear(t.linear(x, left), right, bias),
    applyTransposed: (t, x) =>
      overRows(t, x, (rows) =>
        t.matmul(t.matmul(rows, right, { transposeB: true }), left, { transposeB: true })
      ),
    rows: (t, indices) => t.linear(t.gather(left, indices), right),
    toDense: (t) => t.matmul(left, right),
    storedParameters,
    multiplyAdds: (rows) => rows * storedParameters
  }
}

const Description = Schema.Struct({ rank: Schema.Int.check(Schema.isGreaterThan(0)) })

/** Low-rank weights in files: "left" and "right", and the rank in the configuration. */
export const lowRankCodec: WeightCodec = {
  format: "low-rank",
  describe: (weight) => ({ rank: weight.tensors.left.shape[1] }),
  layout: (description, inputs, outputs) =>
    Result.map(decodeDescription(Description, description), ({ rank }) => ({
      tensors: { left: [inputs, rank], right: [rank, outputs] },
      indices: {},
      assemble: (_, tensors) => lowRank(tensors.left, tensors.right)
    }))
}
