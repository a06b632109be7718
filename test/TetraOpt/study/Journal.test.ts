import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Path } from "effect"
import { Parameter, sobol, Space } from "../../../src/TetraOpt/index.ts"
import { fold, key, stream } from "../../../src/Random/index.ts"
import { runStudy } from "../../../src/TetraOpt/study/Run.ts"
import { openStudy, type StudyOptions } from "../../../src/TetraOpt/study/Study.ts"
import { layerFailing } from "../../Model/FailingFileSystem.ts"
import { type Bowl, bowl, bowlSpace, common } from "./bowl.ts"

const temporaryFile = Effect.gen(function* () {
  const fileSystem = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  return join(yield* fileSystem.makeTempDirectoryScoped(), "studies", "bowl.jsonl")
})

const objective = (configuration: Bowl) => Effect.succeed(bowl(configuration))

/** All trials of a study after a run. */
const run = (options: Partial<StudyOptions<Bowl>>, trials: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const study = yield* openStudy({ ...common, space: yield* bowlSpace, ...options })
      const result = yield* runStudy(study, objective, { trials })
      return {
        damaged: result.damaged,
        trials: result.trials.map(({ number, configuration, outcome }) => ({
          number,
          configuration,
          outcome
        }))
      }
    })
  )

const withLines = Effect.fnUntraced(function* (
  path: string,
  change: (lines: Array<string>) => Array<string>
) {
  const fileSystem = yield* FileSystem.FileSystem
  const text = yield* fileSystem.readFileString(path)
  yield* fileSystem.writeFileString(path, change(text.split("\n")).join("\n"))
})

layer(NodeServices.layer, { excludeTestServices: true })("a journal", (it) => {
  it.effect("brings a study back as it was left, and it goes on as one that was never closed", () =>
    Effect.gen(function* () {
      const journal = yield* temporaryFile
      yield* run({ journal }, 5)
      yield* run({ journal }, 6)
      const whole = yield* run({ journal }, 12)
      assert.deepStrictEqual(whole, yield* run({}, 12))
    })
  )

  it.effect("is one line of JSON a record", () =>
    Effect.gen(function* () {
      const fileSystem = yield* FileSystem.FileSystem
      const journal = yield* temporaryFile
      yield* run({ journal }, 3)
      const lines = (yield* fileSystem.readFileString(journal)).trimEnd().split("\n")
      const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
      assert.deepStrictEqual(
        records.map(({ type }) => type),
        ["opened", "asked", "told", "asked", "told", "asked", "told", "closed"]
      )
      assert.include(records[0], { name: "bowl", goal: "minimise", sampler: "random", version: 1 })
    })
  )

  it.effect("of another study is refused, with what differs", () =>
    Effect.gen(function* () {
      const journal = yield* temporaryFile
      yield* run({ journal }, 3)
      const wider = yield* Space.make({
        x: Parameter.float(0, 2),
        n: Parameter.int(1, 9),
        choice: Parameter.categorical(["a", "b"])
      })
      const more = yield* Space.make({
        x: Parameter.float(0, 1),
        n: Parameter.int(1, 9),
        choice: Parameter.categorical(["a", "b"]),
        y: Parameter.float(0, 1)
      })
      const constrained = yield* Space.make(
        { x: Parameter.float(0, 1), n: Parameter.int(1, 9), choice: Parameter.categorical(["a", "b"]) },
        [{ name: "small", holds: ({ x }) => x < 0.5 }]
      )
      const messages = yield* Effect.forEach(
        [
          { space: wider },
          { space: more },
          { space: constrained },
          { name: "bath" },
          { goal: "maximise" },
          { sampler: sobol },
          { key: key("other") }
        ] as ReadonlyArray<Partial<StudyOptions<Bowl>>>,
        (options) => Effect.map(Effect.flip(run({ journal, ...options }, 3)), ({ message }) => message)
      )
      const expected = [
        'parameter x is {"kind":"float","min":0,"max":1,"scale":"linear"}',
        "parameter y is not there",
        "list of constraints is []",
        'name is "bowl", here it is "bath"',
        'goal is "minimise"',
        'sampler is "random", here it is "sobol"',
        "random key is ["
      ]
      for (const [i, text] of expected.entries()) {
        assert.include(messages[i], text)
        assert.include(messages[i], "name another journal")
      }
      // It is as it was.
      assert.lengthOf((yield* run({ journal }, 4)).trials, 4)
    })
  )

  it.effect("with a damaged line is read without it, and says which", () =>
    Effect.gen(function* () {
      const journal = yield* temporaryFile
      const before = yield* run({ journal }, 4)
      // Lines: opened, then asked and told in turn. The third trial's asking and the second one's result are lost.
      yield* withLines(journal, (lines) =>
        lines.map((line, i) =>
          i === 4 ? `${line.slice(0, 40)}#${line.slice(41)}` : i === 5 ? line.slice(9) : line
        )
      )
      const after = yield* run({ journal }, 6)
      assert.deepStrictEqual(
        after.damaged.map(({ line }) => line),
        [5, 6]
      )
      for (const { reason } of after.damaged) assert.include(reason, "is no record")
      assert.lengthOf(after.trials, 6)
      const kept = after.trials.filter(({ number }) => number < 4)
      // Of trial 2 the result lost is found anew under another number; no other is touched.
      assert.deepStrictEqual(
        kept.toSorted((a, b) => a.number - b.number),
        before.trials.filter(({ number }) => kept.some((trial) => trial.number === number))
      )
    })
  )

  it.effect("keeps a result whose asking was lost", () =>
    Effect.gen(function* () {
      const journal = yield* temporaryFile
      const before = yield* run({ journal }, 3)
      yield* withLines(journal, (lines) => lines.map((line, i) => (i === 3 ? "{}" : line)))
      const after = yield* run({ journal }, 3)
      assert.deepStrictEqual(after.trials.map(({ number }) => number).toSorted(), [0, 1, 2])
      assert.deepStrictEqual(after.trials, before.trials)
      assert.deepStrictEqual(
        after.damaged.map(({ line }) => line),
        [4]
      )
    })
  )

  it.effect("goes on without its first line, and behind half of one", () =>
    Effect.gen(function* () {
      const journal = yield* temporaryFile
      const before = yield* run({ journal }, 3)
      yield* withLines(journal, (lines) => [
        "\u0000\u0001 noise",
        ...lines.slice(1, -1),
        '{"type":"asked","by'
      ])
      const after = yield* run({ journal }, 5)
      assert.deepStrictEqual(after.trials.slice(0, 3), before.trials)
      assert.deepStrictEqual(
        after.damaged.map(({ line }) => line),
        [1, 9]
      )
      const again = yield* run({ journal }, 5)
      assert.deepStrictEqual(again, after)
      assert.deepStrictEqual(after.trials, (yield* run({}, 5)).trials)
    })
  )

  it.effect("leaves out records of points that are not in the space", () =>
    Effect.gen(function* () {
      const journal = yield* temporaryFile
      yield* run({ journal }, 2)
      yield* withLines(journal, (lines) =>
        lines.map((line, i) => (i === 2 ? line.replace(/"row":\[[^\]]*\]/, '"row":[2,1,0]') : line))
      )
      const after = yield* run({ journal }, 2)
      assert.deepStrictEqual(after.damaged, [
        { line: 3, reason: "trial 0: x has the coordinate 2, outside the space" }
      ])
      assert.deepStrictEqual(after.trials, (yield* run({}, 2)).trials)
    })
  )

  it.effect("on a full disk fails with what to do, and has all that was recorded before", () =>
    Effect.gen(function* () {
      const journal = yield* temporaryFile
      const error = yield* Effect.flip(
        run({ journal }, 30).pipe(Effect.provide(layerFailing({ capacity: 3000 })))
      )
      assert.strictEqual(error._tag, "StudyFileError")
      assert.include(error.message, "ENOSPC")
      assert.include(error.message, "make room and go on")
      const whole = yield* run({ journal }, 30)
      assert.isAtMost(whole.damaged.length, 1)
      assert.deepStrictEqual(whole.trials, (yield* run({}, 30)).trials)
    })
  )

  it.effect("damaged anywhere, in any way, still gives a study that goes on, no point asked twice", () =>
    Effect.gen(function* () {
      const fileSystem = yield* FileSystem.FileSystem
      const journal = yield* temporaryFile
      yield* run({ journal }, 12)
      const whole = yield* fileSystem.readFile(journal)
      for (let round = 0; round < 40; round++) {
        const random = stream(fold(key("damage"), round))
        const start = random.integer(whole.length)
        const length = 1 + random.integer(round % 3 === 0 ? 4 : 400)
        const noise = Uint8Array.from({ length }, () => random.integer(256))
        const damaged =
          round % 2 === 0
            ? Uint8Array.from([...whole.subarray(0, start), ...whole.subarray(start + length)])
            : Uint8Array.from(whole, (byte, i) =>
                i >= start && i < start + length ? noise[i - start] : byte
              )
        yield* fileSystem.writeFile(journal, damaged)
        const { trials } = yield* run({ journal }, 14)
        assert.isAtLeast(trials.length, 14)
        assert.isTrue(trials.every(({ outcome }) => outcome !== undefined))
        assert.strictEqual(new Set(trials.map(({ number }) => number)).size, trials.length)
        assert.strictEqual(
          new Set(trials.map(({ configuration }) => JSON.stringify(configuration))).size,
          trials.length
        )
        // What is said of the damage is said again.
        assert.deepStrictEqual(yield* run({ journal }, 14), yield* run({ journal }, 14))
      }
    })
  )

  it.effect("that another program cuts short under an open study is an error, not a loop", () =>
    Effect.gen(function* () {
      const fileSystem = yield* FileSystem.FileSystem
      const journal = yield* temporaryFile
      const study = yield* openStudy({ ...common, space: yield* bowlSpace, journal })
      yield* study.ask(40)
      yield* fileSystem.truncate(journal, 10)
      const error = yield* Effect.flip(study.tell(0, 1))
      assert.include(error.message, "another program must have changed it")
    })
  )

  it.effect("that cannot be one is refused: a device, a directory, a file in the way of its directory", () =>
    Effect.gen(function* () {
      const fileSystem = yield* FileSystem.FileSystem
      const { dirname, join } = yield* Path.Path
      const journal = yield* temporaryFile
      yield* run({ journal }, 1)
      const messages = yield* Effect.forEach(
        ["/dev/full", dirname(journal), join(journal, "below.jsonl")],
        (path) => Effect.map(Effect.flip(run({ journal: path }, 1)), ({ message }) => message)
      )
      assert.include(messages[0], "is not a file but of type CharacterDevice")
      assert.include(messages[1], "is not a file but of type Directory")
      assert.include(messages[2], "cannot make its directory")
      assert.isTrue(yield* fileSystem.exists(journal))
    })
  )
})
