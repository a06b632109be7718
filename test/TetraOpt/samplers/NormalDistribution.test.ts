import { assert, describe, it } from "@effect/vitest"
import {
  cumulative,
  logExpectedImprovement,
  quantile
} from "../../../src/TetraOpt/samplers/NormalDistribution.ts"
import { normalScores } from "../../../src/TetraOpt/samplers/NormalScores.ts"

describe("the normal distribution", () => {
  it("has quantiles that its distribution function undoes", () => {
    for (const p of [1e-6, 0.01, 0.3, 0.5, 0.9, 0.9999]) assert.closeTo(cumulative(quantile(p)), p, 2e-4)
    assert.closeTo(cumulative(1.959964), 0.975, 1e-6)
  })

  it("gives the logarithm of the expected improvement, far below 0 too", () => {
    // By quadrature of the integral of t exp(-(t - z)^2 / 2), scipy 1.17.1.
    const expected: ReadonlyArray<readonly [z: number, log: number]> = [
      [2, 0.697384],
      [0, -0.918939],
      [-1, -2.485121],
      [-2.5, -6.212542],
      [-5, -16.744301],
      [-10, -55.553122],
      [-30, -457.724654]
    ]
    for (const [z, log] of expected) assert.closeTo(logExpectedImprovement(z), log, 2e-4)
    assert.closeTo(logExpectedImprovement(-2 - 1e-9), logExpectedImprovement(-2 + 1e-9), 1e-4)
    assert.isTrue(Number.isFinite(logExpectedImprovement(-1e6)))
  })
})

describe("normalScores", () => {
  it("is symmetric, rises with the losses, and forgets their scale", () => {
    const scores = normalScores([3, 1, 2])
    assert.closeTo(scores[1], -0.869424, 5e-4)
    assert.closeTo(scores[2], 0, 5e-4)
    assert.deepStrictEqual(normalScores([1e9, -5, 0]), scores)
  })

  it("shares ranks among equals, failures above all", () => {
    const scores = normalScores([Number.POSITIVE_INFINITY, 1, Number.POSITIVE_INFINITY, 2])
    assert.strictEqual(scores[0], scores[2])
    assert.isAbove(scores[0], scores[3])
    assert.deepStrictEqual(
      [...normalScores([7, 7, 7])].map((score) => Math.abs(score) < 1e-3),
      [true, true, true]
    )
  })
})
