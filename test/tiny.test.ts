import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Mock, MockControls } from "../src/Layers/Mock.ts"
import { compute, Tensor } from "../src/Tensor/index.ts"

// The file to read first: tensors belong to a scope, `compute` is where they are worked on, a layer says on what.

describe("tesserae in one screen", () => {
  it.effect("multiplies two matrices", () =>
    Effect.gen(function* () {
      const a = yield* Tensor.fromArray([1, 2, 3, 4, 5, 6], [2, 3])
      const b = yield* Tensor.fromArray([1, 0, 0, 1, 1, 1], [3, 2])
      const c = yield* compute((t) => t.matmul(a, b))
      assert.deepStrictEqual(c.shape, [2, 2])
      assert.deepStrictEqual([...(yield* Tensor.toArray(c))], [4, 5, 10, 11])
    }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("differentiates: d/dw sum((x w)^2) = 2 xᵀ x w", () =>
    Effect.gen(function* () {
      const x = yield* Tensor.fromArray([1, 2, 3, 4], [2, 2])
      const w = yield* Tensor.fromArray([1, -1], [2, 1])
      const { value, gradients } = yield* compute((t) =>
        t.valueAndGradients({ w }, () => ({ value: t.sumOfSquares(t.matmul(x, w)) }))
      )
      assert.strictEqual(yield* Tensor.toNumber(value), 2)
      assert.deepStrictEqual([...(yield* Tensor.toArray(gradients.w))], [-8, -12])
    }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("frees every tensor when its scope ends", () =>
    Effect.gen(function* () {
      const mock = yield* MockControls
      yield* Effect.scoped(
        Effect.gen(function* () {
          const x = yield* Tensor.full([100], 1)
          yield* compute((t) => t.sum(t.exp(t.multiply(x, 2))))
          // x and the sum: the exponentials were temporary.
          assert.deepStrictEqual(yield* mock.live, { buffers: 2, bytes: 808 })
        })
      )
      assert.deepStrictEqual(yield* mock.live, { buffers: 0, bytes: 0 })
    }).pipe(Effect.provide(Mock.layer()))
  )
})
