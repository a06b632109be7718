import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { upload } from "../../../src/Tensor/Host.ts"
import type { Operations } from "../../../src/Tensor/index.ts"
import { assertClose } from "../../assertClose.ts"
import { evaluate, failureOf } from "../evaluate.ts"

// [[1, -2, 3], [4, 5, -6]]
const matrix = (t: Operations) => upload(t.region, [1, -2, 3, 4, 5, -6], [2, 3])

describe("reductions", () => {
  it.effect("of all elements, of one axis from either end, and with dimensions kept", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* evaluate((t) => t.sum(matrix(t))), { shape: [], values: [5] })
      assert.deepStrictEqual(yield* evaluate((t) => t.sum(matrix(t), { axes: [0] })), {
        shape: [3],
        values: [5, 3, -3]
      })
      assert.deepStrictEqual(yield* evaluate((t) => t.sum(matrix(t), { axes: [-1], keepDimensions: true })), {
        shape: [2, 1],
        values: [2, 3]
      })
      assert.deepStrictEqual(yield* evaluate((t) => t.max(matrix(t), { axes: [1] })), {
        shape: [2],
        values: [3, 5]
      })
      assert.deepStrictEqual(yield* evaluate((t) => t.min(matrix(t), { axes: [1, 0] })), {
        shape: [],
        values: [-6]
      })
      assertClose((yield* evaluate((t) => t.mean(matrix(t), { axes: [0] }))).values, [2.5, 1.5, -1.5])
      assert.deepStrictEqual(yield* evaluate((t) => t.sumOfSquares(matrix(t), { axes: [1] })), {
        shape: [2],
        values: [14, 77]
      })
    })
  )

  it.effect("of the outer and inner axes of three", () =>
    Effect.gen(function* () {
      const numbers = Array.from({ length: 24 }, (_, i) => i)
      const { values } = yield* evaluate((t) => t.sum(upload(t.region, numbers, [2, 3, 4]), { axes: [0, 2] }))
      // Row j: the sum over i, k of 12 i + 4 j + k.
      assert.deepStrictEqual(
        values,
        [0, 1, 2].map((j) => 8 * 4 * j + 4 * 12 + 2 * 6)
      )
    })
  )

  it.effect("argmax takes the first of equal maxima", () =>
    Effect.gen(function* () {
      const { values } = yield* evaluate((t) => t.argmax(upload(t.region, [1, 7, 7, 3, 2, 1], [2, 3])))
      assert.deepStrictEqual(values, [1, 0])
    })
  )

  it.effect("sum of nothing is 0; a maximum over an axis with elements may have no rows", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* evaluate((t) => t.sum(t.full([0, 3], 1), { axes: [0] })), {
        shape: [3],
        values: [0, 0, 0]
      })
      assert.deepStrictEqual(yield* evaluate((t) => t.max(t.full([0, 3], 1), { axes: [1] })), {
        shape: [0],
        values: []
      })
    })
  )

  const wrong: ReadonlyArray<readonly [string, string, (t: Operations) => unknown]> = [
    ["an axis that is not there", "ShapeError", (t) => t.sum(matrix(t), { axes: [2] })],
    ["a fractional axis", "ShapeError", (t) => t.sum(matrix(t), { axes: [0.5] })],
    ["the maximum of nothing", "ShapeError", (t) => t.max(t.full([0, 3], 1), { axes: [0] })],
    ["the squares of integers", "DTypeError", (t) => t.sumOfSquares(t.full([2], 1, "int32"))],
    ["sumOfSquares over no axis", "ShapeError", (t) => t.sumOfSquares(matrix(t), { axes: [] })],
    ["the mean of integers", "DTypeError", (t) => t.mean(t.full([2], 1, "int32"))],
    ["argmax of a scalar", "ShapeError", (t) => t.argmax(t.full([], 1))],
    ["argmax of an empty row", "ShapeError", (t) => t.argmax(t.full([2, 0], 1))]
  ]
  it.effect.each(wrong)("%s: %s", ([, tag, body]) =>
    Effect.gen(function* () {
      assert.strictEqual((yield* failureOf(body))._tag, tag)
    })
  )
})
