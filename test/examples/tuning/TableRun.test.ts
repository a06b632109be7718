import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Path } from "effect"
import { Progress } from "../../../examples/console/Progress.ts"
import { readTable, TableFileError } from "../../../examples/tuning/Table.ts"
import {
  meanOf,
  runTable,
  runText,
  samplers,
  type SamplerName,
  searchTable,
  standardErrorOf
} from "../../../examples/tuning/TableRun.ts"

const written = Effect.fnUntraced(function* (text: string) {
  const directory = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
  const path = (yield* Path.Path).join(directory, "table.json")
  yield* (yield* FileSystem.FileSystem).writeFileString(path, text)
  return path
})

/** 4 x 3 settings, the best of which is the last but one; one failed. */
const small = {
  goal: "maximize",
  shape: [4, 3],
  values: [0, 1, 2, 3, null, 5, 6, 7, 8, 9, 20, 10],
  source: "made up"
}

const shared = new URL("../../../../shared/data/", import.meta.url)

describe("runTable", () => {
  it.effect("finds the best setting with every sampler, once a seed", () =>
    Effect.gen(function* () {
      const path = yield* written(JSON.stringify(small))
      for (const sampler of Object.keys(samplers) as ReadonlyArray<SamplerName>) {
        const run = yield* runTable({ path, budget: 12, seeds: 3, sampler })
        assert.deepStrictEqual(run.best, [20, 20, 20])
        assert.deepStrictEqual([run.mean, run.standardError, run.budget, run.sampler], [20, 0, 12, sampler])
        // Of more than there are it asks for all.
        assert.deepStrictEqual((yield* runTable({ path, budget: 50, seeds: 1, sampler })).best, [20])
      }
    }).pipe(Effect.provide(Progress.silent), Effect.provide(NodeServices.layer))
  )

  it.effect("minimises where the table says so, and repeats itself", () =>
    Effect.gen(function* () {
      const table = yield* readTable(yield* written(JSON.stringify({ ...small, goal: "minimize" })))
      const first = yield* searchTable(table, samplers.tetra, 9, 1)
      assert.deepStrictEqual(yield* searchTable(table, samplers.tetra, 9, 1), first)
      assert.strictEqual(first.length, 9)
      for (let i = 1; i < 9; i++) assert.isAtMost(first[i], first[i - 1])
      const ended = yield* searchTable(table, samplers.tetra, 9, 1, first[8])
      assert.deepStrictEqual(ended, first.slice(0, first.indexOf(first[8]) + 1))
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("runText", () => {
  const run = { table: "t.json", budget: 7, sampler: "random", seconds: 0.04 } as const
  it("has every search's best to six digits, their mean and its error", () => {
    const best = [91.123456, 91.2]
    assert.deepStrictEqual(runText({ ...run, best, mean: 91.161728, standardError: 0.038272 }).split("\n"), [
      "t.json: the best of 7 settings by random, 2 searches in 0.0 s",
      "  91.1235 91.2",
      "mean 91.161728, standard error 0.0383"
    ])
    assert.match(
      runText({ ...run, best: [3], mean: 3, standardError: null }),
      /one search .*\n {2}3\nmean 3$/
    )
  })

  it("counts the searches in which every setting failed", () => {
    assert.match(
      runText({ ...run, best: [1, Number.NaN], mean: Number.NaN, standardError: Number.NaN }),
      /\n {2}1 none\nno mean: in 1 of 2 searches every setting failed$/
    )
  })
})

describe("meanOf and standardErrorOf", () => {
  it("are those of a few numbers, and do not overflow", () => {
    assert.strictEqual(meanOf([1, 2, 6]), 3)
    assert.closeTo(standardErrorOf([1, 2, 6]), Math.sqrt(14 / 2 / 3), 1e-15)
    assert.isNaN(standardErrorOf([1]))
    assert.strictEqual(meanOf([1e308, 1e308]), 1e308)
    assert.closeTo(standardErrorOf([-1e200, 1e200]) / 1e200, 1, 1e-15)
  })
})

describe("readTable", () => {
  it.effect("says what is wrong with a file", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [text: string, reason: RegExp]> = [
        ["", /not valid JSON/],
        ["[1, 2", /not valid JSON/],
        ["{}", /is no table \{goal, shape, values\}/],
        [JSON.stringify({ ...small, goal: "best" }), /goal/],
        [JSON.stringify({ ...small, shape: [] }), /shape/],
        [JSON.stringify({ ...small, shape: [4, -3] }), /shape/],
        [JSON.stringify({ ...small, shape: [4, 4] }), /12 values, but its shape \[4, 4\] needs 16/],
        [JSON.stringify({ ...small, values: ["a"] }), /values/],
        [JSON.stringify({ ...small, shape: [2], values: [null, null] }), /only failed settings/],
        ['{"goal": "minimize", "shape": [1], "values": [1e999]}', /values/],
        ["[".repeat(100), /nested deeper/],
        [
          '{"goal": "minimize", "shape": [2], "values": [1, NaN]}',
          /not valid JSON.*; a setting that failed is written null/
        ],
        ['{"goal": "NaN"', /not valid JSON: [^;]*$/]
      ]
      for (const [text, reason] of cases) {
        const error = yield* Effect.flip(readTable(yield* written(text)))
        assert.instanceOf(error, TableFileError)
        assert.match(error.message, reason)
      }
      assert.match(
        (yield* Effect.flip(readTable("/nowhere/table.json"))).message,
        /^\/nowhere\/table.json cannot be opened/
      )
      assert.match((yield* Effect.flip(readTable("/"))).message, /not a file/)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("tables of trained networks", () => {
  it.effect("are read as they are, and searched better than at random", (context) =>
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const path = new URL("nasbench201-cifar10.json", shared).pathname
      if (!(yield* files.exists(path))) return context.skip("../shared/data is not there")
      const table = yield* readTable(path)
      assert.deepStrictEqual(table.shape, [5, 5, 5, 5, 5, 5])
      const best: Array<number> = []
      for (const seed of [0, 1, 2, 3]) best.push((yield* searchTable(table, samplers.tetra, 60, seed))[59])
      // Random search has a mean of 91.20 after 200.
      assert.isAbove(meanOf(best), 91.2)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
