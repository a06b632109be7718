import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { Mock } from "../../src/Layers/Mock.ts"
import { compute, Tensor } from "../../src/Tensor/index.ts"
import { dense, denseCodec, storedBytes } from "../../src/Weight/index.ts"
import { normals, testWeight } from "./WeightContract.ts"

describe("dense", () => {
  const matrix = normals("dense", 5 * 7)
  testWeight("a dense weight", {
    inputs: 5,
    outputs: 7,
    matrix,
    make: Effect.map(Tensor.fromArray(matrix, [5, 7]), dense)
  })

  it.effect("stores its numbers, and multiplies by each once a row", () =>
    Effect.gen(function* () {
      const weight = dense(yield* Tensor.fromArray(matrix, [5, 7]))
      assert.strictEqual(weight.storedParameters, 35)
      assert.strictEqual(weight.multiplyAdds(4), 140)
      assert.deepStrictEqual([storedBytes(weight), storedBytes(weight, "float16")], [140, 70])
    }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("is a matrix, or fails with ShapeError", () =>
    Effect.gen(function* () {
      const x = yield* Tensor.fromArray(matrix)
      const error = yield* Effect.flip(compute(() => dense(x)))
      assert.strictEqual(error._tag, "ShapeError")
    }).pipe(Effect.provide(Mock.layer()))
  )

  it("lies in a file as one tensor", () => {
    const layout = Result.getOrThrow(denseCodec.layout({}, 5, 7))
    assert.deepStrictEqual(layout.tensors, { weight: [5, 7] })
    assert.deepStrictEqual(layout.indices, {})
  })
})
