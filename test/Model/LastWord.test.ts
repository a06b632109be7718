import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { lastWordAccuracy, lastWordPassages, PassageError } from "../../src/Model/LastWord.ts"
import { onMock } from "../Layers/onMock.ts"
import { byteBigrams, byteTokenizer } from "./ByteBigrams.ts"

describe("lastWordPassages", () => {
  const text =
    "One two three. Four five! Six seven eight nine ten? It was in 1865. Then the end came; “we had won.” A b c d e f g h."

  it("are whole sentences of the least number of words, and end in a word of letters", () => {
    assert.deepStrictEqual(lastWordPassages([text], { words: 5 }), [
      { context: "One two three. Four", lastWord: "five" },
      { context: "Six seven eight nine", lastWord: "ten" },
      // "1865" is no word: the passage goes on to the end of the next sentence.
      { context: "It was in 1865. Then the end came; “we had", lastWord: "won" },
      { context: "A b c d e f g", lastWord: "h" }
    ])
  })

  it("are spread evenly where there are more than asked for, the same every time", () => {
    const many = Array.from({ length: 100 }, (_, i) => `All we know is word${"x".repeat(i)}.`).join(" ")
    const chosen = lastWordPassages([many], { words: 2, count: 4 })
    assert.deepStrictEqual(
      chosen.map(({ lastWord }) => lastWord.length - 4),
      [0, 25, 50, 75]
    )
    assert.deepStrictEqual(lastWordPassages([many], { words: 2, count: 4 }), chosen)
  })

  it("are none where no sentence ends in a word", () => {
    assert.deepStrictEqual(lastWordPassages(["1. 2. 3.", "", "no mark at the end"], { words: 1 }), [])
  })
})

describe("lastWordAccuracy", () => {
  const follows = { x: " ", " ": "a", a: "b", b: "c" }

  it.effect("counts a word only where every token is the likeliest, in whatever order and length", () =>
    Effect.gen(function* () {
      const model = yield* byteBigrams(follows)
      const tokenizer = yield* byteTokenizer
      const report = yield* lastWordAccuracy(model, tokenizer, [
        { context: "yy x", lastWord: "abc" },
        // The first two bytes are right, the third is not.
        { context: "x", lastWord: "aba" },
        { context: "a longer one that ends in x", lastWord: "ab" },
        // Nothing leads from "y" to the space.
        { context: "y", lastWord: "abc" },
        { context: "x", lastWord: "a" }
      ])
      assert.deepStrictEqual(report.guessed, [true, false, true, false, true])
      assert.strictEqual(report.accuracy, 0.6)
      assert.closeTo(report.standardError, Math.sqrt((0.6 * 0.4) / 5), 1e-15)
    }).pipe(onMock)
  )

  it.effect("keeps the end of a passage that is longer than the model's positions", () =>
    Effect.gen(function* () {
      const model = yield* byteBigrams(follows, 6)
      const tokenizer = yield* byteTokenizer
      const passages = [{ context: `${"z".repeat(50)}x`, lastWord: "abc" }]
      const { guessed } = yield* lastWordAccuracy(model, tokenizer, passages)
      assert.deepStrictEqual(guessed, [true])
    }).pipe(onMock)
  )

  it.effect("says what is wrong with passages that cannot be judged", () =>
    Effect.gen(function* () {
      const model = yield* byteBigrams(follows, 6)
      const tokenizer = yield* byteTokenizer
      const failure = (passages: Parameters<typeof lastWordAccuracy>[2]) =>
        Effect.flip(lastWordAccuracy(model, tokenizer, passages))
      const [none, long, empty] = [
        yield* failure([]),
        yield* failure([{ context: "x", lastWord: "abcabcabc" }]),
        yield* failure([{ context: "", lastWord: "a" }])
      ]
      assert.instanceOf(none, PassageError)
      assert.include(long.message, "10 tokens")
      assert.include(empty.message, "nothing before it")
    }).pipe(onMock)
  )
})
