import { Effect } from "effect"
import { type Backend, compute, NumericalError, Tensor, type TensorError } from "../Tensor/index.ts"
import { indexOfNotFinite } from "../Tensor/HostMatrix.ts"
import { type Gpt2, parameters } from "./Gpt2.ts"

/**
 * Fails with `NumericalError` where a parameter of the model is NaN or infinite, and names the tensor and the element: what is asked before long
 * work that such a number would spoil.
 *
 * @example
 *   yield* requireFiniteParameters(model)
 */
export const requireFiniteParameters = Effect.fn("Model.requireFiniteParameters")(function* (
  model: Gpt2
): Effect.fn.Return<void, TensorError, Backend> {
  for (const [name, x] of Object.entries(parameters(model))) {
    // A sum is finite where all are, unless it overflows; only then are the numbers themselves looked at.
    const sum = yield* Effect.scoped(
      Effect.flatMap(
        compute((t) => t.sum(x)),
        Tensor.toNumber
      )
    )
    if (Number.isFinite(sum)) continue
    const values = yield* Tensor.toArray(x)
    const bad = indexOfNotFinite(values)
    if (bad < 0) continue
    return yield* new NumericalError({
      operation: "requireFiniteParameters",
      reason: `element ${bad} of "${name}" [${x.shape}] is ${values[bad]}: the model is damaged, or its training diverged`
    })
  }
})
