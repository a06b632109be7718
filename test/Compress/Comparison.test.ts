import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Path } from "effect"
import { codecs, Compress, JournalError, Plan, tq81 } from "../../src/Compress/index.ts"
import type { ComparisonEvent, ComparisonOptions } from "../../src/Compress/index.ts"
import { Distill } from "../../src/Distill/index.ts"
import { Kronecker } from "../../src/Kronecker/index.ts"
import {
  evaluationWindows,
  initialise,
  load,
  parameters,
  perplexity,
  save,
  TextSet
} from "../../src/Model/index.ts"
import { key } from "../../src/Random/index.ts"
import { Tensor } from "../../src/Tensor/index.ts"
import { assertClose } from "../assertClose.ts"
import { layerFailing } from "../Model/FailingFileSystem.ts"
import { onMockWithFiles } from "../Distill/onMockWithFiles.ts"
import { sentence, tinyConfig } from "../Distill/TinyGpt2.ts"

const services = Compress.layer.pipe(Layer.provide([Kronecker.layer, Distill.layer]))

const text = Int32Array.from({ length: 400 }, (_, i) => sentence[i % sentence.length])

const options = Effect.fnUntraced(function* (steps: number) {
  const fileSystem = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const original = yield* initialise(tinyConfig, key(1))
  const plan = tq81({ vocabulary: 11, width: 8, hidden: 32, layers: 2 }, "rows-and-columns")
  const whole: ComparisonOptions = {
    original,
    plan,
    fit: { key: key(2), swaps: 200 },
    distillation: {
      steps,
      rows: 2,
      learningRate: 1e-2,
      loss: { crossEntropy: 1, divergence: 1, temperature: 2 }
    },
    windows: yield* TextSet.trainingWindows(text, 6),
    evaluation: yield* evaluationWindows(text.subarray(0, 60), 6),
    directory: join(yield* fileSystem.makeTempDirectoryScoped(), "progress"),
    identity: "one",
    resume: false
  }
  return whole
})

/** Interrupts the run in the middle of its distillation. */
const stop = (event: ComparisonEvent): Effect.Effect<void> =>
  event._tag === "stage" && event.event._tag === "distilled" && event.event.step >= 4
    ? Effect.interrupt
    : Effect.void

/** All numbers of a model. */
const numbersOf = (model: Parameters<typeof parameters>[0]) =>
  Effect.forEach(Object.entries(parameters(model)), ([name, x]) =>
    Effect.map(Tensor.toArray(x), (values) => [name, Array.from(values)] as const)
  )

describe("Compress.compare", () => {
  it.effect("measures each row once, in order, and stores what it says", () =>
    onMockWithFiles(
      Effect.gen(function* () {
        const compress = yield* Compress
        const run = yield* options(9)
        const events: Array<ComparisonEvent["_tag"]> = []
        const { rows, model } = yield* compress.compare(run, (event) =>
          Effect.sync(() => events.push(event._tag))
        )
        assert.deepStrictEqual(
          rows.map((row) => row.name),
          [
            "original",
            "svd",
            "kronecker",
            "kronecker-permuted",
            "kronecker-permuted-distilled",
            "svd-distilled"
          ]
        )
        const [original, svd, kronecker, permuted, distilled, svdDistilled] = rows
        assert.strictEqual(original.relativeError, 0)
        assert.isBelow(kronecker.storedParameters, original.storedParameters)
        assert.isAtMost(svd.storedParameters, permuted.storedParameters)
        assert.strictEqual(distilled.storedParameters, permuted.storedParameters)
        assert.strictEqual(svdDistilled.storedParameters, svd.storedParameters)
        // Permutations can only bring the nearest sum nearer.
        assert.isAtMost(permuted.relativeError, kronecker.relativeError)
        // The text is one sentence again and again: a few updates must help.
        assert.isBelow(distilled.perplexity, permuted.perplexity)
        assert.includeMembers(events, ["started", "measured", "stage"])

        const fileSystem = yield* FileSystem.FileSystem
        const { join } = yield* Path.Path
        const directory = join(yield* fileSystem.makeTempDirectoryScoped(), "model")
        yield* save(model, directory, { codecs })
        const read = yield* load(directory, codecs)
        const report = yield* perplexity(read, run.evaluation)
        assert.closeTo(report.perplexity, distilled.perplexity, 1e-5 * distilled.perplexity)
      }).pipe(Effect.provide(services))
    )
  )

  it.effect("interrupted and resumed it ends with the same numbers", () =>
    onMockWithFiles(
      Effect.gen(function* () {
        const compress = yield* Compress
        const whole = yield* options(6)
        const expected = yield* numbersOf((yield* compress.compare(whole)).model)

        const interrupted = { ...(yield* options(6)), resume: true }
        const exit = yield* Effect.exit(Effect.scoped(compress.compare(interrupted, stop)))
        assert.strictEqual(exit._tag, "Failure")
        const resumed = yield* compress.compare(interrupted)
        assert.deepStrictEqual(yield* numbersOf(resumed.model), expected)
      }).pipe(Effect.provide(services))
    )
  )

  it.effect("where the disk is full it says so, and goes on from there when there is room", () =>
    onMockWithFiles(
      Effect.gen(function* () {
        const compress = yield* Compress
        const whole = { ...(yield* options(6)), resume: true }
        const messages: Array<string> = []
        const real = yield* FileSystem.FileSystem
        // One after the other, each with a little more room.
        for (const capacity of [0, 2000, 20_000]) {
          const full = layerFailing({ capacity }).pipe(
            Layer.provide(Layer.succeed(FileSystem.FileSystem, real))
          )
          const error = yield* Effect.flip(Effect.scoped(compress.compare(whole))).pipe(Effect.provide(full))
          messages.push(error.message)
        }
        for (const message of messages) assert.include(message, "no space left on device")
        const expected = yield* numbersOf((yield* compress.compare(yield* options(6))).model)
        const resumed = yield* numbersOf((yield* compress.compare(whole)).model)
        // This backend computes in float64, and what lies on the disk is float32.
        expected.forEach(([name, values], i) => assertClose(resumed[i][1], values, 1e-4, name))
      }).pipe(Effect.provide(services))
    )
  )

  it.effect("another run's progress and a plan for another model are refused", () =>
    onMockWithFiles(
      Effect.gen(function* () {
        const compress = yield* Compress
        const run = yield* options(0)
        yield* compress.compare(run)
        const other = yield* Effect.flip(compress.compare({ ...run, identity: "two", resume: true }))
        assert.instanceOf(other, JournalError)
        const plan = Plan.withPermute(
          tq81({ vocabulary: 12, width: 8, hidden: 32, layers: 2 }, "none"),
          "none"
        )
        const misfit = yield* Effect.flip(compress.compare({ ...run, plan }))
        assert.include(misfit.message, "wte")
      }).pipe(Effect.provide(services))
    )
  )
})
