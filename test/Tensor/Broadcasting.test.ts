import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { upload } from "../../src/Tensor/Host.ts"
import { compute, Tensor } from "../../src/Tensor/index.ts"
import { broadcastShapes, sizeOf } from "../../src/Tensor/Tensor.ts"
import { onMock } from "../Layers/onMock.ts"
import { randomNumbers } from "../randomNumbers.ts"

const Size = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 }))
const Shape = Schema.Array(Size).check(Schema.isMaxLength(4))
const Mask = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 15 }))

/** `shape` without its first `dropped` dimensions, and with size 1 where the mask has a bit. */
const operandShape = (shape: ReadonlyArray<number>, dropped: number, mask: number) =>
  shape.map((size, axis) => ((mask >> axis) & 1 ? 1 : size)).slice(dropped % (shape.length + 1))

/** The element of an operand at an index of the broadcast shape: numpy's rule, one dimension at a time. */
const elementAt = (values: Float64Array, shape: ReadonlyArray<number>, index: ReadonlyArray<number>) => {
  let flat = 0
  shape.forEach((size, axis) => {
    const position = index[index.length - shape.length + axis]
    flat = flat * size + (size === 1 ? 0 : position)
  })
  return values[flat]
}

const indexOf = (flat: number, shape: ReadonlyArray<number>): ReadonlyArray<number> => {
  const index: Array<number> = []
  let rest = flat
  for (const size of shape.toReversed()) {
    index.unshift(rest % size)
    rest = Math.floor(rest / size)
  }
  return index
}

describe("broadcasting", () => {
  it.effect.prop(
    "agrees with a loop over indices for add, less and where",
    { shape: Shape, droppedA: Mask, droppedB: Mask, maskA: Mask, maskB: Mask },
    ({ shape, droppedA, droppedB, maskA, maskB }) =>
      onMock(
        Effect.gen(function* () {
          const [shapeA, shapeB] = [
            operandShape(shape, droppedA, maskA),
            operandShape(shape, droppedB, maskB)
          ]
          const common = broadcastShapes(shapeA, shapeB)
          assert.isDefined(common)
          const [a, b] = [randomNumbers(sizeOf(shapeA), 1), randomNumbers(sizeOf(shapeB), 2)]
          const [sum, comparison, chosen] = yield* compute((t) => {
            const [x, y] = [upload(t.region, a, shapeA), upload(t.region, b, shapeB)]
            return [t.add(x, y), t.less(x, y), t.where(t.less(x, 0), x, y)]
          })
          assert.deepStrictEqual(sum.shape, common)
          const [sums, comparisons, choices] = [
            yield* Tensor.toArray(sum),
            yield* Tensor.toArray(comparison),
            yield* Tensor.toArray(chosen)
          ]
          for (let flat = 0; flat < sums.length; flat++) {
            const index = indexOf(flat, common)
            const [x, y] = [elementAt(a, shapeA, index), elementAt(b, shapeB, index)]
            assert.strictEqual(sums[flat], x + y)
            assert.strictEqual(comparisons[flat], x < y ? 1 : 0)
            assert.strictEqual(choices[flat], x < 0 ? x : y)
          }
        })
      )
  )

  it("is refused where two sizes differ and neither is 1", () => {
    assert.isUndefined(broadcastShapes([2, 3], [2]))
    assert.isUndefined(broadcastShapes([0], [2]))
    assert.deepStrictEqual(broadcastShapes([2, 1], [3]), [2, 3])
    assert.deepStrictEqual(broadcastShapes([0], [1]), [0])
  })
})
