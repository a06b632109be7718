import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { byteOrder, byteSymbols, wordPattern } from "../../src/Model/ByteAlphabet.ts"

describe("byteSymbols", () => {
  it("shows every byte as another visible character, space as Ġ and newline as Ċ", () => {
    assert.strictEqual(new Set(byteSymbols).size, 256)
    assert.isTrue(byteSymbols.every((symbol) => /^[^\p{White_Space}\p{Control}]$/u.test(symbol)))
    assert.strictEqual(byteSymbols[0x20], "Ġ")
    assert.strictEqual(byteSymbols[0x0a], "Ċ")
    assert.strictEqual(byteSymbols[0x41], "A")
    assert.strictEqual(byteSymbols[0xad], "Ń")
  })

  it("gives bytes GPT-2's ids: ! is 0, ~ is 93, the newline 198 and the space 220", () => {
    assert.deepStrictEqual(
      [0x21, 0x7e, 0x0a, 0x20].map((byte) => byteOrder.indexOf(byte)),
      [0, 93, 198, 220]
    )
    assert.strictEqual(new Set(byteOrder).size, 256)
  })
})

const words = (text: string) => [...text.matchAll(wordPattern)].map(([word]) => word)

describe("wordPattern", () => {
  it("divides as GPT-2 does", () => {
    assert.deepStrictEqual(words("It's 1865,  and we'll\n\n see."), [
      "It",
      "'s",
      " 1865",
      ",",
      " ",
      " and",
      " we",
      "'ll",
      "\n\n",
      " see",
      "."
    ])
    // A next-line character is white space; a byte order mark is a sign.
    assert.deepStrictEqual(words("a\u0085b \uFEFFc"), ["a", "\u0085", "b", " \uFEFF", "c"])
  })

  it.prop(
    "loses nothing",
    { pieces: Schema.Array(Schema.Literals(["a", "é", "'", "s", " ", "\n", "1", "!", "😀"])) },
    ({ pieces }) => {
      const text = pieces.join("")
      assert.strictEqual(words(text).join(""), text)
    }
  )
})
