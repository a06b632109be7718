// Writes a randomly initialised GPT-2 of full size to the directory named: node bench/scale/RandomGpt2.ts DIR
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Effect } from "effect"
import * as Layers from "../../src/Layers/index.ts"
import { initialise, ModelConfig, save } from "../../src/Model/index.ts"
import { key } from "../../src/Random/index.ts"

const program = Effect.gen(function* () {
  const config = yield* ModelConfig.make({
    model_type: "gpt2",
    vocab_size: 50_257,
    n_positions: 1024,
    n_embd: 768,
    n_layer: 12,
    n_head: 12
  })
  yield* save(yield* initialise(config, key(1)), process.argv[2])
})

program.pipe(
  Effect.scoped,
  Effect.provide(Layers.cpu()),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
