import { assert, describe, it } from "@effect/vitest"
import { studentQuantile } from "../../src/Distributions/index.ts"

describe("studentQuantile", () => {
  it("agrees with tables", () => {
    const table = [
      [0.95, 1, 6.313751514675],
      [0.975, 4, 2.776445105198],
      [0.95, 19, 1.729132811521],
      [0.99, 7, 2.997951566868],
      [0.995, 30, 2.749995653567],
      [0.999, 2, 22.327124770119]
    ] as const
    for (const [probability, degrees, expected] of table)
      assert.closeTo(studentQuantile(probability, degrees), expected, 1e-10 * expected)
  })

  it("is tan for one degree of freedom, 0 in the middle, and normal for many", () => {
    for (const p of [0.6, 0.9, 0.9999])
      assert.closeTo(studentQuantile(p, 1) / Math.tan(Math.PI * (p - 0.5)), 1, 1e-10)
    assert.closeTo(studentQuantile(0.5, 3), 0, 1e-12)
    assert.closeTo(studentQuantile(0.975, 1e6), 1.959966, 1e-5)
  })
})
