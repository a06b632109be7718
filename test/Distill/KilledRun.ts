import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { createHash } from "node:crypto"
import { Console, Effect, Layer } from "effect"
import { Distill } from "../../src/Distill/Distill.ts"
import { muon } from "../../src/Distill/Muon.ts"
import * as Schedule from "../../src/Distill/Schedule.ts"
import { cpu } from "../../src/Layers/index.ts"
import { loss } from "../../src/Model/Forward.ts"
import { type Gpt2, parameters } from "../../src/Model/Gpt2.ts"
import { initialise } from "../../src/Model/Initialisation.ts"
import { key } from "../../src/Random/index.ts"
import { compute, Tensor } from "../../src/Tensor/index.ts"
import { upload } from "../../src/Tensor/Host.ts"
import { sentence, sentenceWindows, tinyConfig } from "./TinyGpt2.ts"

// node KilledRun.ts CHECKPOINT HOLD: trains on the CPU, says "step N" after each step and "checkpoint N" when that one is on the disk, and
// at the end "result" with a hash of the parameters' bytes and the evaluations. With a HOLD above 0 it waits after that many steps, so that
// whoever wants to kill it in time always can.

const [path, hold] = process.argv.slice(2)

const heldOutLoss = (model: Gpt2) =>
  compute((t) => {
    const tokens = (start: number) =>
      upload(t.region, Int32Array.from(sentence.slice(start, start + 8)), [1, 8])
    return loss(t, model, tokens(0), tokens(1))
  }).pipe(Effect.flatMap(Tensor.toNumber), Effect.scoped)

const program = Effect.gen(function* () {
  const distill = yield* Distill
  const { model, history } = yield* distill.train(
    {
      student: yield* initialise(tinyConfig, key("killed")),
      nextBatch: sentenceWindows(2),
      steps: 40,
      schedule: Schedule.cosine({ peak: 0.02, warmupSteps: 5 }),
      optimizer: muon({ adamW: { beta1: 0.8 } }),
      key: key("batches"),
      microBatches: 2,
      dropout: 0.1,
      clipNorm: 1,
      reportEvery: 1,
      evaluate: heldOutLoss,
      evaluateEvery: 7,
      keep: "last",
      checkpoint: { path, every: 3 }
    },
    Effect.fnUntraced(function* ({ step, checkpoint }) {
      yield* Console.log(`step ${step}`)
      if (checkpoint !== undefined) yield* Console.log(`checkpoint ${step}`)
      if (step === Number(hold)) yield* Effect.never
    })
  )
  const hash = createHash("sha256")
  for (const [name, x] of Object.entries(parameters(model))) {
    const values = yield* Tensor.toArray(x)
    hash.update(name).update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
  }
  yield* Console.log(`result ${hash.digest("hex")} ${JSON.stringify(history)}`)
})

program.pipe(
  Effect.scoped,
  Effect.provide(Layer.mergeAll(cpu(), Distill.layer, NodeServices.layer)),
  NodeRuntime.runMain
)
