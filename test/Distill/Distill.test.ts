import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { adamW } from "../../src/Distill/AdamW.ts"
import { Distill, type DistillOptions } from "../../src/Distill/Distill.ts"
import { muon } from "../../src/Distill/Muon.ts"
import * as Schedule from "../../src/Distill/Schedule.ts"
import type { TrainingInfo } from "../../src/Distill/Trainer.ts"
import { MockControls } from "../../src/Layers/Mock.ts"
import { loss } from "../../src/Model/Forward.ts"
import { type Gpt2, parameters, withParameters, withWeight } from "../../src/Model/Gpt2.ts"
import { initialise } from "../../src/Model/Initialisation.ts"
import { key } from "../../src/Random/index.ts"
import { compute, KernelError, Tensor } from "../../src/Tensor/index.ts"
import { upload } from "../../src/Tensor/Host.ts"
import { lowRank } from "../../src/Weight/index.ts"
import { onMockWithFiles, temporaryPath } from "./onMockWithFiles.ts"
import { sentence, sentenceWindows, tinyConfig } from "./TinyGpt2.ts"

const common = (student: Gpt2): DistillOptions => ({
  student,
  nextBatch: sentenceWindows(2),
  steps: 100,
  schedule: Schedule.cosine({ peak: 0.03, warmupSteps: 10 }),
  optimizer: adamW({ weightDecay: 0 }),
  key: key("distil"),
  clipNorm: 1,
  reportEvery: 20
})

const lossOf = (model: Gpt2) =>
  compute((t) => {
    const tokens = (start: number) =>
      upload(t.region, Int32Array.from(sentence.slice(start, start + 8)), [1, 8])
    return loss(t, model, tokens(0), tokens(1))
  }).pipe(Effect.flatMap(Tensor.toNumber), Effect.scoped)

const numbersOf = (model: Gpt2) =>
  Effect.forEach(Object.entries(parameters(model)), ([name, x]) =>
    Effect.map(Tensor.toArray(x), (values) => [name, ...values])
  )

/** A model that answers firmly: an untrained one, with weights ten times as large. */
const firmModel = (label: string) =>
  Effect.gen(function* () {
    const model = yield* initialise(tinyConfig, key(label))
    const larger = yield* compute((t) =>
      Object.fromEntries(
        Object.entries(parameters(model)).map(([name, x]) => [
          name,
          x.shape.length === 2 ? t.multiply(x, 10) : t.multiply(x, 1)
        ])
      )
    )
    return withParameters(model, larger)
  })

describe("Distill", () => {
  it.effect.each([
    { name: "AdamW", optimizer: adamW({ weightDecay: 0 }) },
    { name: "Muon", optimizer: muon({ weightDecay: 0, adamW: { weightDecay: 0 } }) }
  ])("learns a repeated sequence by heart with $name, and leaves the student as it was", ({ optimizer }) =>
    Effect.gen(function* () {
      const distill = yield* Distill
      const student = yield* initialise(tinyConfig, key(1))
      const before = yield* numbersOf(student)
      assert.closeTo(yield* lossOf(student), Math.log(tinyConfig.vocab_size), 0.1)
      const { model, steps } = yield* distill.train({ ...common(student), optimizer })
      assert.strictEqual(steps, 100)
      assert.isBelow(yield* lossOf(model), 0.05)
      assert.deepStrictEqual(yield* numbersOf(student), before)
    }).pipe(Effect.provide(Distill.layer), onMockWithFiles)
  )

  it.effect("brings a student from elsewhere to its teacher's answers", () =>
    Effect.gen(function* () {
      const distill = yield* Distill
      const teacher = yield* firmModel("teacher")
      const infos: Array<TrainingInfo> = []
      const loss = { crossEntropy: 0, divergence: 1, temperature: 2 }
      const options = { teacher, loss, steps: 300 }
      yield* distill.train({ ...common(yield* firmModel("student")), ...options }, (info) =>
        Effect.sync(() => infos.push(info))
      )
      const [first, last] = [infos[0], infos[infos.length - 1]].map((info) => info.parts.divergence)
      assert.isAbove(first, 0.1)
      assert.isBelow(last, first / 50)
    }).pipe(Effect.provide(Distill.layer), onMockWithFiles)
  )

  it.effect("finds nothing to do where student and teacher are the same", () =>
    Effect.gen(function* () {
      const distill = yield* Distill
      const teacher = yield* firmModel("teacher")
      const { init, step } = yield* distill.prepare({
        ...common(teacher),
        teacher,
        loss: { crossEntropy: 0, divergence: 1, temperature: 2, hidden: 1 },
        reportEvery: 1
      })
      const [, info] = yield* step(yield* init)
      assert.closeTo(info.parts.divergence, 0, 1e-14)
      assert.strictEqual(info.parts.hidden, 0)
    }).pipe(Effect.provide(Distill.layer), onMockWithFiles)
  )

  it.effect("changes no teacher, also where the student began as the same model", () =>
    Effect.gen(function* () {
      const distill = yield* Distill
      const teacher = yield* firmModel("teacher")
      const before = yield* numbersOf(teacher)
      const { model } = yield* distill.train({ ...common(teacher), teacher, steps: 2 })
      assert.notDeepEqual(yield* numbersOf(model), before)
      assert.deepStrictEqual(yield* numbersOf(teacher), before)
    }).pipe(Effect.provide(Distill.layer), onMockWithFiles)
  )

  it.effect("trains the factors of a compressed weight, and only what it is told to", () =>
    Effect.gen(function* () {
      const distill = yield* Distill
      const teacher = yield* firmModel("teacher")
      const name = "h.1.mlp.c_fc"
      const factors = yield* compute((t) => ({ left: t.full([8, 2], 0.3), right: t.full([2, 32], -0.2) }))
      const student = withWeight(teacher, name, lowRank(factors.left, factors.right))
      const infos: Array<TrainingInfo> = []
      const { model } = yield* distill.train(
        {
          ...common(student),
          teacher,
          loss: { crossEntropy: 0, hidden: 1 },
          trainable: (parameter) => parameter.startsWith(name)
        },
        (info) => Effect.sync(() => infos.push(info))
      )
      assert.isBelow(infos[4].parts.hidden, 0.9 * infos[0].parts.hidden)
      const [after, before] = [parameters(model), parameters(student)]
      for (const parameter of Object.keys(after))
        assert.strictEqual(after[parameter] !== before[parameter], parameter.startsWith(name), parameter)
    }).pipe(Effect.provide(Distill.layer), onMockWithFiles)
  )

  it.effect("evaluates the model it trains, and hands out the best", () =>
    Effect.gen(function* () {
      const distill = yield* Distill
      const student = yield* initialise(tinyConfig, key(1))
      const { model, best, history } = yield* distill.train({
        ...common(student),
        steps: 30,
        evaluate: lossOf,
        evaluateEvery: 10
      })
      assert.strictEqual(history.length, 3)
      assert.strictEqual(best?.evaluation, Math.min(...history.map((one) => one.evaluation)))
      assert.strictEqual(yield* lossOf(model), best?.evaluation)
    }).pipe(Effect.provide(Distill.layer), onMockWithFiles)
  )

  it.effect("refuses a checkpoint of another model or loss", () =>
    Effect.gen(function* () {
      const distill = yield* Distill
      const path = yield* temporaryPath
      const options = { steps: 2, checkpoint: { path, every: 1 } }
      yield* distill.train({ ...common(yield* initialise(tinyConfig, key(1))), ...options })
      const wider = yield* initialise({ ...tinyConfig, n_embd: 4 }, key(1))
      const other = yield* Effect.flip(distill.train({ ...common(wider), ...options }))
      assert.include(other.message, "task.config.n_embd was 8, here it is 4")
      const dropped = yield* Effect.flip(
        distill.train({ ...common(yield* initialise(tinyConfig, key(1))), ...options, dropout: 0.1 })
      )
      assert.include(dropped.message, "task.dropout was 0, here it is 0.1")
    }).pipe(Effect.provide(Distill.layer), onMockWithFiles)
  )

  it.effect("leaves nothing behind when a kernel fails", () =>
    Effect.gen(function* () {
      const mock = yield* MockControls
      const program = Effect.gen(function* () {
        const distill = yield* Distill
        const teacher = yield* firmModel("teacher")
        const student = yield* initialise(tinyConfig, key(1))
        const loss = { crossEntropy: 1, divergence: 1, hidden: 1 }
        yield* distill.train({ ...common(student), teacher, loss, dropout: 0.1, steps: 1, optimizer: muon() })
      }).pipe(Effect.scoped)
      const before = yield* mock.kernels
      yield* program
      const kernels = (yield* mock.kernels) - before
      for (let kernel = 1; kernel <= kernels; kernel += 7) {
        yield* mock.failAt(kernel)
        assert.instanceOf(yield* Effect.flip(program), KernelError)
        assert.deepStrictEqual(yield* mock.live, { buffers: 0, bytes: 0 })
      }
    }).pipe(Effect.provide(Distill.layer), onMockWithFiles)
  )
})
