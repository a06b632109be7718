import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { adamW } from "../../src/Distill/AdamW.ts"
import { readCheckpoint, type RunIdentity, writeCheckpoint } from "../../src/Distill/Checkpoint.ts"
import { CheckpointError } from "../../src/Distill/Errors.ts"
import * as Schedule from "../../src/Distill/Schedule.ts"
import * as Trainer from "../../src/Distill/Trainer.ts"
import type { TrainingState } from "../../src/Distill/TrainingState.ts"
import { MockControls } from "../../src/Layers/Mock.ts"
import * as SafeTensors from "../../src/Model/SafeTensors.ts"
import { key } from "../../src/Random/index.ts"
import { Tensor } from "../../src/Tensor/index.ts"
import { onMockWithFiles, temporaryPath } from "./onMockWithFiles.ts"
import { freshParameters, type Parameters, regression } from "./RegressionTask.ts"

const settings: Trainer.TrainerSettings = {
  steps: 6,
  schedule: Schedule.stableDecay({ peak: 0.05, warmupSteps: 2, decaySteps: 2 }),
  optimizer: adamW(),
  key: key("checkpoint"),
  clipNorm: 1
}

/** A run as far as its checkpoint after the third update. */
const checkpointed = Effect.gen(function* () {
  const path = yield* temporaryPath
  const trainer = Trainer.make(regression(yield* freshParameters), {
    ...settings,
    checkpoint: { path, every: 3 }
  })
  yield* trainer.step(yield* trainer.resume)
  return path
})

const resumeWith = (
  path: string,
  changes: Partial<Trainer.TrainerSettings>,
  task: (parameters: Parameters) => ReturnType<typeof regression> = regression
) =>
  Effect.gen(function* () {
    const trainer = Trainer.make(task(yield* freshParameters), {
      ...settings,
      ...changes,
      checkpoint: { path, every: 3 }
    })
    return yield* trainer.resume
  }).pipe(Effect.scoped)

const fiveNumbers = (data: ReadonlyArray<number>, dtype: "float32" | "float64") =>
  Tensor.fromArray(data, [5], dtype)

const bits = (data: ArrayBufferView) => [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]

describe("Checkpoint", () => {
  it.effect("gives back every bit: of parameters, moments, best, and the rest of the state", () =>
    Effect.gen(function* () {
      const path = yield* temporaryPath
      const values = [Math.PI, -0, 5e-324, 1e308, 1 / 3]
      const identity: RunIdentity = {
        steps: 9,
        schedule: Schedule.constant({ peak: 0.1 }),
        settings: { b: [1, null, "x"], a: { c: -0 } }
      }
      const state: TrainingState = {
        step: 7,
        parameters: {
          w: yield* fiveNumbers(values, "float64"),
          v: yield* fiveNumbers([0.1, 0.2, 0.3, 0.4, 0.5], "float32")
        },
        moments: { "w.first": yield* fiveNumbers([5, 4, 3, 2, 1 / 7], "float64") },
        sampler: { generator: "xoroshiro128plus", words: [1, -2, 3, -4] },
        seconds: 1.5,
        best: {
          step: 4,
          evaluation: 0.25,
          parameters: { w: Float64Array.from([9, 8, 7, 6, 1 / 9]), v: Float32Array.from([1, 2, 3, 4, 0.7]) }
        },
        history: [{ step: 4, loss: 1 / 3, evaluation: 0.25 }]
      }
      yield* writeCheckpoint(path, identity, state)
      const fresh: TrainingState = {
        ...state,
        step: 0,
        parameters: { w: yield* Tensor.full([5], 0), v: yield* Tensor.full([5], 0, "float32") },
        moments: { "w.first": yield* Tensor.full([5], 0) },
        sampler: { generator: "xoroshiro128plus", words: [9, 9, 9, 9] },
        seconds: 0,
        best: undefined,
        history: []
      }
      const read = yield* readCheckpoint(path, identity, fresh)
      const { parameters, moments, ...rest } = read
      const { parameters: _, moments: __, ...expected } = state
      assert.deepStrictEqual(rest, expected)
      for (const [actual, wanted] of [
        [parameters.w, state.parameters.w],
        [parameters.v, state.parameters.v],
        [moments["w.first"], state.moments["w.first"]]
      ])
        assert.deepStrictEqual(bits(yield* Tensor.toArray(actual)), bits(yield* Tensor.toArray(wanted)))
    }).pipe(onMockWithFiles)
  )

  it.effect.each([
    { what: "another task", changes: {}, rows: 5, reason: "task.rows was 8, here it is 5" },
    { what: "another key", changes: { key: key("other") }, rows: 8, reason: "key was" },
    {
      what: "another optimiser",
      changes: { optimizer: adamW({ beta1: 0.5 }) },
      rows: 8,
      reason: "optimizer.beta1 was 0.9, here it is 0.5"
    },
    { what: "another limit", changes: { clipNorm: 2 }, rows: 8, reason: "clipNorm was 1, here it is 2" },
    { what: "an earlier end", changes: { steps: 2 }, rows: 8, reason: "it has made 3 steps, this run has 2" },
    {
      what: "another rate",
      changes: { schedule: Schedule.stableDecay({ peak: 0.05, warmupSteps: 3, decaySteps: 2 }) },
      rows: 8,
      reason: "the learning rate of step 1 was 0.025"
    }
  ])("refuses a checkpoint of $what", ({ changes, rows, reason }) =>
    Effect.gen(function* () {
      const path = yield* checkpointed
      const error = yield* Effect.flip(
        resumeWith(path, changes, (parameters) => regression(parameters, { rows }))
      )
      assert.instanceOf(error, CheckpointError)
      assert.strictEqual(error.path, path)
      assert.include(error.message, reason)
    }).pipe(onMockWithFiles)
  )

  it.effect("refuses a checkpoint of other parameters", () =>
    Effect.gen(function* () {
      const path = yield* checkpointed
      const bias = yield* Tensor.full([3], 0)
      const error = yield* Effect.flip(
        resumeWith(path, {}, (parameters) => regression({ ...parameters, "layer.bias": bias }))
      )
      assert.include(
        error.message,
        'its tensor "parameter.layer.bias" is float64 [2], here it is float64 [3]'
      )
    }).pipe(onMockWithFiles)
  )

  it.effect("takes up a run whose end has moved while its rate was still the same", () =>
    Effect.gen(function* () {
      const path = yield* checkpointed
      assert.strictEqual((yield* resumeWith(path, { steps: 50 })).step, 3)
    }).pipe(onMockWithFiles)
  )

  it.effect("gives a typed error for a damaged file, and leaves nothing behind", () =>
    Effect.gen(function* () {
      const path = yield* checkpointed
      const fileSystem = yield* FileSystem.FileSystem
      const mock = yield* MockControls
      const sound = yield* fileSystem.readFile(path)
      const live = yield* mock.live
      const header = Number(new DataView(sound.buffer, sound.byteOffset).getBigUint64(0, true))
      const cuts = [0, 5, 8, 40, 8 + header, sound.length - 1].map((length) => sound.subarray(0, length))
      // A damaged state: every 7th byte of the JSON in the header, one at a time.
      const flips = Array.from({ length: Math.floor(header / 7) }, (_, i) =>
        sound.map((byte, at) => (at === 8 + 7 * i ? byte ^ 0x15 : byte))
      )
      let refused = 0
      for (const bytes of [...cuts, ...flips]) {
        yield* fileSystem.writeFile(path, bytes)
        const result = yield* Effect.result(resumeWith(path, {}))
        if (result._tag === "Failure") {
          assert.instanceOf(result.failure, CheckpointError)
          refused++
        }
      }
      assert.isTrue(refused > 0.8 * flips.length, `${refused} of ${flips.length} refused`)
      assert.deepStrictEqual(yield* mock.live, live)
    }).pipe(onMockWithFiles)
  )

  it.effect("says so where the file is something else", () =>
    Effect.gen(function* () {
      const path = yield* temporaryPath
      yield* SafeTensors.write(path, [SafeTensors.fromArray("w", [1], Float32Array.of(1))])
      const error = yield* Effect.flip(resumeWith(path, {}))
      assert.include(error.message, "not a checkpoint")
    }).pipe(onMockWithFiles)
  )
})
