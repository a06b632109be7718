import { assert, describe, it } from "@effect/vitest"
import { targetsOf } from "../../../../src/TetraOpt/samplers/tetra/Targets.ts"

describe("targetsOf", () => {
  it("rises with the losses, and is straight among the lowest three tenths", () => {
    const losses = Float64Array.from({ length: 40 }, (_, i) => i * i)
    const targets = targetsOf(losses)
    for (let i = 1; i < 40; i++) assert.isAbove(targets[i], targets[i - 1])
    const slope = (targets[11] - targets[0]) / 121
    for (let i = 0; i < 12; i++) assert.closeTo(targets[i] - targets[0], slope * i * i, 1e-9)
  })

  it("does not depend on scale and place", () => {
    const losses = Float64Array.from({ length: 30 }, (_, i) => Math.sin(i * i))
    const moved = targetsOf(losses.map((loss) => 1e6 * loss + 5))
    targetsOf(losses).forEach((target, i) => assert.closeTo(target, moved[i], 1e-6))
  })

  it("bears failures, equals, and one loss far below", () => {
    const failed = targetsOf(Array.from({ length: 20 }, () => Number.POSITIVE_INFINITY))
    assert.isTrue(failed.every(Number.isFinite))
    assert.isTrue(targetsOf(Array.from({ length: 20 }, () => 4)).every(Number.isFinite))
    const outlier = targetsOf([-1e12, ...Array.from({ length: 29 }, (_, i) => i)])
    assert.isTrue(outlier.every((target) => target >= -5 && target < 3))
  })
})
