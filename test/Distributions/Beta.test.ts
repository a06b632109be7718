import { assert, describe, it } from "@effect/vitest"
import { betaQuantile, studentQuantile } from "../../src/Distributions/index.ts"

describe("betaQuantile", () => {
  it("has a closed form where one parameter is 1", () => {
    for (const p of [1e-6, 0.05, 0.5, 0.9])
      for (const a of [0.5, 3, 40]) {
        assert.closeTo(betaQuantile(p, a, 1), p ** (1 / a), 1e-13)
        assert.closeTo(betaQuantile(p, 1, a), 1 - (1 - p) ** (1 / a), 1e-13)
      }
  })

  it("is Student's quantile seen otherwise: T² / (n + T²) is Beta(1/2, n/2)", () => {
    for (const n of [1, 4, 30]) {
      const t = studentQuantile(0.975, n)
      assert.closeTo(betaQuantile(0.95, 0.5, n / 2), (t * t) / (n + t * t), 1e-13)
    }
  })
})
