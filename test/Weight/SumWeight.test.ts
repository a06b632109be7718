import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { kroneckerCodec, kroneckerWeight } from "../../src/Kronecker/index.ts"
import { Mock } from "../../src/Layers/Mock.ts"
import { compute, Tensor } from "../../src/Tensor/index.ts"
import { denseCodec, lowRank, lowRankCodec, sumCodec, sumWeight } from "../../src/Weight/index.ts"
import { assertClose, multiply, normals, testWeight } from "./WeightContract.ts"

const [left, right] = [normals("left", 6 * 2), normals("right", 2 * 4)]
const [a, b] = [normals("a", 3 * 2), normals("b", 2 * 2)]
const rows = Uint32Array.of(3, 0, 5, 1, 2, 4)

const make = Effect.gen(function* () {
  const factors = [yield* Tensor.fromArray(left, [6, 2]), yield* Tensor.fromArray(right, [2, 4])] as const
  const kronecker = [yield* Tensor.fromArray(a, [1, 3, 2]), yield* Tensor.fromArray(b, [1, 2, 2])] as const
  return yield* compute((t) =>
    sumWeight([kroneckerWeight(t, { left: kronecker[0], right: kronecker[1], rows }), lowRank(...factors)])
  )
})

const matrix = multiply(left, right, 6, 2, 4)
rows.forEach((row, i) => {
  for (let j = 0; j < 4; j++)
    matrix[row * 4 + j] += a[Math.floor(i / 2) * 2 + Math.floor(j / 2)] * b[(i % 2) * 2 + (j % 2)]
})

const codec = sumCodec({ dense: denseCodec, "low-rank": lowRankCodec, kronecker: kroneckerCodec })

describe("sumWeight", () => {
  testWeight("a Kronecker sum and a low-rank part", { inputs: 6, outputs: 4, matrix, make })

  it.effect("stores what its parts store, and comes back from its description", () =>
    Effect.gen(function* () {
      const weight = yield* make
      assert.strictEqual(weight.storedParameters, 6 + 4 + 6 + 20)
      assert.strictEqual(
        weight.multiplyAdds(3),
        weight.parts[0].multiplyAdds(3) + weight.parts[1].multiplyAdds(3)
      )
      const description = JSON.parse(JSON.stringify(codec.describe(weight)))
      const layout = Result.getOrThrow(codec.layout(description, 6, 4))
      assert.sameMembers(Object.keys(layout.tensors), Object.keys(weight.tensors))
      for (const [name, tensor] of Object.entries(weight.tensors))
        assert.deepStrictEqual(layout.tensors[name], tensor.shape)
      assert.deepStrictEqual(Object.keys(layout.indices), ["0.rows"])
      assert.isDefined(layout.indices["0.rows"].problem(Uint32Array.of(0, 0, 1, 2, 3, 4)))
      const again = yield* Effect.flatMap(
        compute((t) => layout.assemble(t, weight.tensors, weight.indices).toDense(t)),
        Tensor.toArray
      )
      assertClose(again, matrix)
    }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("fails with ShapeError for no parts and for parts of different sizes", () =>
    Effect.gen(function* () {
      const [x, y, z] = [
        yield* Tensor.full([6, 2], 1),
        yield* Tensor.full([2, 5], 1),
        yield* Tensor.full([2, 4], 1)
      ]
      for (const parts of [[], [lowRank(x, y), lowRank(x, z)]])
        assert.strictEqual((yield* Effect.flip(compute(() => sumWeight(parts))))._tag, "ShapeError")
    }).pipe(Effect.provide(Mock.layer()))
  )

  it("says what is wrong with a description", () => {
    for (const [description, words] of [
      [{}, "parts"],
      [{ parts: [] }, "parts"],
      [{ parts: [{ rank: 2 }] }, "format"],
      [{ parts: [{ format: "sparse" }] }, "low-rank"],
      [
        {
          parts: [
            { format: "low-rank", rank: 2 },
            { format: "low-rank", rank: 0 }
          ]
        },
        "part 1"
      ]
    ] as const) {
      const layout = codec.layout(description, 6, 4)
      assert.isTrue(Result.isFailure(layout))
      if (Result.isFailure(layout)) assert.include(layout.failure, words)
    }
  })
})
