import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { key, stream } from "../../../../src/Random/index.ts"
import { Parameter, Space } from "../../../../src/TetraOpt/index.ts"
import { ParzenEstimator } from "../../../../src/TetraOpt/samplers/tpe/ParzenEstimator.ts"

const { categorical, conditional, float, int } = Parameter

describe("ParzenEstimator", () => {
  it.effect("is a density: it sums to one over levels, and integrates to one over a scale", () =>
    Effect.gen(function* () {
      const space = yield* Space.make({
        x: float(0, 1),
        n: int(1, 50, { scale: "log" }),
        kind: categorical(["a", "b", "c"])
      })
      const rows = [Float64Array.of(0.02, 0, 2), Float64Array.of(0.6, 20, 2), Float64Array.of(0.61, 49, 0)]
      const estimator = new ParzenEstimator(space.dimensions, rows, [1, 0.5, 1])
      const steps = 200
      let sum = 0
      for (let i = 0; i < steps; i++)
        for (let n = 0; n < 50; n++)
          for (let kind = 0; kind < 3; kind++)
            sum += Math.exp(estimator.logDensity([(i + 0.5) / steps, n, kind])) / steps
      assert.closeTo(sum, 1, 0.01)
    })
  )

  it.effect("draws as dense as it says", () =>
    Effect.gen(function* () {
      const space = yield* Space.make({ kind: categorical(["a", "b", "c"]), n: int(0, 3) })
      const estimator = new ParzenEstimator(
        space.dimensions,
        [Float64Array.of(1, 3), Float64Array.of(1, 2)],
        [1, 1]
      )
      const random = stream(key(1))
      const draws = 20_000
      const counts = new Float64Array(12)
      for (let i = 0; i < draws; i++) {
        const row = estimator.sample(random)
        counts[row[0] * 4 + row[1]]++
      }
      for (let kind = 0; kind < 3; kind++)
        for (let n = 0; n < 4; n++) {
          const p = Math.exp(estimator.logDensity([kind, n]))
          // Within 5 standard errors: a false alarm once in 10^5 keys.
          assert.closeTo(counts[kind * 4 + n] / draws, p, 5 * Math.sqrt((p * (1 - p)) / draws))
        }
    })
  )

  it.effect("leaves parameters out that do not exist", () =>
    Effect.gen(function* () {
      const space = yield* Space.make({
        kind: categorical(["a", "b"]),
        x: conditional(float(0, 1), { kind: ["b"] })
      })
      const estimator = new ParzenEstimator(space.dimensions, [Float64Array.of(0, Number.NaN)], [1])
      // One kernel and the prior, halves: (1 + 1/2) / 2 smoothed by 1/2 each; and the prior's 1/2.
      assert.closeTo(Math.exp(estimator.logDensity([0, Number.NaN])), 0.5 * (1.5 / 2) + 0.5 * 0.5, 1e-12)
    })
  )
})
