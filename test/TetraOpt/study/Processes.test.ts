import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Path } from "effect"
import { openStudy } from "../../../src/TetraOpt/study/Study.ts"
import { tetra } from "../../../src/TetraOpt/index.ts"
import { bowlSpace, common } from "./bowl.ts"

const script = fileURLToPath(new URL("./StudyProcess.ts", import.meta.url))

interface Outcome {
  readonly signal: string | null
  readonly lines: ReadonlyArray<string>
}

const studyProcess = (...words: ReadonlyArray<string | number>) =>
  Effect.promise<Outcome>(
    () =>
      new Promise((resolve, reject) => {
        const child = spawn(process.execPath, [script, ...words.map(String)], {
          stdio: ["ignore", "pipe", "inherit"]
        })
        let text = ""
        child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk
        })
        child.on("error", reject)
        child.on("close", (_, signal) => resolve({ signal, lines: text.trim().split("\n") }))
      })
  )

const evaluated = ({ lines }: Outcome) =>
  lines.filter((line) => line.startsWith("evaluated")).map((line) => Number(line.slice(10)))

const temporaryDirectory = FileSystem.FileSystem.use((fileSystem) => fileSystem.makeTempDirectoryScoped())

const trialsIn = (journal: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const study = yield* openStudy({ ...common, sampler: tetra, space: yield* bowlSpace, journal })
      const trials = (yield* study.trials).map(({ number, configuration, outcome }) => ({
        number,
        configuration,
        outcome
      }))
      return { trials, damaged: yield* study.damaged }
    })
  )

layer(NodeServices.layer, { excludeTestServices: true })("a study by processes", (it) => {
  it.effect(
    "that are killed, one after the other, at and amid writes ends with the trials of one that was left alone",
    () =>
      Effect.gen(function* () {
        const { join } = yield* Path.Path
        const directory = yield* temporaryDirectory
        const killed = join(directory, "killed.jsonl")
        const alone = join(directory, "alone.jsonl")
        const parts = ["before", "half", "after"]
        let half = 0
        for (let i = 0; i < 9; i++) {
          const part = parts[i % 3]
          const { signal } = yield* studyProcess(killed, 14, 2, 1 + ((i * 3) % 7), part)
          assert.strictEqual(signal, "SIGKILL")
          if (part === "half") half++
        }
        const last = yield* studyProcess(killed, 14, 2)
        assert.strictEqual(last.signal, null)
        assert.strictEqual(last.lines[last.lines.length - 1], "ended")
        yield* studyProcess(alone, 14, 2)

        const [one, other] = [yield* trialsIn(killed), yield* trialsIn(alone)]
        assert.lengthOf(one.trials, 14)
        assert.deepStrictEqual(one.trials, other.trials)
        assert.isTrue(one.trials.every(({ outcome }) => outcome !== undefined))
        assert.lengthOf(one.damaged, half)
        assert.lengthOf(other.damaged, 0)
      }),
    120_000
  )

  it.effect("that share it neither lose nor repeat a trial", () =>
    Effect.gen(function* () {
      const { join } = yield* Path.Path
      const journal = join(yield* temporaryDirectory, "shared.jsonl")
      const runs = yield* Effect.all(
        Array.from({ length: 3 }, () => studyProcess(journal, 60, 2)),
        { concurrency: 3 }
      )
      for (const { signal, lines } of runs) {
        assert.strictEqual(signal, null)
        assert.strictEqual(lines[lines.length - 1], "ended")
      }
      const numbers = runs.flatMap(evaluated)
      assert.deepStrictEqual(
        numbers.toSorted((a, b) => a - b),
        Array.from({ length: 60 }, (_, i) => i)
      )
      const { trials, damaged } = yield* trialsIn(journal)
      assert.lengthOf(damaged, 0)
      assert.lengthOf(trials, 60)
      assert.strictEqual(new Set(trials.map(({ configuration }) => JSON.stringify(configuration))).size, 60)
      assert.isTrue(trials.every(({ outcome }) => outcome !== undefined))
    })
  )

  it.effect("of which one is killed is finished by the other, each trial counted once", () =>
    Effect.gen(function* () {
      const { join } = yield* Path.Path
      const journal = join(yield* temporaryDirectory, "shared.jsonl")
      const [killed, whole] = yield* Effect.all(
        [studyProcess(journal, 40, 2, 12, "after"), studyProcess(journal, 40, 2)],
        { concurrency: 2 }
      )
      assert.strictEqual(killed.signal, "SIGKILL")
      assert.strictEqual(whole.lines[whole.lines.length - 1], "ended")
      const { trials } = yield* trialsIn(journal)
      assert.deepStrictEqual(
        trials.map(({ number }) => number).toSorted((a, b) => a - b),
        Array.from({ length: 40 }, (_, i) => i)
      )
      assert.isTrue(trials.every(({ outcome }) => outcome !== undefined))
    })
  )
})
