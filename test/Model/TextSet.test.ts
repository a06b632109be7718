import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as BytePairTraining from "../../src/Model/BytePairTraining.ts"
import * as TextSet from "../../src/Model/TextSet.ts"
import * as Tokenizer from "../../src/Model/Tokenizer.ts"
import { key, stream } from "../../src/Random/index.ts"

const documents = ["The cat sat.", "", "On the mat 😀\n"]

const tokenizer = Effect.flatMap(BytePairTraining.train(documents, { vocabularySize: 260 }), (json) =>
  Tokenizer.make(json)
)

describe("TextSet.make", () => {
  it.effect("ends every document with the token for it, and counts code points", () =>
    Effect.gen(function* () {
      const { decode } = yield* tokenizer
      const set = yield* TextSet.make(documents, yield* tokenizer)
      assert.strictEqual(
        yield* decode(set.tokens),
        documents.map((document) => `${document}<|endoftext|>`).join("")
      )
      assert.strictEqual(set.documents, 3)
      assert.strictEqual(set.characters, 12 + 0 + 13)
    })
  )

  it.effect("or with a blank line, which needs no special token", () =>
    Effect.gen(function* () {
      const full = yield* tokenizer
      const { "<|endoftext|>": _, ...vocab } = full.json.model.vocab
      const bare = yield* Tokenizer.make(
        { ...full.json, added_tokens: [], model: { ...full.json.model, vocab } },
        "bare.json"
      )
      const set = yield* TextSet.make(documents, bare, { separator: "blank-line" })
      assert.strictEqual(
        yield* bare.decode(set.tokens),
        documents.map((document) => `${document}\n\n`).join("")
      )
      assert.strictEqual(set.documents, 3)
      assert.strictEqual(set.characters, 25)
      const error = yield* Effect.flip(TextSet.make(documents, bare))
      assert.strictEqual(error._tag, "TokenizerError")
      assert.include(error.message, "bare.json")
    })
  )
})

describe("TextSet.trainingWindows", () => {
  const tokens = Int32Array.from({ length: 20 }, (_, i) => 100 + i)

  it.effect("cuts windows whose targets are the next tokens, at every start equally often", () =>
    Effect.gen(function* () {
      const windows = yield* TextSet.trainingWindows(tokens, 5)
      const rows = 15_000
      const batch = windows.sample(rows, stream(key("windows")))
      assert.deepStrictEqual([batch.rows, batch.context], [rows, 5])
      const starts = new Float64Array(15)
      for (let row = 0; row < rows; row++) {
        const start = batch.inputs[row * 5]
        starts[start - 100]++
        for (let i = 0; i < 5; i++) {
          assert.strictEqual(batch.inputs[row * 5 + i], start + i)
          assert.strictEqual(batch.targets[row * 5 + i], start + i + 1)
        }
      }
      // 15 starts, 14 degrees of freedom: above 54.4 once in a million keys.
      const statistic = starts.reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0)
      assert.isBelow(statistic, 54.4)
    })
  )

  it.effect("gives the same windows for the same key", () =>
    Effect.gen(function* () {
      const windows = yield* TextSet.trainingWindows(tokens, 5)
      assert.deepStrictEqual(windows.sample(8, stream(key(1))), windows.sample(8, stream(key(1))))
      assert.notDeepEqual(windows.sample(8, stream(key(1))), windows.sample(8, stream(key(2))))
    })
  )

  it.effect("fails for texts that hold no window and its next token", () =>
    Effect.gen(function* () {
      const whole = yield* TextSet.trainingWindows(tokens, 19)
      assert.deepStrictEqual(whole.sample(1, stream(key(0))).targets, tokens.subarray(1))
      for (const context of [20, 0, -3]) {
        const error = yield* Effect.flip(TextSet.trainingWindows(tokens, context))
        assert.strictEqual(error._tag, "WindowError")
        assert.include(error.message, `20 tokens cannot be cut into windows of ${context}`)
      }
    })
  )
})
