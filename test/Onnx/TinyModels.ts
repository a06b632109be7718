import { Effect, type Scope } from "effect"
import type { KroneckerShape } from "../../src/Kronecker/Contraction.ts"
import { kroneckerWeight } from "../../src/Kronecker/KroneckerWeight.ts"
import { type Gpt2, tensorShapes, weightSizes, withWeight } from "../../src/Model/Gpt2.ts"
import * as ModelConfig from "../../src/Model/ModelConfig.ts"
import { key, stream } from "../../src/Random/index.ts"
import { type Backend, compute, type Shape, Tensor, type TensorError } from "../../src/Tensor/index.ts"
import { tensorTrainWeight } from "../../src/TensorTrain/index.ts"
import { dense, lowRank, type Weight } from "../../src/Weight/index.ts"

type Made<A> = Effect.Effect<A, TensorError, Backend | Scope.Scope>

/** A vocabulary of 12, so that a Kronecker factor may have any part of its rows. */
const config = ModelConfig.make({
  model_type: "gpt2",
  vocab_size: 12,
  n_positions: 6,
  n_embd: 8,
  n_layer: 1,
  n_head: 2
})

const tensor = (name: string, shape: Shape, mean = 0): Made<Tensor> => {
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1))
  stream(key(name)).fillNormal(values, mean, 0.4)
  return Tensor.fromArray(values, shape)
}

/** Plain matrices, every number away from its initial value. */
export const denseModel = Effect.gen(function* () {
  const settled = yield* config
  const weights: Record<string, Weight> = {}
  for (const [name, size] of Object.entries(weightSizes(settled)))
    weights[name] = dense(yield* tensor(name, size))
  const tensors: Record<string, Tensor> = {}
  for (const [name, shape] of Object.entries(tensorShapes(settled)))
    tensors[name] = yield* tensor(name, shape, /ln_.*weight/.test(name) ? 1 : 0)
  return { config: settled, weights, tensors }
})

export const denseOf = (name: string, size: readonly [number, number]): Made<Weight> =>
  Effect.map(tensor(name, size), dense)

export const lowRankOf = (name: string, [inputs, outputs]: readonly [number, number], rank: number) =>
  Effect.gen(function* () {
    return lowRank(
      yield* tensor(`${name} left`, [inputs, rank]),
      yield* tensor(`${name} right`, [rank, outputs])
    )
  })

export interface Permuted {
  readonly rows: boolean
  readonly columns: boolean
}

export const kroneckerOf = (
  name: string,
  { terms, left, right }: KroneckerShape,
  permuted: Permuted = { rows: false, columns: false }
): Made<Weight> =>
  Effect.gen(function* () {
    const random = stream(key(`${name} permutations`))
    const parts = {
      left: yield* tensor(`${name} left`, [terms, ...left]),
      right: yield* tensor(`${name} right`, [terms, ...right]),
      rows: permuted.rows ? random.permutation(left[0] * right[0]) : undefined,
      columns: permuted.columns ? random.permutation(left[1] * right[1]) : undefined
    }
    return yield* compute((t) => kroneckerWeight(t, parts))
  })

/** ranks: those between the cores. */
export const tensorTrainOf = (
  name: string,
  inputs: ReadonlyArray<number>,
  outputs: ReadonlyArray<number>,
  ranks: ReadonlyArray<number>
): Made<Weight> =>
  Effect.gen(function* () {
    const all = [1, ...ranks, 1]
    const cores: Array<Tensor> = []
    for (let k = 0; k < inputs.length; k++)
      cores.push(yield* tensor(`${name} core ${k}`, [all[k], inputs[k], outputs[k], all[k + 1]]))
    return yield* compute((t) => tensorTrainWeight(t, cores))
  })

/** The dense model with some of its weights replaced; "lm_head" may be new. */
export const modelWith = (replaced: Readonly<Record<string, Made<Weight>>>) =>
  Effect.gen(function* () {
    let model: Gpt2 = yield* denseModel
    for (const [name, make] of Object.entries(replaced)) model = withWeight(model, name, yield* make)
    return model
  })
