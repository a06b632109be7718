import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Tensor } from "../../src/Tensor/index.ts"
import { onMock } from "../Layers/onMock.ts"

describe("between the host and a backend", () => {
  it.effect("numbers come back as they went, in the backend's float or as int32", () =>
    onMock(
      Effect.gen(function* () {
        const x = yield* Tensor.fromArray([0.1, 2, 3, 4], [2, 2])
        assert.deepStrictEqual([x.dtype, x.shape], ["float64", [2, 2]])
        assert.deepStrictEqual(yield* Tensor.toArray(x), Float64Array.of(0.1, 2, 3, 4))
        const single = yield* Tensor.fromArray(Float32Array.of(0.1))
        assert.deepStrictEqual(yield* Tensor.toArray(single), Float64Array.of(Math.fround(0.1)))
        const rounded = yield* Tensor.fromArray([0.1], [1], "float32")
        assert.deepStrictEqual(yield* Tensor.toArray(rounded), Float32Array.of(0.1))
        const whole = yield* Tensor.fromArray(Int32Array.of(7))
        assert.deepStrictEqual(yield* Tensor.toArray(whole), Int32Array.of(7))
        const none = yield* Tensor.fromArray([], [0, 3])
        assert.deepStrictEqual(yield* Tensor.toArray(none), new Float64Array(0))
      })
    )
  )

  it.effect("a float32 mock rounds what it is given", () =>
    onMock(
      Effect.gen(function* () {
        const x = yield* Tensor.fromArray([0.1])
        assert.deepStrictEqual(yield* Tensor.toArray(x), Float32Array.of(0.1))
      }),
      { defaultFloat: "float32" }
    )
  )

  it.effect("the host's array and the tensor do not share memory", () =>
    onMock(
      Effect.gen(function* () {
        const numbers = Float64Array.of(1, 2)
        const x = yield* Tensor.fromArray(numbers)
        numbers[0] = 9
        const copy = yield* Tensor.toArray(x)
        copy[1] = 9
        assert.deepStrictEqual([...(yield* Tensor.toArray(x))], [1, 2])
      })
    )
  )

  it.effect("counts that do not fit a shape are refused", () =>
    onMock(
      Effect.gen(function* () {
        const count = yield* Effect.flip(Tensor.fromArray([1, 2, 3], [2, 2]))
        assert.strictEqual(count.message, "fromArray: 3 numbers for a shape of 4 (shapes: [2, 2])")
        assert.strictEqual((yield* Effect.flip(Tensor.fromArray([1, 2], [0.5, 4])))._tag, "ShapeError")
        assert.strictEqual((yield* Effect.flip(Tensor.fromArray([1, 2], [-1, -2])))._tag, "ShapeError")
        const x = yield* Tensor.full([2], 1)
        assert.strictEqual((yield* Effect.flip(Tensor.toNumber(x)))._tag, "ShapeError")
      })
    )
  )
})
