import { Effect, FileSystem, Path } from "effect"
import * as ModelConfig from "../../src/Model/ModelConfig.ts"
import * as ModelDirectory from "../../src/Model/ModelDirectory.ts"
import * as SafeTensors from "../../src/Model/SafeTensors.ts"

/** A network of embeddings only: enough to have names, shapes and a head. */
export const makeConfig = ModelConfig.make({
  model_type: "gpt2",
  vocab_size: 4,
  n_positions: 3,
  n_embd: 2,
  n_layer: 1,
  n_head: 1
})

export const expectedTensors = (config: ModelConfig.ModelConfig) =>
  Effect.succeed([
    { name: "wte.weight", shape: [config.vocab_size, config.n_embd] },
    { name: "wpe.weight", shape: [config.n_positions, config.n_embd] },
    ...(config.tie_word_embeddings
      ? []
      : [{ name: "lm_head.weight", shape: [config.vocab_size, config.n_embd] }])
  ])

export const floats = (count: number, first = 0) => Float32Array.from({ length: count }, (_, i) => first + i)
export const wte = SafeTensors.fromArray("wte.weight", [4, 2], floats(8))
export const wpe = SafeTensors.fromArray("wpe.weight", [3, 2], floats(6, 100))

/** A path in a directory of its own where nothing is yet. */
export const temporaryPath = Effect.gen(function* () {
  const fileSystem = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  return join(yield* fileSystem.makeTempDirectoryScoped(), "gpt2")
})

export const open = (directory: string) => ModelDirectory.open(directory, expectedTensors)
