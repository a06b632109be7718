import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { Mock } from "../../src/Layers/Mock.ts"
import { compute, Tensor } from "../../src/Tensor/index.ts"
import { lowRank, lowRankCodec } from "../../src/Weight/index.ts"
import { multiply, normals, testWeight } from "./WeightContract.ts"

const left = normals("left", 6 * 2)
const right = normals("right", 2 * 5)
const make = Effect.gen(function* () {
  const factors = [yield* Tensor.fromArray(left, [6, 2]), yield* Tensor.fromArray(right, [2, 5])] as const
  return yield* compute(() => lowRank(...factors))
})

describe("lowRank", () => {
  testWeight("a low-rank weight", {
    inputs: 6,
    outputs: 5,
    matrix: multiply(left, right, 6, 2, 5),
    make
  })

  it.effect("stores rank (inputs + outputs) numbers", () =>
    Effect.gen(function* () {
      const weight = yield* make
      assert.strictEqual(weight.storedParameters, 22)
      assert.strictEqual(weight.multiplyAdds(10), 220)
      assert.deepStrictEqual(lowRankCodec.describe(weight), { rank: 2 })
    }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("fails with ShapeError where the ranks differ", () =>
    Effect.gen(function* () {
      const a = yield* Tensor.full([6, 2], 1)
      const b = yield* Tensor.full([3, 5], 1)
      const error = yield* Effect.flip(compute(() => lowRank(a, b)))
      assert.strictEqual(error._tag, "ShapeError")
      assert.include(error.message, "ranks 2 and 3 differ")
    }).pipe(Effect.provide(Mock.layer()))
  )

  it("says what is wrong with a description", () => {
    for (const description of [{}, { rank: 0 }, { rank: "2" }, null, { rank: 1.5 }])
      assert.isTrue(Result.isFailure(lowRankCodec.layout(description, 6, 5)), JSON.stringify(description))
    const layout = Result.getOrThrow(lowRankCodec.layout({ rank: 2 }, 6, 5))
    assert.deepStrictEqual(layout.tensors, { left: [6, 2], right: [2, 5] })
  })
})
