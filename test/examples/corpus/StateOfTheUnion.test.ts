import { assert, describe, it } from "@effect/vitest"
import { mobyDick } from "../../../examples/corpus/MobyDick.ts"
import { stateOfTheUnion } from "../../../examples/corpus/StateOfTheUnion.ts"

describe("stateOfTheUnion", () => {
  const { train, heldOut } = stateOfTheUnion()

  it("holds out 23 of 233 addresses, 1.36 of 10.76 million characters", () => {
    assert.deepStrictEqual([train.length, heldOut.length], [210, 23])
    const characters = (addresses: typeof train) => addresses.reduce((sum, { text }) => sum + text.length, 0)
    assert.deepStrictEqual([characters(train), characters(heldOut)], [9_398_300, 1_361_531])
    assert.deepStrictEqual(
      heldOut.map(({ year }) => year),
      [
        1795, 1805, 1815, 1825, 1835, 1845, 1855, 1865, 1875, 1885, 1895, 1905, 1915, 1925, 1936, 1946, 1955,
        1964, 1974, 1984, 1994, 2004, 2014
      ]
    )
  })

  it("trains on no held-out address", () => {
    const trained = new Set(train.map(({ text }) => text))
    assert.isFalse(heldOut.some(({ text }) => trained.has(text)))
  })
})

describe("mobyDick", () => {
  it("has 135 chapters, the etymology, the extracts and the epilogue", () => {
    const chapters = mobyDick()
    assert.strictEqual(chapters.length, 138)
    assert.isTrue(chapters[0].startsWith("ETYMOLOGY"))
    assert.isTrue(chapters[2].includes("Call me Ishmael."))
  })
})
