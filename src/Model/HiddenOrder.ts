import type { Operations } from "../Tensor/index.ts"
import { upload } from "../Tensor/Host.ts"
import { dense } from "../Weight/index.ts"
import { type Gpt2, withParameters, withWeight } from "./Gpt2.ts"

/**
 * The same network with the hidden units of one layer's MLP in another order: the columns of c_fc, its bias and the rows of c_proj, which become
 * plain matrices. Runs inside a region. What a permutation of c_fc's columns and c_proj's rows would cost at run time costs nothing here.
 *
 * order: a permutation of the hidden units; unit i of the result is unit order[i].
 *
 * @example
 *   const same = yield* compute((t) => inHiddenOrder(t, model, 3, order))
 */
export const inHiddenOrder = (t: Operations, model: Gpt2, layer: number, order: Uint32Array): Gpt2 => {
  const [first, second] = [`h.${layer}.mlp.c_fc`, `h.${layer}.mlp.c_proj`]
  const indices = upload(t.region, Int32Array.from(order), [order.length])
  const columns = (matrix: ReturnType<typeof t.transpose>) =>
    t.transpose(t.gather(t.transpose(matrix, [1, 0]), indices), [1, 0])
  const reordered = withWeight(
    withWeight(model, first, dense(columns(model.weights[first].toDense(t)))),
    second,
    dense(t.gather(model.weights[second].toDense(t), indices))
  )
  const bias = t.gather(t.reshape(model.tensors[`${first}.bias`], [-1, 1]), indices)
  return withParameters(reordered, { [`${first}.bias`]: t.reshape(bias, [-1]) })
}
