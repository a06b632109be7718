import { assert, describe, it } from "@effect/vitest"
import { logarithm } from "../../src/Random/Logarithm.ts"

describe("logarithm", () => {
  it("agrees with Math.log to 2 units in the last place over the normal range", () => {
    for (let exponent = -1022; exponent < 1024; exponent++) {
      for (let i = 0; i < 8; i++) {
        const x = (1 + i / 8) * 2 ** exponent
        const expected = Math.log(x)
        assert.approximately(logarithm(x), expected, 4 * 2 ** -53 * Math.abs(expected), `ln ${x}`)
      }
    }
  })

  it("keeps its relative accuracy next to 1", () => {
    assert.strictEqual(logarithm(1), 0)
    for (let bits = 10; bits <= 52; bits++) {
      for (const x of [1 + 2 ** -bits, 1 - 2 ** -bits]) {
        assert.approximately(logarithm(x), Math.log1p(x - 1), 4 * 2 ** -53 * Math.abs(x - 1))
      }
    }
  })
})
