import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Schedule from "../../src/Distill/Schedule.ts"

const close = (actual: number, expected: number) => assert.closeTo(actual, expected, 1e-15)

describe("Schedule", () => {
  it("rises linearly to the peak, which the last step of the warm-up has", () => {
    const schedule = Schedule.cosine({ peak: 8, floor: 2, warmupSteps: 4 })
    const rates = [1, 2, 3, 4].map((step) => Schedule.learningRate(schedule, step, 100))
    assert.deepStrictEqual(rates, [2, 4, 6, 8])
  })

  it("falls along half a cosine to the floor at the last step, and stays there", () => {
    const schedule = Schedule.cosine({ peak: 8, floor: 2, warmupSteps: 4 })
    const at = (step: number) => Schedule.learningRate(schedule, step, 12)
    // A quarter, a half and all of the way: cos(pi/4), cos(pi/2), cos(pi).
    close(at(6), 2 + 3 * (1 + Math.SQRT1_2))
    close(at(8), 5)
    close(at(12), 2)
    close(at(20), 2)
  })

  it("stays at the peak, then falls linearly over the decay", () => {
    const schedule = Schedule.stableDecay({ peak: 1, floor: 0.5, warmupSteps: 2, decaySteps: 4 })
    const rates = [1, 2, 3, 6, 7, 8, 10, 11].map((step) => Schedule.learningRate(schedule, step, 10))
    assert.deepStrictEqual(rates, [0.5, 1, 1, 1, 0.875, 0.75, 0.5, 0.5])
  })

  it("is constant after its warm-up, and without one from the first step", () => {
    assert.strictEqual(Schedule.learningRate(Schedule.constant({ peak: 0.3 }), 1, 10), 0.3)
    assert.strictEqual(Schedule.learningRate(Schedule.cosine({ peak: 0.3 }), 1, 1), 0)
    assert.strictEqual(Schedule.learningRate(Schedule.constant({ peak: 0.5, warmupSteps: 4 }), 2, 10), 0.25)
  })

  it("is JSON", () => {
    const codec = Schema.fromJsonString(Schedule.Schedule)
    for (const schedule of [
      Schedule.constant({ peak: 1e-3 }),
      Schedule.cosine({ peak: 1e-3, floor: 1e-4, warmupSteps: 10 }),
      Schedule.stableDecay({ peak: 1e-3, decaySteps: 5 })
    ])
      assert.deepStrictEqual(Schema.decodeUnknownSync(codec)(Schema.encodeSync(codec)(schedule)), schedule)
  })
})
