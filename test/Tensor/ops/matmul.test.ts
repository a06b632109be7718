import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { upload } from "../../../src/Tensor/Host.ts"
import type { Operations } from "../../../src/Tensor/index.ts"
import { sizeOf } from "../../../src/Tensor/Tensor.ts"
import { assertClose } from "../../assertClose.ts"
import { randomNumbers } from "../../randomNumbers.ts"
import { evaluate, failureOf } from "../evaluate.ts"

const [m, k, n] = [3, 4, 5]

interface Case {
  readonly batchA: ReadonlyArray<number>
  readonly batchB: ReadonlyArray<number>
  readonly transposeA: boolean
  readonly transposeB: boolean
}

const batches = [
  [[], []],
  [[2], []],
  [[], [2]],
  [[2], [2]],
  [
    [2, 3],
    [2, 3]
  ]
] as const
const cases: ReadonlyArray<Case> = batches.flatMap(([batchA, batchB]) =>
  [false, true].flatMap((transposeA) =>
    [false, true].map((transposeB) => ({ batchA, batchB, transposeA, transposeB }))
  )
)

const naive = (a: Float64Array, b: Float64Array, one: Case): Float64Array => {
  const count = Math.max(sizeOf(one.batchA), sizeOf(one.batchB))
  const result = new Float64Array(count * m * n)
  for (let batch = 0; batch < count; batch++) {
    const startA = one.batchA.length > 0 ? batch * m * k : 0
    const startB = one.batchB.length > 0 ? batch * k * n : 0
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++)
        for (let p = 0; p < k; p++) {
          const x = a[startA + (one.transposeA ? p * m + i : i * k + p)]
          const y = b[startB + (one.transposeB ? j * k + p : p * n + j)]
          result[(batch * m + i) * n + j] += x * y
        }
  }
  return result
}

describe("matmul", () => {
  it.effect.each(cases)(
    "batches $batchA and $batchB, transposes $transposeA and $transposeB, agree with three loops",
    (one) =>
      Effect.gen(function* () {
        const shapeA = [...one.batchA, ...(one.transposeA ? [k, m] : [m, k])]
        const shapeB = [...one.batchB, ...(one.transposeB ? [n, k] : [k, n])]
        const [a, b] = [randomNumbers(sizeOf(shapeA), 1), randomNumbers(sizeOf(shapeB), 2)]
        const product = yield* evaluate((t) =>
          t.matmul(upload(t.region, a, shapeA), upload(t.region, b, shapeB), one)
        )
        assert.deepStrictEqual(product.shape, [...(one.batchA.length > 0 ? one.batchA : one.batchB), m, n])
        assertClose(product.values, naive(a, b, one), 1e-14)
      })
  )

  it.effect("an inner size of 0 gives zeros", () =>
    Effect.gen(function* () {
      const product = yield* evaluate((t) => t.matmul(t.full([2, 0], 1), t.full([0, 2], 1)))
      assert.deepStrictEqual(product, { shape: [2, 2], values: [0, 0, 0, 0] })
    })
  )
})

describe("linear", () => {
  it.effect("adds the bias to every row, for any number of leading dimensions", () =>
    Effect.gen(function* () {
      const w = [1, 2, 3, 4, 5, 6]
      const apply = (shape: ReadonlyArray<number>, bias: boolean) =>
        evaluate((t) =>
          t.linear(
            t.full(shape, 1),
            upload(t.region, w, [2, 3]),
            bias ? upload(t.region, [10, 20, 30]) : undefined
          )
        )
      assert.deepStrictEqual(yield* apply([2], false), { shape: [3], values: [5, 7, 9] })
      assert.deepStrictEqual(yield* apply([1, 2], true), { shape: [1, 3], values: [15, 27, 39] })
      assert.deepStrictEqual(yield* apply([2, 1, 2], true), {
        shape: [2, 1, 3],
        values: [15, 27, 39, 15, 27, 39]
      })
    })
  )
})

describe("errors", () => {
  const wrong: ReadonlyArray<readonly [string, string, (t: Operations) => unknown]> = [
    ["inner sizes that differ", "ShapeError", (t) => t.matmul(t.full([2, 3], 1), t.full([2, 3], 1))],
    ["a vector", "ShapeError", (t) => t.matmul(t.full([2, 3], 1), t.full([3], 1))],
    ["batches that differ", "ShapeError", (t) => t.matmul(t.full([2, 3, 3], 1), t.full([4, 3, 3], 1))],
    ["integers", "DTypeError", (t) => t.matmul(t.full([2, 2], 1, "int32"), t.full([2, 2], 1, "int32"))],
    ["mixed floats", "DTypeError", (t) => t.matmul(t.full([2, 2], 1), t.full([2, 2], 1, "float32"))],
    ["linear on the wrong width", "ShapeError", (t) => t.linear(t.full([2, 3], 1), t.full([2, 3], 1))],
    ["linear on a scalar", "ShapeError", (t) => t.linear(t.full([], 1), t.full([2, 3], 1))],
    [
      "a bias of the wrong size",
      "ShapeError",
      (t) => t.linear(t.full([2, 3], 1), t.full([3, 4], 1), t.full([3], 1))
    ]
  ]
  it.effect.each(wrong)("%s: %s", ([, tag, body]) =>
    Effect.gen(function* () {
      assert.strictEqual((yield* failureOf(body))._tag, tag)
    })
  )
})
