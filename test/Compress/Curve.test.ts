import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Path } from "effect"
import { Compress, type ComparisonEvent, type ComparisonOptions, tq81 } from "../../src/Compress/index.ts"
import { type Curve, withPoint } from "../../src/Compress/Curve.ts"
import { openJournal } from "../../src/Compress/Journal.ts"
import { Distill } from "../../src/Distill/index.ts"
import { Kronecker } from "../../src/Kronecker/index.ts"
import { evaluationWindows, initialise, TextSet } from "../../src/Model/index.ts"
import { key } from "../../src/Random/index.ts"
import { onMockWithFiles } from "../Distill/onMockWithFiles.ts"
import { sentence, tinyConfig } from "../Distill/TinyGpt2.ts"

const services = Compress.layer.pipe(Layer.provide([Kronecker.layer, Distill.layer]))
const text = Int32Array.from({ length: 400 }, (_, i) => sentence[i % sentence.length])

const directory = Effect.gen(function* () {
  const fileSystem = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  return join(yield* fileSystem.makeTempDirectoryScoped(), "progress")
})

const options = Effect.gen(function* () {
  const whole: ComparisonOptions = {
    original: yield* initialise(tinyConfig, key(1)),
    plan: tq81({ vocabulary: 11, width: 8, hidden: 32, layers: 2 }, "none"),
    fit: { key: key(2) },
    distillation: {
      steps: 33,
      rows: 1,
      learningRate: 1e-2,
      loss: { crossEntropy: 1, divergence: 1, temperature: 2 }
    },
    windows: yield* TextSet.trainingWindows(text, 6),
    evaluation: yield* evaluationWindows(text.subarray(0, 30), 6),
    directory: yield* directory,
    identity: "one",
    resume: true
  }
  return whole
})

/** Interrupts the run where a row's distillation has come so far. */
const stopAt = (row: string, step: number) => (event: ComparisonEvent) =>
  event._tag === "stage" && event.row === row && event.event._tag === "distilled" && event.event.step >= step
    ? Effect.interrupt
    : Effect.void

const point = (step: number, loss: number) => ({ stage: "s", step, loss })

const withoutLosses = (given: ReadonlyArray<Curve>) =>
  given.map(({ row, points }) => ({ row, points: points.map(({ stage, step }) => ({ stage, step })) }))

/** Stages lie in files as float32, the mock computes in float64: what is gone on from a file is that much off. */
const assertSame = (curves: ReadonlyArray<Curve>, expected: ReadonlyArray<Curve>) => {
  assert.deepStrictEqual(withoutLosses(curves), withoutLosses(expected))
  curves.forEach(({ points }, i) =>
    points.forEach(({ loss }, j) => assert.closeTo(loss, expected[i].points[j].loss, 1e-6))
  )
}

describe("withPoint", () => {
  it("adds to a row's own curve, and lets what is made again replace what was", () => {
    const first = [5, 10, 15].reduce(
      (curves, step) => withPoint(curves, "a", point(step, step)),
      withPoint([], "b", point(1, 1))
    )
    assert.deepStrictEqual(withPoint(first, "a", point(10, 9)), [
      { row: "b", points: [point(1, 1)] },
      { row: "a", points: [point(5, 5), point(10, 9)] }
    ])
  })
})

describe("the journal's curves", () => {
  it.effect("of a run that was stopped twice are those of one that was not", () =>
    onMockWithFiles(
      Effect.gen(function* () {
        const compress = yield* Compress
        const { curves: expected } = yield* compress.compare(yield* options)
        assert.deepStrictEqual(
          expected.map(({ row }) => row),
          ["kronecker-permuted-distilled", "svd-distilled"]
        )
        for (const { points } of expected) {
          assert.deepStrictEqual(
            points.map(({ step }) => step),
            [5, 10, 11, 16, 21, 22, 27, 32, 33]
          )
          assert.deepStrictEqual(
            [...new Set(points.map(({ stage }) => stage))],
            ["embedding to a half", "MLPs of odd layers", "embedding to a quarter"]
          )
        }

        const stopped = yield* options
        for (const [row, step] of [
          ["kronecker-permuted-distilled", 16],
          ["svd-distilled", 21]
        ] as const)
          yield* Effect.exit(Effect.scoped(compress.compare(stopped, stopAt(row, step))))
        const resumed = yield* compress.compare(stopped)
        assertSame(resumed.curves, expected)
        // And once more, where everything is done.
        assert.deepStrictEqual((yield* compress.compare(stopped)).curves, resumed.curves)
      }).pipe(Effect.provide(services))
    )
  )

  it.effect("are empty in a journal of before there were any", () =>
    onMockWithFiles(
      Effect.gen(function* () {
        const fileSystem = yield* FileSystem.FileSystem
        const { join } = yield* Path.Path
        const path = yield* directory
        yield* fileSystem.makeDirectory(path, { recursive: true })
        yield* fileSystem.writeFileString(
          join(path, "rows.json"),
          JSON.stringify({ identity: "i", rows: [] })
        )
        const journal = yield* openJournal(path, "i", true)
        assert.deepStrictEqual(yield* journal.curves, [])
      })
    )
  )
})
