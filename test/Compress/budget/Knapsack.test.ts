import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { type Option, selectWithin } from "../../../src/Compress/budget/Knapsack.ts"

/** Every selection, tried. */
const leastCost = (things: ReadonlyArray<ReadonlyArray<Option>>, capacity: number): number => {
  let best = Number.POSITIVE_INFINITY
  const go = (i: number, size: number, cost: number): void => {
    if (size > capacity) return
    if (i === things.length) best = Math.min(best, cost)
    else for (const option of things[i]) go(i + 1, size + option.size, cost + option.cost)
  }
  go(0, 0, 0)
  return best
}

const AnOption = Schema.Struct({
  size: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 40 })),
  cost: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1000 }))
})
const Things = Schema.Array(Schema.NonEmptyArray(AnOption).check(Schema.isMaxLength(4))).check(
  Schema.isMinLength(1),
  Schema.isMaxLength(5)
)
const Capacity = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 150 }))

describe("selectWithin", () => {
  it.prop(
    "finds what trying every selection finds, and its bound is below",
    [Things, Capacity],
    ([things, capacity]) => {
      const least = leastCost(things, capacity)
      const found = selectWithin(things, capacity)
      if (!Number.isFinite(least)) return assert.isUndefined(found)
      assert.isDefined(found)
      assert.strictEqual(found!.cost, least)
      assert.isAtMost(found!.size, capacity)
      assert.isAtMost(found!.lowerBound, least + 1e-9 * (1 + least))
      assert.strictEqual(
        found!.chosen.reduce((sum, option, i) => sum + things[i][option].cost, 0),
        least
      )
    }
  )

  it("never exceeds a capacity in whose grain sizes do not go, and says how much that can have cost", () => {
    const things = Array.from({ length: 40 }, (_, i) =>
      Array.from({ length: 12 }, (_, k) => ({
        size: 100_003 * (k + 1) + 7 * i,
        cost: (3 + Math.sin(i)) / (k + 1)
      }))
    )
    const capacity = 20_000_000
    const { size, cost, lowerBound } = selectWithin(things, capacity)!
    assert.isAtMost(size, capacity)
    assert.isAtLeast(cost, lowerBound)
    assert.isBelow(cost, 1.02 * lowerBound)
  })

  it("has nothing to select where even the smallest are too large", () => {
    assert.isUndefined(selectWithin([[{ size: 3, cost: 0 }], [{ size: 4, cost: 0 }]], 6))
  })
})
