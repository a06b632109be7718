import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type EvaluationWindows, evaluationWindows } from "../../src/Model/PerplexityProtocol.ts"
import { notCounted } from "../../src/Model/TextSet.ts"

// Tokens are their own positions, so that every check below can see where an input or a target came from.
const text = (length: number) => Int32Array.from({ length }, (_, i) => i)

interface Prediction {
  readonly window: number
  readonly target: number
  readonly history: number
}

const predictions = (windows: EvaluationWindows, rows: number): Array<Prediction> => {
  const all: Array<Prediction> = []
  for (let first = 0; first < windows.count; first += rows) {
    const batch = windows.batch(first, rows)
    assert.strictEqual(batch.rows, Math.min(rows, windows.count - first))
    assert.strictEqual(batch.inputs.length, batch.rows * windows.context)
    batch.targets.forEach((target, i) => {
      if (target === notCounted) return
      const row = Math.floor(i / windows.context)
      const history = (i % windows.context) + 1
      for (let back = 0; back < history; back++) assert.strictEqual(batch.inputs[i - back], target - 1 - back)
      all.push({ window: first + row, target, history })
    })
  }
  assert.strictEqual(all.length, windows.countedTargets)
  return all
}

const sizes = [
  [2, 1],
  [2, 8],
  [9, 8],
  [10, 8],
  [50, 7],
  [64, 8],
  [65, 8],
  [67, 8],
  [100, 1]
] as const

describe("sliding", () => {
  it.effect(
    "predicts every token but the first once, from at least half a window where there is as much",
    () =>
      Effect.gen(function* () {
        for (const [length, context] of sizes) {
          const all = predictions(yield* evaluationWindows(text(length), context), 3)
          assert.deepStrictEqual(
            all.map(({ target }) => target),
            [...text(length).subarray(1)]
          )
          for (const { target, history } of all)
            assert.isAtLeast(history, Math.min(target, Math.ceil(context / 2)))
        }
      })
  )

  it.effect("averages over tokens", () =>
    Effect.gen(function* () {
      const windows = yield* evaluationWindows(text(67), 8, "sliding")
      const sums = new Float64Array(windows.count)
      for (const { window, target } of predictions(windows, 4)) sums[window] += target
      // The tokens 1 .. 66, each of which loses its own number.
      assert.approximately(windows.meanLoss(sums), 67 / 2, 1e-12)
    })
  )
})

describe("windows", () => {
  it.effect("predicts all but the first token of windows side by side", () =>
    Effect.gen(function* () {
      for (const [length, context] of sizes.filter(([, size]) => size > 1)) {
        const all = predictions(yield* evaluationWindows(text(length), context, "windows"), 3)
        assert.deepStrictEqual(
          all.map(({ target }) => target),
          [...text(length)].filter((token) => token % context !== 0)
        )
        for (const { target, history } of all) assert.strictEqual(history, target % context)
      }
    })
  )

  it.effect("averages over windows, the short last one like the others", () =>
    Effect.gen(function* () {
      const windows = yield* evaluationWindows(text(67), 8, "windows")
      assert.strictEqual(windows.count, 9)
      const sums = new Float64Array(windows.count)
      for (const { window, target } of predictions(windows, 4)) sums[window] += target
      // Means 4, 12, .. 60 of eight whole windows, and (65 + 66) / 2 of the last.
      assert.approximately(windows.meanLoss(sums), (8 * 32 + 65.5) / 9, 1e-12)
    })
  )
})

it.effect("windows that predict nothing are refused", () =>
  Effect.gen(function* () {
    const cases = [
      [1, 8, "sliding"],
      [0, 8, "windows"],
      [9, 1, "windows"],
      [9, 0, "sliding"]
    ] as const
    for (const [length, context, protocol] of cases) {
      const error = yield* Effect.flip(evaluationWindows(text(length), context, protocol))
      assert.strictEqual(error._tag, "WindowError")
      assert.include(error.message, protocol)
    }
  })
)
