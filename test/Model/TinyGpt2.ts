import { Effect, type Scope } from "effect"
import { kroneckerWeight } from "../../src/Kronecker/KroneckerWeight.ts"
import { type Gpt2, tensorShapes, weightSizes, withWeight } from "../../src/Model/Gpt2.ts"
import * as ModelConfig from "../../src/Model/ModelConfig.ts"
import type { ModelConfigError } from "../../src/Model/Errors.ts"
import { key, stream } from "../../src/Random/index.ts"
import {
  type Backend,
  compute,
  type Shape,
  Storage,
  Tensor,
  type TensorError
} from "../../src/Tensor/index.ts"
import { dense, lowRank, type Weight } from "../../src/Weight/index.ts"

export const tinyConfig = ModelConfig.make({
  model_type: "gpt2",
  vocab_size: 11,
  n_positions: 6,
  n_embd: 8,
  n_layer: 2,
  n_head: 2
})

/** float32 values, so that a file holds them exactly. */
const numbers = (name: string, shape: Shape, mean: number): Float32Array => {
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1))
  stream(key(name)).fillNormal(values, mean, 0.4)
  return values
}

const tensor = (name: string, shape: Shape, mean = 0) => Tensor.fromArray(numbers(name, shape, mean), shape)

/** Two layers of width 8 with every parameter away from its initial value, so that each has an effect. */
export const tinyGpt2: Effect.Effect<Gpt2, TensorError | ModelConfigError, Backend | Scope.Scope> =
  Effect.gen(function* () {
    const config = yield* tinyConfig
    const weights: Record<string, Weight> = {}
    for (const [name, size] of Object.entries(weightSizes(config)))
      weights[name] = dense(yield* tensor(name, size))
    const tensors: Record<string, Tensor> = {}
    for (const [name, shape] of Object.entries(tensorShapes(config)))
      tensors[name] = yield* tensor(name, shape, /ln_.*weight/.test(name) ? 1 : 0)
    return { config, weights, tensors }
  })

/** The same with a weight of every format: wte and c_fc Kronecker sums, c_proj with permutations, c_attn of low rank. */
export const compressedGpt2 = Effect.gen(function* () {
  const model = yield* tinyGpt2
  const kronecker = Effect.fnUntraced(function* (
    name: string,
    terms: number,
    left: readonly [number, number],
    right: readonly [number, number],
    permuted: { readonly rows?: Uint32Array; readonly columns?: Uint32Array } = {}
  ) {
    const parts = {
      left: yield* tensor(`${name} left`, [terms, ...left]),
      right: yield* tensor(`${name} right`, [terms, ...right]),
      ...permuted
    }
    return yield* compute((t) => kroneckerWeight(t, parts))
  })
  const rank = {
    left: yield* tensor("left", [8, 3]),
    right: yield* tensor("right", [3, 24])
  }
  const random = stream(key("permutations"))
  const replaced: Record<string, Weight> = {
    wte: yield* kronecker("wte", 1, [11, 4], [1, 2]),
    "h.0.mlp.c_fc": yield* kronecker("c_fc", 2, [4, 8], [2, 4], { rows: random.permutation(8) }),
    "h.1.mlp.c_proj": yield* kronecker("c_proj", 2, [8, 4], [4, 2], {
      rows: random.permutation(32),
      columns: random.permutation(8)
    }),
    "h.1.attn.c_attn": yield* compute(() => lowRank(rank.left, rank.right))
  }
  return Object.entries(replaced).reduce((built, [name, weight]) => withWeight(built, name, weight), model)
})

/** A tensor of which only the shape is looked at. */
export const shapeOnly = (shape: Shape): Tensor => ({ shape, dtype: "float32", storage: new Storage({}) })

/** A model of this configuration without a number in memory. */
export const shapesOnly = (config: ModelConfig.ModelConfig): Gpt2 => ({
  config,
  weights: Object.fromEntries(
    Object.entries(weightSizes(config)).map(([name, size]) => [name, dense(shapeOnly(size))])
  ),
  tensors: Object.fromEntries(
    Object.entries(tensorShapes(config)).map(([name, shape]) => [name, shapeOnly(shape)])
  )
})
