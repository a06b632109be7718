import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { divergenceText } from "../../../src/Compress/budget/Divergence.ts"
import { powerLawThrough } from "../../../src/Compress/budget/Sensitivity.ts"
import { Compress, meanDivergence, surveyOf } from "../../../src/Compress/index.ts"
import { Distill } from "../../../src/Distill/index.ts"
import { Kronecker } from "../../../src/Kronecker/index.ts"
import { initialise } from "../../../src/Model/index.ts"
import { key } from "../../../src/Random/index.ts"
import { onMockWithFiles } from "../../Distill/onMockWithFiles.ts"
import { sentence, tinyConfig } from "../../Distill/TinyGpt2.ts"

const services = Compress.layer.pipe(Layer.provide([Kronecker.layer, Distill.layer]))
const tokens = Int32Array.from({ length: 300 }, (_, i) => sentence[(i + Math.floor(i / 7)) % sentence.length])

describe("sensitivityOf", () => {
  it.effect("is the divergence of the model with this weight alone at a rank", () =>
    Effect.gen(function* () {
      const compress = yield* Compress
      const original = yield* initialise(tinyConfig, key(1))
      const { weights, sensitivities, spareRank } = yield* surveyOf(original, { tokens }, 0.6)
      const text = divergenceText(original, tokens)
      for (const [i, { name, inputs, outputs, lost }] of weights.entries()) {
        const largest = spareRank(inputs, outputs)
        for (const rank of new Set([largest, Math.max(1, Math.round(largest / 3))])) {
          const model = yield* compress.replace(
            original,
            { [name]: { format: "low-rank", rank } },
            { key: key(1), calibration: { tokens } }
          )
          const found = yield* meanDivergence(original, model, text)
          assert.closeTo(sensitivities[i](lost(rank)) / found, 1, 1e-3, `${name} ${rank}`)
        }
      }
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

  it("stays finite where nothing was felt, and is nothing where nothing was measured", () => {
    const felt = powerLawThrough([
      [0.1, 0],
      [0.2, 0.4]
    ])
    for (const error of [1e-6, 0.1, 0.15, 0.3]) assert.isTrue(Number.isFinite(felt(error)) && felt(error) > 0)
    assert.strictEqual(powerLawThrough([])(0.5), 0)
  })
})
