import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { splitCalibration } from "../../../src/Compress/budget/CalibrationSplit.ts"
import { surveyOf } from "../../../src/Compress/index.ts"
import { initialise } from "../../../src/Model/index.ts"
import { key } from "../../../src/Random/index.ts"
import { onMockWithFiles } from "../../Distill/onMockWithFiles.ts"
import { sentence, tinyConfig } from "../../Distill/TinyGpt2.ts"

const text = (count: number) => Int32Array.from({ length: count }, (_, i) => i)

describe("splitCalibration", () => {
  it("judges by a part that fits do not see, from everywhere in the text", () => {
    for (const [count, most] of [
      [2048, 8192],
      [5000, 8192],
      [24_001, 8192],
      [100_000, 8192],
      [24_001, 1000]
    ]) {
      const { fitting, validation } = splitCalibration({ tokens: text(count), ridge: 0.5 }, most)
      assert.strictEqual(fitting.ridge, 0.5)
      assert.deepStrictEqual(
        Float64Array.from([...fitting.tokens, ...validation]).toSorted(),
        Float64Array.from(text(count))
      )
      const wanted = Math.min(most, count / 4)
      assert.isAtMost(validation.length, wanted)
      assert.isAtLeast(validation.length, wanted - 24)
      const piece = count / Math.min(24, Math.floor(count / 512))
      for (const part of [fitting.tokens, validation])
        part.forEach((at, i) => i > 0 && assert.isAtMost(at - part[i - 1], piece + 1))
    }
  })

  it("lets a short text judge itself", () => {
    const calibration = { tokens: text(2047) }
    assert.deepStrictEqual(splitCalibration(calibration, 4096), {
      fitting: calibration,
      validation: calibration.tokens
    })
    assert.isAtMost(splitCalibration(calibration, 512).validation.length, 512)
  })

  it.effect("is what a survey goes by", () =>
    Effect.gen(function* () {
      const model = yield* initialise(tinyConfig, key(1))
      const tokens = Int32Array.from(
        { length: 2100 },
        (_, i) => sentence[(i + Math.floor(i / 7)) % sentence.length]
      )
      const { calibration, validation } = yield* surveyOf(model, { tokens }, 0.6)
      assert.deepStrictEqual({ fitting: calibration, validation }, splitCalibration({ tokens }, 8192))
      assert.isBelow(calibration.tokens.length, 1600)
    }).pipe(onMockWithFiles)
  )
})
