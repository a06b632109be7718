import { Effect, type Scope } from "effect"
import { fold, type Key, stream } from "../Random/index.ts"
import { type Backend, type Shape, Tensor, type TensorError } from "../Tensor/index.ts"
import { sizeOf } from "../Tensor/Tensor.ts"
import { dense, type Weight } from "../Weight/index.ts"
import { type Gpt2, tensorShapes, weightSizes } from "./Gpt2.ts"
import type { ModelConfig } from "./ModelConfig.ts"
import { timeSlice } from "../Iteration/TimeSlice.ts"

/** Standard deviation of weights and embeddings in GPT-2. */
const deviation = 0.02

/** Numbers drawn between two looks at the clock. */
const chunk = 1 << 16

/**
 * An untrained GPT-2 with dense weights, in the current scope: normal weights of deviation 0.02, those that write into the
 * residual stream divided by the square root of the number of residual branches (Radford et al., 2019, section 2.3), biases
 * 0, gains 1. A tensor's numbers depend on the key and its name alone.
 *
 * @example
 *   const model = yield* initialise(config, key(1))
 */
export const initialise = Effect.fn("Model.initialise")(function* (
  config: ModelConfig,
  key: Key
): Effect.fn.Return<Gpt2, TensorError, Backend | Scope.Scope> {
  const pause = timeSlice()
  const normal = Effect.fnUntraced(function* (name: string, shape: Shape, scale: number) {
    const numbers = stream(fold(key, name))
    const values = new Float32Array(sizeOf(shape))
    for (let start = 0; start < values.length; start += chunk) {
      numbers.fillNormal(values.subarray(start, start + chunk), 0, scale)
      yield* pause
    }
    return yield* Tensor.fromArray(values, shape)
  })

  const weights: Record<string, Weight> = {}
  for (const [name, size] of Object.entries(weightSizes(config))) {
    const residual = name.endsWith(".c_proj")
    const scale = residual ? deviation / Math.sqrt(2 * config.n_layer) : deviation
    weights[name] = dense(yield* normal(`${name}.weight`, size, scale))
  }
  const tensors: Record<string, Tensor> = {}
  for (const [name, shape] of Object.entries(tensorShapes(config))) {
    if (name === "wpe.weight") tensors[name] = yield* normal(name, shape, deviation)
    else tensors[name] = yield* Tensor.full(shape, name.endsWith(".weight") ? 1 : 0)
  }
  return { config, weights, tensors }
})
