import { Effect } from "effect"
import * as BytePairTraining from "../../src/Model/BytePairTraining.ts"
import { type Gpt2, tensorShapes, weightSizes } from "../../src/Model/Gpt2.ts"
import * as ModelConfig from "../../src/Model/ModelConfig.ts"
import * as Tokenizer from "../../src/Model/Tokenizer.ts"
import { Tensor } from "../../src/Tensor/index.ts"
import { sizeOf } from "../../src/Tensor/Tensor.ts"
import { dense, type Weight } from "../../src/Weight/index.ts"

/** A tokenizer whose tokens are the bytes, and the end of a text. */
export const byteTokenizer = Effect.flatMap(BytePairTraining.train(["x"], { vocabularySize: 257 }), (json) =>
  Tokenizer.make(json)
)

const vocabulary = 257

/**
 * A network over the bytes that is known by heart: after each byte named it finds `follows[byte]` likeliest, and after any other "?".
 * Embeddings are unit vectors, the layer adds nothing, and the head says what follows each.
 */
export const byteBigrams = Effect.fnUntraced(function* (
  follows: Readonly<Record<string, string>>,
  positions = 48
) {
  const tokenizer = yield* byteTokenizer
  const idOf = (byte: string) => Effect.map(tokenizer.encode(byte), ([id]) => id)
  const made = yield* ModelConfig.make({
    model_type: "gpt2",
    vocab_size: vocabulary,
    n_positions: positions,
    n_embd: vocabulary,
    n_layer: 1,
    n_head: 1,
    n_inner: 2
  })
  const config = { ...made, tie_word_embeddings: false }
  const head = new Float32Array(vocabulary * vocabulary)
  const other = yield* idOf("?")
  for (let id = 0; id < vocabulary; id++) head[other * vocabulary + id] = 0.5
  for (const [byte, next] of Object.entries(follows))
    head[(yield* idOf(next)) * vocabulary + (yield* idOf(byte))] = 1
  const weights: Record<string, Weight> = {}
  for (const [name, size] of Object.entries(weightSizes(config))) {
    const values = name === "lm_head" ? head : new Float32Array(sizeOf(size))
    if (name === "wte") for (let id = 0; id < vocabulary; id++) values[id * vocabulary + id] = 1
    weights[name] = dense(yield* Tensor.fromArray(values, size))
  }
  const tensors: Record<string, Tensor> = {}
  for (const [name, shape] of Object.entries(tensorShapes(config)))
    tensors[name] = yield* Tensor.full(shape, /ln_.*weight/.test(name) ? 1 : 0)
  return { config, weights, tensors } satisfies Gpt2
})
