import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { upload } from "../../../src/Tensor/Host.ts"
import type { Operations } from "../../../src/Tensor/index.ts"
import { evaluate, failureOf } from "../evaluate.ts"

const rows = (t: Operations) => upload(t.region, [1, 2, 3, 4, 5, 6], [3, 2])

describe("gather and segmentSum", () => {
  it.effect("gather takes rows by number, repeated ones too, in the shape of the indices", () =>
    Effect.gen(function* () {
      const taken = yield* evaluate((t) =>
        t.gather(rows(t), upload(t.region, Int32Array.of(2, 0, 2, 1), [2, 2]))
      )
      assert.deepStrictEqual(taken, { shape: [2, 2, 2], values: [5, 6, 1, 2, 5, 6, 3, 4] })
      const numbers = yield* evaluate((t) =>
        t.gather(upload(t.region, Int32Array.of(7, 8, 9)), upload(t.region, Int32Array.of(1)))
      )
      assert.deepStrictEqual(numbers.values, [8])
    })
  )

  it.effect("segmentSum adds up the rows of each segment; a segment without rows is 0", () =>
    Effect.gen(function* () {
      const sums = yield* evaluate((t) => t.segmentSum(rows(t), upload(t.region, Int32Array.of(3, 0, 3)), 4))
      assert.deepStrictEqual(sums, { shape: [4, 2], values: [3, 4, 0, 0, 0, 0, 6, 8] })
    })
  )

  const wrong: ReadonlyArray<readonly [string, string, (t: Operations) => unknown]> = [
    ["a row that is not there", "ShapeError", (t) => t.gather(rows(t), t.full([1], 3, "int32"))],
    ["a negative row", "ShapeError", (t) => t.gather(rows(t), t.full([1], -1, "int32"))],
    ["indices of floats", "DTypeError", (t) => t.gather(rows(t), t.full([1], 1))],
    ["rows of a scalar", "ShapeError", (t) => t.gather(t.full([], 1), t.full([1], 0, "int32"))],
    ["a segment that is not there", "ShapeError", (t) => t.segmentSum(rows(t), t.full([3], 2, "int32"), 2)],
    ["an index too few", "ShapeError", (t) => t.segmentSum(rows(t), t.full([2], 0, "int32"), 2)],
    ["half a segment", "ShapeError", (t) => t.segmentSum(rows(t), t.full([3], 0, "int32"), 1.5)],
    [
      "sums of integers",
      "DTypeError",
      (t) => t.segmentSum(t.full([3], 1, "int32"), t.full([3], 0, "int32"), 2)
    ]
  ]
  it.effect.each(wrong)("%s: %s", ([, tag, body]) =>
    Effect.gen(function* () {
      assert.strictEqual((yield* failureOf(body))._tag, tag)
    })
  )

  it.effect("an index outside is named with its position", () =>
    Effect.gen(function* () {
      const error = yield* failureOf((t) => t.gather(rows(t), upload(t.region, Int32Array.of(0, 9))))
      assert.strictEqual(
        error.message,
        "gather: index 9 at position 1 is outside [0, 3) (shapes: [3, 2], [2])"
      )
    })
  )
})
