import { assert, describe, it } from "@effect/vitest"
import { broadcastLayout, joinDimensions } from "../../../src/Layers/cpu/Broadcast.ts"
import { broadcastStrides, type Shape, stridesOf } from "../../../src/Tensor/Tensor.ts"
import { randomNumbers } from "../../randomNumbers.ts"

/** The offsets that are visited, in order. */
const visited = (sizes: Shape, strides: ReadonlyArray<number>): Array<number> =>
  sizes.reduce(
    (offsets, size, i) =>
      offsets.flatMap((offset) => Array.from({ length: size }, (_, j) => offset + j * strides[i])),
    [0]
  )

describe("Broadcast", () => {
  it("joins dimensions without changing which elements are visited, nor their order", () => {
    const random = randomNumbers(4000, 5, 0, 1)
    let next = 0
    for (let i = 0; i < 200; i++) {
      const target = Array.from({ length: Math.floor(6 * random[next++]) }, () =>
        Math.floor(4 * random[next++])
      )
      const shapes = [0, 1].map(() =>
        target.map((size) => (random[next++] < 0.4 ? 1 : size)).slice(Math.floor(2 * random[next++]))
      )
      const { sizes, strides } = broadcastLayout(target, shapes)
      shapes.forEach((shape, o) => {
        assert.deepStrictEqual(visited(sizes, strides[o]), visited(target, broadcastStrides(shape, target)))
      })
    }
  })

  it("joins all it can", () => {
    assert.deepStrictEqual(broadcastLayout([2, 3, 4], [[2, 3, 4], []]), { sizes: [24], strides: [[1], [0]] })
    assert.deepStrictEqual(broadcastLayout([2, 3, 4], [[2, 3, 4], [4]]), {
      sizes: [6, 4],
      strides: [
        [4, 1],
        [0, 1]
      ]
    })
    assert.deepStrictEqual(broadcastLayout([1, 5, 1], [[5, 1], [1]]), { sizes: [5], strides: [[1], [0]] })
    assert.deepStrictEqual(broadcastLayout([], [[], []]), { sizes: [1], strides: [[0], [0]] })
  })

  it("does not join across a transposition", () => {
    const { sizes, strides } = joinDimensions([3, 2], [[1, 3], stridesOf([3, 2])])
    assert.deepStrictEqual(
      [sizes, strides],
      [
        [3, 2],
        [
          [1, 3],
          [2, 1]
        ]
      ]
    )
  })
})
