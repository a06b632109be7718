import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { byteOrder, byteSymbols, wordPattern } from "../../src/Model/ByteAlphabet.ts"
import * as BytePairTraining from "../../src/Model/BytePairTraining.ts"
import { key, stream } from "../../src/Random/index.ts"

// The algorithm as the paper states it, with everything counted anew for every merge.
const slowMerges = (text: string, count: number): Array<string> => {
  const id = new Map(byteOrder.map((byte, i) => [byteSymbols[byte], i]))
  const words = [...text.matchAll(wordPattern)].map(([word]) =>
    Array.from(new TextEncoder().encode(word), (byte) => byteSymbols[byte])
  )
  const merges: Array<string> = []
  while (merges.length < count) {
    const counts = new Map<string, number>()
    for (const word of words) {
      for (let i = 1; i < word.length; i++) {
        const pair = `${word[i - 1]} ${word[i]}`
        counts.set(pair, (counts.get(pair) ?? 0) + 1)
      }
    }
    const rank = (pair: string) => pair.split(" ").map((token) => id.get(token)!)
    const candidates = [...counts].filter(([, n]) => n >= 2)
    if (candidates.length === 0) break
    const [best] = candidates.reduce((a, b) => {
      const [al, ar] = rank(a[0])
      const [bl, br] = rank(b[0])
      return b[1] - a[1] || al - bl || ar - br
        ? b[1] > a[1] || (b[1] === a[1] && (bl < al || (bl === al && br < ar)))
          ? b
          : a
        : a
    })
    const [left, right] = best.split(" ")
    id.set(left + right, 256 + merges.length)
    merges.push(best)
    for (const word of words) {
      for (let i = 0; i + 1 < word.length; i++)
        if (word[i] === left && word[i + 1] === right) word.splice(i, 2, left + right)
    }
  }
  return merges
}

describe("BytePairTraining", () => {
  it.effect("makes Sennrich, Haddow and Birch's merges: low, lower, newest, widest", () =>
    Effect.gen(function* () {
      const text = "low\n".repeat(5) + "lower\n".repeat(2) + "newest\n".repeat(6) + "widest\n".repeat(3)
      const { model } = yield* BytePairTraining.train([text], { vocabularySize: 257 + 5 })
      // "es" and "st" both occur 9 times; e is the earlier byte.
      assert.deepStrictEqual(model.merges, ["e s", "es t", "l o", "lo w", "e w"])
      assert.strictEqual(model.vocab.est, 257)
      assert.strictEqual(model.vocab["<|endoftext|>"], 261)
    })
  )

  it.effect(
    "makes the merges of the slow algorithm, over runs of equal letters and other alphabets too",
    () =>
      Effect.gen(function* () {
        const numbers = stream(key("BytePairTraining"))
        const letters = ["a", "a", "a", "b", "c", "é", "中", " ", " ", "1", "!", "\n"]
        const text = Array.from({ length: 3000 }, () => letters[numbers.integer(letters.length)]).join("")
        const expected = slowMerges(text, 120)
        const { model } = yield* BytePairTraining.train([text], { vocabularySize: 257 + 120 })
        assert.deepStrictEqual(model.merges, expected)
      })
  )

  it.effect("does not depend on how the documents are ordered", () =>
    Effect.gen(function* () {
      const documents = ["the cat sat", " on the mat", "that hat", "a cat and a bat"]
      const options = { vocabularySize: 280 }
      const forward = yield* BytePairTraining.train(documents, options)
      const backward = yield* BytePairTraining.train(documents.toReversed(), options)
      assert.deepStrictEqual(forward, backward)
    })
  )

  it.effect("stops where no pair is frequent enough", () =>
    Effect.gen(function* () {
      const json = yield* BytePairTraining.train(["abab cd"], { vocabularySize: 1000 })
      assert.deepStrictEqual(json.model.merges, ["a b"])
      assert.strictEqual(Object.keys(json.model.vocab).length, 258)
      const all = yield* BytePairTraining.train(["abab cd"], { vocabularySize: 1000, minimumFrequency: 1 })
      assert.deepStrictEqual(all.model.merges, ["a b", "c d", "Ġ cd", "ab ab"])
      const empty = yield* BytePairTraining.train([], { vocabularySize: 257 })
      assert.strictEqual(Object.keys(empty.model.vocab).length, 257)
    })
  )

  it.effect("refuses a size without room for the bytes", () =>
    Effect.gen(function* () {
      for (const vocabularySize of [0, 256, 300.5, Number.NaN, 2 ** 21]) {
        const error = yield* Effect.flip(BytePairTraining.train(["text"], { vocabularySize }))
        assert.strictEqual(error._tag, "VocabularySizeError")
        assert.include(error.message, String(vocabularySize))
      }
    })
  )
})
