import { assert, describe, it } from "@effect/vitest"
import { gemmStripe, gemmStripes } from "../../../src/Layers/cpu/ProductJob.ts"

describe("the stripes of a matrix product", () => {
  it("cover every line once, in order, and none has a single line", () => {
    for (const parts of [1, 2, 3, 8, 16, 256])
      for (const batch of [1, 2, 3, 12])
        for (const lines of [1, 2, 23, 24, 25, 47, 49, 96, 97, 101, 145, 192, 193, 200, 768, 3072, 50257]) {
          for (const [m, n] of [
            [lines, 1],
            [1, lines]
          ]) {
            const stripes = gemmStripes(batch, m, n, parts)
            let next = 0
            for (let i = 0; i < stripes; i++) {
              const [start, end] = gemmStripe(m, n, i, stripes)
              assert.strictEqual(start, next)
              assert.isAbove(end - start, lines === 1 ? 0 : 1)
              next = end
            }
            assert.strictEqual(next, lines)
          }
        }
  })

  it("are as many as there are parts where the result is large enough", () => {
    assert.strictEqual(gemmStripes(1, 2048, 192, 8), 8)
    assert.strictEqual(gemmStripes(4, 192, 192, 8), 2)
    assert.strictEqual(gemmStripes(12, 192, 192, 8), 1)
  })
})
