import { assert, describe, it } from "@effect/vitest"
import { splitCalibration } from "../../../src/Compress/budget/CalibrationSplit.ts"

const text = (count: number) => Int32Array.from({ length: count }, (_, i) => i)

describe("splitCalibration", () => {
  it("judges by a quarter that fits do not see, from everywhere in the text", () => {
    for (const count of [256, 300, 5000, 24_001, 100_000]) {
      const { fitting, judging } = splitCalibration({ tokens: text(count), ridge: 0.5 })
      assert.strictEqual(fitting.ridge, 0.5)
      assert.deepStrictEqual(
        [...fitting.tokens, ...judging].toSorted((a, b) => a - b),
        [...text(count)]
      )
      assert.closeTo(judging.length / count, 0.25, 0.01)
      // The pieces' ends: none of both parts' gaps is longer than a piece.
      const piece = count / Math.max(1, Math.min(24, Math.floor(count / 512)))
      assert.isAtLeast(judging[0], 0.7 * piece)
      for (const part of [fitting.tokens, judging])
        part.forEach((at, i) => i > 0 && assert.isAtMost(at - part[i - 1], piece))
    }
  })

  it("lets a short text judge itself", () => {
    const calibration = { tokens: text(255) }
    assert.deepStrictEqual(splitCalibration(calibration), {
      fitting: calibration,
      judging: calibration.tokens
    })
  })
})
