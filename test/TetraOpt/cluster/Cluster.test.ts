import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, FileSystem, Layer, Path } from "effect"
import { machines } from "../../../src/Layers/Machines.ts"
import { onCluster } from "../../../src/TetraOpt/cluster/TrialEntity.ts"
import type { Trial } from "../../../src/TetraOpt/index.ts"
import { runStudy } from "../../../src/TetraOpt/study/Run.ts"
import { openStudy } from "../../../src/TetraOpt/study/Study.ts"
import { type Bowl, bowl, bowlSpace, common } from "../study/bowl.ts"
import { freePort, hasPostgres, postgres } from "./Postgres.ts"

const script = fileURLToPath(new URL("./RunnerProcess.ts", import.meta.url))

/** A runner in a process of its own, once it says that it is ready. */
const startRunner = (...words: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.promise(
      () =>
        new Promise<ChildProcess>((resolve, reject) => {
          const child = spawn(process.execPath, [script, ...words], { stdio: ["ignore", "pipe", "inherit"] })
          createInterface({ input: child.stdout }).on("line", (line) => {
            if (line === "ready") resolve(child)
          })
          child.on("error", reject)
          child.on("exit", (code, signal) => reject(new Error(`the runner ended: ${code ?? signal}`)))
        })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

/** Looks again until a condition holds: the test's own time limit is the only one. */
const until = <A>(look: () => A | undefined): Effect.Effect<A> =>
  Effect.suspend(() => {
    const found = look()
    return found === undefined
      ? Effect.flatMap(Effect.sleep("20 millis"), () => until(look))
      : Effect.succeed(found)
  })

const shown = (trials: ReadonlyArray<Trial<Bowl>>) =>
  trials
    .map(({ number, configuration, outcome }) => ({ number, configuration, outcome }))
    .toSorted((a, b) => a.number - b.number)

interface Note {
  readonly port: string
  readonly what: string
  readonly number: number
}

const notesIn = (log: string): ReadonlyArray<Note> => {
  const text = existsSync(log) ? readFileSync(log, "utf8").trim() : ""
  return text === ""
    ? []
    : text.split("\n").map((line) => {
        const [port, what, number] = line.split(" ")
        return { port, what, number: Number(number) }
      })
}

describe.skipIf(!hasPostgres)("a study on machines (needs PostgreSQL's initdb)", () => {
  it.live(
    "loses nothing and counts nothing twice when one of three runners is killed in mid-trial",
    () =>
      Effect.gen(function* () {
        const fileSystem = yield* FileSystem.FileSystem
        const { join } = yield* Path.Path
        const directory = yield* fileSystem.makeTempDirectoryScoped()
        const [log, gate, journal] = ["log", "gate", "study.jsonl"].map((name) => join(directory, name))
        const database = yield* postgres
        const ports = yield* Effect.forEach([1, 2, 3], () => Effect.map(freePort, String))
        const runners = yield* Effect.forEach(ports, (port) => startRunner(database, port, log, gate), {
          concurrency: 3
        })

        const study = Effect.gen(function* () {
          const study = yield* openStudy({ ...common, space: yield* bowlSpace, journal })
          return yield* runStudy(study, yield* onCluster(study), { trials: 12, concurrency: 6 })
        }).pipe(Effect.provide(machines({ database })), Effect.scoped)
        const running = yield* Effect.forkChild(study)

        // Trials from the third on wait for the gate. One runner that has such a trial in hand is killed.
        const victim = yield* until(() => notesIn(log).find(({ number }) => number >= 2))
        runners[ports.indexOf(victim.port)].kill("SIGKILL")
        writeFileSync(gate, "")
        const { trials } = yield* Fiber.join(running)

        assert.deepStrictEqual(
          trials.map(({ number }) => number).toSorted((a, b) => a - b),
          Array.from({ length: 12 }, (_, i) => i)
        )
        for (const { number, configuration, outcome } of trials)
          assert.deepStrictEqual(
            outcome,
            number === 1
              ? { status: "failed", reason: "the second fails" }
              : { status: "complete", value: bowl(configuration) }
          )
        // What the killed one had in hand was begun again elsewhere. (What it had ended, but not yet answered, too.)
        const notes = notesIn(log)
        const ends = notes.filter(({ what, port }) => what === "ends" && port !== victim.port)
        assert.strictEqual(new Set(ends.map(({ number }) => number)).size, ends.length)
        const begins = notes.filter(({ what, number }) => what === "begins" && number === victim.number)
        assert.deepStrictEqual(begins.length, 2)
        assert.notStrictEqual(begins[1].port, victim.port)
        // Each trial was told once: no line of the journal was left out, and none came late.
        const told = readFileSync(journal, "utf8")
          .split("\n")
          .filter((line) => line.includes('"type":"told"'))
        assert.lengthOf(told, 12)

        // A study that lost its results, but not what it had asked, finds them where they were stored: nothing is evaluated again.
        const kept = readFileSync(journal, "utf8").split("\n")
        writeFileSync(journal, kept.filter((line) => !line.includes('"type":"told"')).join("\n"))
        const again = yield* study
        assert.deepStrictEqual(shown(again.trials), shown(trials))
        assert.deepStrictEqual(notesIn(log), notes)
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    180_000
  )

  it.live("says what is wrong where the database does not answer", () =>
    Effect.gen(function* () {
      const port = yield* freePort
      const error = yield* Effect.flip(
        Layer.build(machines({ database: `postgres://tesserae@127.0.0.1:${port}/postgres` }))
      )
      assert.strictEqual(error._tag, "MachinesError")
      assert.include(error.message, "the database does not answer")
    }).pipe(Effect.scoped)
  )
})
