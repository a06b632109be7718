import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { powerLawThrough } from "../../../src/Compress/budget/Sensitivity.ts"
import { Compress, meanDivergence, surveyOf } from "../../../src/Compress/index.ts"
import { initialise, withWeight } from "../../../src/Model/index.ts"
import { key, stream } from "../../../src/Random/index.ts"
import { Tensor } from "../../../src/Tensor/index.ts"
import { dense } from "../../../src/Weight/index.ts"
import { onMockWithFiles } from "../../Distill/onMockWithFiles.ts"
import { tinyConfig } from "../../Distill/TinyGpt2.ts"
import { services, tokens } from "./TinyBudget.ts"

describe("sensitivityOf", () => {
  it.effect("is the divergence of the model with this weight alone at a rank", () =>
    Effect.gen(function* () {
      const compress = yield* Compress
      const original = yield* initialise(tinyConfig, key(1))
      const { weights, sensitivities, surveyedRank, calibration, validation } = yield* surveyOf(
        original,
        { tokens },
        0.6
      )
      for (const [i, { name, inputs, outputs, lost }] of weights.entries()) {
        const largest = surveyedRank(inputs, outputs)
        for (const rank of new Set([largest, Math.max(1, Math.round(largest / 3))])) {
          const model = yield* compress.replace(
            original,
            { [name]: { format: "low-rank", rank } },
            { key: key(1), calibration }
          )
          const found = yield* meanDivergence(original, model, validation)
          assert.closeTo(sensitivities[i](lost(rank)) / found, 1, 1e-3, `${name} ${rank}`)
        }
      }
    }).pipe(Effect.provide(services), onMockWithFiles)
  )

  it.effect("of a weight of low rank is measured where there is an error, and not of rounding", () =>
    Effect.gen(function* () {
      const random = yield* initialise(tinyConfig, key(1))
      const name = "h.0.mlp.c_fc"
      const { inputs, outputs } = random.weights[name]
      const numbers = stream(key(2))
      const [left, right] = [inputs * 2, 2 * outputs].map((count) =>
        Float64Array.from({ length: count }, () => numbers.normal())
      )
      const product = Float64Array.from({ length: inputs * outputs }, (_, e) => {
        const [row, column] = [Math.floor(e / outputs), e % outputs]
        return left[2 * row] * right[column] + left[2 * row + 1] * right[outputs + column]
      })
      const original = withWeight(random, name, dense(yield* Tensor.fromArray(product, [inputs, outputs])))
      const { weights, sensitivities, calibration, validation } = yield* surveyOf(original, { tokens }, 0.6)
      const i = weights.findIndex((weight) => weight.name === name)
      const { lost } = weights[i]
      assert.isBelow(lost(2), 1e-10)
      const model = yield* (yield* Compress).replace(
        original,
        { [name]: { format: "low-rank", rank: 1 } },
        { key: key(1), calibration }
      )
      const found = yield* meanDivergence(original, model, validation)
      assert.closeTo(sensitivities[i](lost(1)) / found, 1, 1e-3)
    }).pipe(Effect.provide(services), onMockWithFiles)
  )
})

describe("powerLawThrough", () => {
  it("goes through its points, by powers between them and in proportion beyond", () => {
    const felt = powerLawThrough([
      [0.01, 0.02],
      [0.04, 0.32]
    ])
    assert.closeTo(felt(0.01), 0.02, 1e-15)
    assert.closeTo(felt(0.02), 0.08, 1e-15)
    assert.closeTo(felt(0.04), 0.32, 1e-15)
    assert.closeTo(felt(0.005), 0.01, 1e-15)
    assert.closeTo(felt(0.08), 0.64, 1e-15)
    assert.strictEqual(felt(0), 0)
  })

  it("does not fall where the measured divergences do", () => {
    const felt = powerLawThrough([
      [0.1, 0.3],
      [0.2, 0.2],
      [0.4, 0.5]
    ])
    let before = 0
    for (let error = 0.01; error < 1; error += 0.01) {
      assert.isAtLeast(felt(error), before)
      before = felt(error)
    }
    assert.closeTo(felt(0.2), 0.3, 1e-15)
  })

  it("stays finite where nothing was felt, and is nothing where nothing was measured", () => {
    const felt = powerLawThrough([
      [0.1, 0],
      [0.2, 0.4]
    ])
    for (const error of [1e-6, 0.1, 0.15, 0.3]) assert.isTrue(Number.isFinite(felt(error)) && felt(error) > 0)
    assert.strictEqual(powerLawThrough([])(0.5), 0)
  })
})
