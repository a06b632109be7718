import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { adamW, Distill, Schedule } from "../../../src/Distill/index.ts"
import { initialise, ModelConfig, TextSet } from "../../../src/Model/index.ts"
import { key, stream } from "../../../src/Random/index.ts"
import { Backend } from "../../../src/Tensor/index.ts"
import { engine, systemBlas } from "./engines.ts"

describe("training on the CPU", () => {
  it.effect("takes no more memory after its first steps", () =>
    Effect.gen(function* () {
      for (const blas of [undefined, systemBlas()]) {
        const { kernels, memory } = yield* engine(2, blas === undefined ? {} : { blas })
        yield* Effect.gen(function* () {
          const config = yield* ModelConfig.make({
            model_type: "gpt2",
            vocab_size: 512,
            n_positions: 64,
            n_embd: 64,
            n_layer: 3,
            n_head: 4
          })
          const model = yield* initialise(config, key(1))
          const numbers = stream(key(2))
          const text = Int32Array.from({ length: 5000 }, () => numbers.integer(512))
          const windows = yield* TextSet.trainingWindows(text, 64)
          const distill = yield* Distill
          const run = yield* distill.prepare({
            student: model,
            nextBatch: (from) => windows.sample(8, from),
            steps: 100,
            schedule: Schedule.constant({ peak: 1e-4 }),
            optimizer: adamW(),
            clipNorm: 1,
            reportEvery: 1,
            key: key(3)
          })
          let state = yield* run.init
          const sizes: Array<number> = []
          const live: Array<number> = []
          for (let i = 1; i <= 20; i++) {
            const [next] = yield* run.step(state)
            state = next
            sizes.push(memory.memory.buffer.byteLength)
            live.push(memory.liveBuffers)
          }
          assert.isAbove(sizes[2], 2 ** 24)
          for (let i = 3; i < 20; i++) assert.deepStrictEqual([sizes[i], live[i]], [sizes[2], live[2]])
        }).pipe(
          Effect.provide(Distill.layer),
          Effect.provide(NodeServices.layer),
          Effect.provideService(Backend, kernels),
          Effect.scoped
        )
        assert.strictEqual(memory.liveBuffers, 0)
      }
    })
  )
})
