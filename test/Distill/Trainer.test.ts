import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, FileSystem, Stream } from "effect"
import { adamW } from "../../src/Distill/AdamW.ts"
import { TrainerSettingsError } from "../../src/Distill/Errors.ts"
import { muon } from "../../src/Distill/Muon.ts"
import * as Schedule from "../../src/Distill/Schedule.ts"
import * as Trainer from "../../src/Distill/Trainer.ts"
import { MockControls } from "../../src/Layers/Mock.ts"
import { key } from "../../src/Random/index.ts"
import { KernelError, NumericalError, Tensor } from "../../src/Tensor/index.ts"
import { onMockWithFiles, temporaryPath } from "./onMockWithFiles.ts"
import {
  freshParameters,
  type Parameters,
  plantedBias,
  plantedWeight,
  type RegressionOptions,
  regression
} from "./RegressionTask.ts"

const settings: Trainer.TrainerSettings = {
  steps: 12,
  schedule: Schedule.cosine({ peak: 0.05, warmupSteps: 3 }),
  optimizer: adamW({ weightDecay: 0 }),
  key: key("trainer"),
  reportEvery: 4
}

const numbersOf = (parameters: Parameters) =>
  Effect.gen(function* () {
    return [
      ...(yield* Tensor.toArray(parameters["layer.weight"])),
      ...(yield* Tensor.toArray(parameters["layer.bias"]))
    ]
  })

/** The parameters after a run over fresh ones. */
const trained = (changes: Partial<Trainer.TrainerSettings>, options?: RegressionOptions) =>
  Effect.gen(function* () {
    const parameters = yield* freshParameters
    yield* Trainer.make(regression(parameters, options), { ...settings, ...changes }).run()
    return yield* numbersOf(parameters)
  }).pipe(Effect.scoped)

// The evaluation falls until the fourth update and rises after it.
const evaluated = (keep: "best" | "last") =>
  Effect.gen(function* () {
    const parameters = yield* freshParameters
    let calls = 0
    const evaluate = Effect.sync(() => Math.abs(2 * ++calls - 4))
    const seen: Array<ReadonlyArray<number>> = []
    const trainer = Trainer.make(
      { ...regression(parameters), evaluate },
      { ...settings, evaluateEvery: 2, keep }
    )
    const outcome = yield* trainer.run((info) =>
      Effect.gen(function* () {
        if (info.evaluation !== undefined) seen.push(yield* numbersOf(parameters))
      })
    )
    return { outcome, seen, final: yield* numbersOf(parameters) }
  })

describe("Trainer", () => {
  it.effect("finds a planted affine map", () =>
    Effect.gen(function* () {
      const schedule = Schedule.cosine({ peak: 0.1, warmupSteps: 5 })
      const numbers = yield* trained({ steps: 300, schedule, optimizer: adamW({ weightDecay: 0 }) })
      for (const [i, planted] of [...plantedWeight, ...plantedBias].entries())
        assert.closeTo(numbers[i], planted, 1e-3)
    }).pipe(onMockWithFiles)
  )

  it.effect("reports means over the updates since the last report", () =>
    Effect.gen(function* () {
      const infos = (reportEvery: number) =>
        Effect.gen(function* () {
          const parameters = yield* freshParameters
          const trainer = Trainer.make(regression(parameters), { ...settings, steps: 10, reportEvery })
          return yield* Stream.runCollect(trainer.stream)
        })
      const single = yield* infos(1)
      const grouped = yield* infos(4)
      assert.deepStrictEqual(
        grouped.map((info) => info.step),
        [4, 8, 10]
      )
      const mean = (name: "loss" | "gradientNorm", from: number, to: number) =>
        single.slice(from, to).reduce((sum, info) => sum + info[name], 0) / (to - from)
      assert.closeTo(grouped[1].loss, mean("loss", 4, 8), 1e-12)
      assert.closeTo(grouped[2].gradientNorm, mean("gradientNorm", 8, 10), 1e-12)
      assert.strictEqual(grouped[1].parts.squares, grouped[1].loss)
      assert.strictEqual(grouped[1].learningRate, Schedule.learningRate(settings.schedule, 8, 10))
    }).pipe(onMockWithFiles)
  )

  it.effect("gives the same from two micro-batches as from one batch of their size", () =>
    Effect.gen(function* () {
      const whole = yield* trained({ clipNorm: 0.5 }, { rows: 8 })
      const halves = yield* trained({ clipNorm: 0.5, microBatches: 2 }, { rows: 4 })
      whole.forEach((value, i) => assert.closeTo(halves[i], value, 1e-12))
    }).pipe(onMockWithFiles)
  )

  it.effect("ends with the parameters of the best evaluation, unless told to keep the last", () =>
    Effect.gen(function* () {
      const best = yield* evaluated("best")
      assert.deepStrictEqual(best.outcome.best, { step: 4, evaluation: 0 })
      assert.deepStrictEqual(
        best.outcome.history.map(({ step, evaluation }) => [step, evaluation]),
        [
          [2, 2],
          [4, 0],
          [6, 2],
          [8, 4],
          [10, 6],
          [12, 8]
        ]
      )
      assert.deepStrictEqual(best.final, best.seen[1])
      const last = yield* evaluated("last")
      assert.deepStrictEqual(last.final, last.seen[5])
      assert.notDeepEqual(last.final, best.final)
    }).pipe(onMockWithFiles)
  )

  it.effect.each([
    { name: "AdamW", optimizer: adamW() },
    { name: "Muon", optimizer: muon({ hidden: (name) => name === "layer.weight" }) }
  ])("goes on from a checkpoint, on a fresh backend, to the same bits ($name)", ({ optimizer }) =>
    Effect.gen(function* () {
      const options = { rows: 3, dropout: 0.25 }
      const common = { optimizer, microBatches: 2, clipNorm: 0.7 }
      const uninterrupted = yield* trained(common, options).pipe(onMockWithFiles)

      const path = yield* temporaryPath
      const resumed = { ...common, checkpoint: { path, every: 5 } }
      const stopped = yield* Effect.gen(function* () {
        const parameters = yield* freshParameters
        const { stream } = Trainer.make(regression(parameters, options), { ...settings, ...resumed })
        return yield* stream.pipe(
          Stream.takeUntil((info) => info.checkpoint !== undefined),
          Stream.runLast
        )
      }).pipe(onMockWithFiles)
      assert.isTrue(stopped._tag === "Some" && stopped.value.step === 5)

      const numbers = yield* trained(resumed, options).pipe(onMockWithFiles)
      assert.deepStrictEqual(numbers, uninterrupted)
      // Once more: nothing is left to do, and the result is still there.
      assert.deepStrictEqual(yield* trained(resumed, options).pipe(onMockWithFiles), uninterrupted)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("remembers the best over an interruption", () =>
    Effect.gen(function* () {
      const path = yield* temporaryPath
      // Lowest at the second evaluation of the first process.
      const scores = [3, 1, 2, 5, 4, 6]
      const run = (steps: number, from: number) =>
        Effect.gen(function* () {
          const parameters = yield* freshParameters
          let call = from
          const trainer = Trainer.make(
            { ...regression(parameters), evaluate: Effect.sync(() => scores[call++]) },
            {
              ...settings,
              schedule: Schedule.constant({ peak: 0.05 }),
              steps,
              evaluateEvery: 2,
              checkpoint: { path, every: 6 }
            }
          )
          const outcome = yield* trainer.run()
          return { outcome, final: yield* numbersOf(parameters) }
        }).pipe(onMockWithFiles)
      const first = yield* run(6, 0)
      // A constant rate lets the run be prolonged.
      const second = yield* run(12, 3)
      assert.deepStrictEqual(second.outcome.best, { step: 4, evaluation: 1 })
      assert.strictEqual(second.outcome.history.length, 6)
      assert.deepStrictEqual(second.final, first.final)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("leaves nothing behind when any kernel fails", () =>
    Effect.gen(function* () {
      const mock = yield* MockControls
      const path = yield* temporaryPath
      const program = Effect.gen(function* () {
        const parameters = yield* freshParameters
        const trainer = Trainer.make(regression(parameters), {
          ...settings,
          steps: 3,
          reportEvery: 2,
          microBatches: 2,
          clipNorm: 1,
          checkpoint: { path, every: 2 }
        })
        yield* trainer.run()
      }).pipe(Effect.scoped)
      const fileSystem = yield* FileSystem.FileSystem
      const before = yield* mock.kernels
      yield* program
      const kernels = (yield* mock.kernels) - before
      assert.isTrue(kernels > 50)
      for (let kernel = 1; kernel <= kernels; kernel++) {
        yield* fileSystem.remove(path, { force: true })
        yield* mock.failAt(kernel)
        assert.instanceOf(yield* Effect.flip(program), KernelError)
        assert.deepStrictEqual(yield* mock.live, { buffers: 0, bytes: 0 })
      }
    }).pipe(onMockWithFiles)
  )

  it.effect("can be interrupted between updates, and leaves nothing behind", () =>
    Effect.gen(function* () {
      const mock = yield* MockControls
      const fiber = yield* Effect.forkChild(trained({ steps: 1_000_000_000, reportEvery: 1_000_000 }))
      // Long enough for it to be in the middle of the updates.
      while ((yield* mock.kernels) < 1000) yield* Effect.yieldNow
      yield* Fiber.interrupt(fiber)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
      assert.deepStrictEqual(yield* mock.live, { buffers: 0, bytes: 0 })
    }).pipe(onMockWithFiles)
  )

  it.effect("stops where the loss is no longer a number, and keeps the checkpoint of before", () =>
    Effect.gen(function* () {
      const mock = yield* MockControls
      const path = yield* temporaryPath
      const changes = { checkpoint: { path, every: 4 }, reportEvery: 4 }
      const fileSystem = yield* FileSystem.FileSystem
      const parameters = yield* freshParameters
      const trainer = Trainer.make(regression(parameters), { ...settings, ...changes })
      const [state] = yield* trainer.step(yield* trainer.resume)
      const saved = yield* fileSystem.readFile(path)
      yield* mock.nanAt(60)
      const error = yield* Effect.flip(trainer.step(state))
      assert.instanceOf(error, NumericalError)
      assert.deepStrictEqual(yield* fileSystem.readFile(path), saved)
    }).pipe(onMockWithFiles)
  )

  it.effect.each([{ steps: 0 }, { microBatches: 0.5 }, { reportEvery: -1 }, { evaluateEvery: Number.NaN }])(
    "refuses %o",
    (changes) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(trained(changes))
        assert.instanceOf(error, TrainerSettingsError)
        assert.include(error.message, Object.keys(changes)[0])
      }).pipe(onMockWithFiles)
  )
})
