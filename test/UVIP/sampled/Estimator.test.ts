import { assert, describe, it } from "@effect/vitest"
import { key, stream } from "../../../src/Random/index.ts"
import { type Estimator, estimate } from "../../../src/UVIP/sampled/Estimator.ts"

const random = stream(key("estimators"))
const draw = (actions: number, draws: number, mean: (a: number) => number): Array<Float64Array> =>
  Array.from({ length: actions }, (_, a) => new Float64Array(draws).map(() => mean(a) + random.normal()))
const of = (estimator: Estimator, z: Array<Float64Array>): number =>
  estimate(
    estimator,
    z.map((row) => row.slice()),
    0,
    z[0].length
  )

describe("estimate", () => {
  it("paper >= sorted >= max-of-means on any draws", () => {
    for (let n = 0; n < 1000; n++) {
      const z = draw(1 + random.integer(4), 1 + random.integer(6), () => random.normal())
      assert.isAtLeast(of("paper", z), of("sorted", z) - 1e-12)
      assert.isAtLeast(of("sorted", z), of("max-of-means", z) - 1e-12)
    }
  })

  it("is a plain mean with one action and a plain maximum with one draw", () => {
    const z = draw(1, 7, () => 0)
    const mean = z[0].reduce((a, b) => a + b) / 7
    for (const estimator of ["paper", "sorted", "max-of-means"] as const) {
      assert.closeTo(of(estimator, z), mean, 1e-14)
      assert.strictEqual(of(estimator, [Float64Array.of(1), Float64Array.of(3)]), 3)
    }
  })

  it("is in expectation at least the largest mean: 4,000 estimates, false alarm below 1e-6", () => {
    for (const estimator of ["paper", "sorted", "max-of-means"] as const) {
      const means = Float64Array.from({ length: 4000 }, () =>
        of(
          estimator,
          draw(3, 4, (a) => a / 10)
        )
      )
      const mean = means.reduce((a, b) => a + b) / means.length
      const deviation = Math.sqrt(means.reduce((s, v) => s + (v - mean) ** 2, 0) / means.length)
      assert.isAbove(mean + (5 * deviation) / Math.sqrt(means.length), 0.2)
    }
  })
})
