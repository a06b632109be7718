import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { upload } from "../../../src/Tensor/Host.ts"
import { compute, type Operations, Tensor } from "../../../src/Tensor/index.ts"
import { sizeOf, stridesOf } from "../../../src/Tensor/Tensor.ts"
import { onMock } from "../../Layers/onMock.ts"
import { evaluate, failureOf } from "../evaluate.ts"

const counted = (t: Operations, shape: ReadonlyArray<number>) =>
  upload(
    t.region,
    Array.from({ length: sizeOf(shape) }, (_, i) => i),
    shape
  )

describe("movement", () => {
  it.effect("reshape keeps the order of elements and infers one size", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* evaluate((t) => t.reshape(counted(t, [2, 3]), [3, -1])), {
        shape: [3, 2],
        values: [0, 1, 2, 3, 4, 5]
      })
      assert.deepStrictEqual((yield* evaluate((t) => t.reshape(t.full([0, 3], 1), [-1, 3]))).shape, [0, 3])
    })
  )

  it.effect("transpose reverses or permutes the axes", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* evaluate((t) => t.transpose(counted(t, [2, 3]))), {
        shape: [3, 2],
        values: [0, 3, 1, 4, 2, 5]
      })
      assert.deepStrictEqual(yield* evaluate((t) => t.transpose(counted(t, [2, 2, 2]), [1, 0, 2])), {
        shape: [2, 2, 2],
        values: [0, 1, 4, 5, 2, 3, 6, 7]
      })
    })
  )

  it.effect("slice, pad and concatenate", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* evaluate((t) => t.slice(counted(t, [3, 3]), [1, 0], [2, 2])), {
        shape: [2, 2],
        values: [3, 4, 6, 7]
      })
      assert.deepStrictEqual(yield* evaluate((t) => t.pad(counted(t, [1, 2]), [1, 0], [0, 1])), {
        shape: [2, 3],
        values: [0, 0, 0, 0, 1, 0]
      })
      assert.deepStrictEqual(
        yield* evaluate((t) => t.concatenate([counted(t, [2, 1]), counted(t, [2, 2])], -1)),
        { shape: [2, 3], values: [0, 0, 1, 1, 2, 3] }
      )
    })
  )

  const sizes = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4 }))).check(
    Schema.isBetweenLength(1, 4)
  )
  const amount = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1000 }))

  it.effect.prop(
    "transpose puts element (i, j, ...) where the permuted index says, and its inverse takes it back",
    { sizes, choice: amount },
    ({ sizes, choice }) =>
      onMock(
        Effect.gen(function* () {
          const permutation = permutationOf(sizes.length, choice)
          const inverse = permutation.map((_, axis) => permutation.indexOf(axis))
          const [x, y, back] = yield* compute((t) => {
            const x = counted(t, sizes)
            const y = t.transpose(x, permutation)
            return [x, y, t.transpose(y, inverse)]
          })
          const values = yield* Tensor.toArray(y)
          const strides = stridesOf(sizes)
          forEachIndex(y.shape, (index, flat) => {
            const source = index.reduce((at, i, axis) => at + i * strides[permutation[axis]], 0)
            assert.strictEqual(values[flat], source)
          })
          assert.deepStrictEqual(back.shape, sizes)
          assert.deepStrictEqual(yield* Tensor.toArray(back), yield* Tensor.toArray(x))
        })
      )
  )

  it.effect.prop(
    "slice undoes pad, and concatenate undoes slicing in two",
    { sizes, before: amount, after: amount, cut: amount, axis: amount },
    ({ sizes, before, after, cut, axis }) =>
      onMock(
        Effect.gen(function* () {
          const along = axis % sizes.length
          const lead = sizes.map((_, i) => (before >> i) % 3)
          const tail = sizes.map((_, i) => (after >> i) % 3)
          const at = cut % (sizes[along] + 1)
          const [x, unpadded, joined, padded] = yield* compute((t) => {
            const x = counted(t, sizes)
            const padded = t.pad(x, lead, tail)
            const zeros = sizes.map(() => 0)
            const first = t.slice(
              x,
              zeros,
              sizes.map((size, i) => (i === along ? at : size))
            )
            const second = t.slice(
              x,
              zeros.map((zero, i) => (i === along ? at : zero)),
              sizes.map((size, i) => (i === along ? size - at : size))
            )
            return [x, t.slice(padded, lead, sizes), t.concatenate([first, second], along), t.sum(padded)]
          })
          const expected = yield* Tensor.toArray(x)
          assert.deepStrictEqual(yield* Tensor.toArray(unpadded), expected)
          assert.deepStrictEqual(yield* Tensor.toArray(joined), expected)
          assert.strictEqual(yield* Tensor.toNumber(padded), (expected.length * (expected.length - 1)) / 2)
        })
      )
  )

  const wrong: ReadonlyArray<readonly [string, string, (t: Operations) => unknown]> = [
    ["a reshape to another size", "ShapeError", (t) => t.reshape(t.full([4], 1), [3])],
    ["a reshape with two unknowns", "ShapeError", (t) => t.reshape(t.full([4], 1), [-1, -1])],
    ["a reshape that does not divide", "ShapeError", (t) => t.reshape(t.full([4], 1), [-1, 3])],
    ["a permutation with a repeated axis", "ShapeError", (t) => t.transpose(t.full([2, 2], 1), [0, 0])],
    ["a permutation that is too short", "ShapeError", (t) => t.transpose(t.full([2, 2], 1), [0])],
    ["a slice beyond the end", "ShapeError", (t) => t.slice(t.full([3], 1), [2], [2])],
    ["a slice of a fractional size", "ShapeError", (t) => t.slice(t.full([3], 1), [0], [1.5])],
    ["a negative pad", "ShapeError", (t) => t.pad(t.full([3], 1), [-1], [0])],
    ["nothing to concatenate", "ShapeError", (t) => t.concatenate([], 0)],
    [
      "a concatenation of different rows",
      "ShapeError",
      (t) => t.concatenate([t.full([2, 2], 1), t.full([2, 3], 1)], 0)
    ],
    [
      "a concatenation of mixed element types",
      "DTypeError",
      (t) => t.concatenate([t.full([2], 1), t.full([2], 1, "int32")], 0)
    ]
  ]
  it.effect.each(wrong)("%s: %s", ([, tag, body]) =>
    Effect.gen(function* () {
      assert.strictEqual((yield* failureOf(body))._tag, tag)
    })
  )
})

/** The choice-th permutation of 0 .. count - 1, by removal from a list. */
const permutationOf = (count: number, choice: number): ReadonlyArray<number> => {
  const left = Array.from({ length: count }, (_, i) => i)
  let rest = choice
  return Array.from({ length: count }, (_, i) => {
    const [axis] = left.splice(rest % (count - i), 1)
    rest = Math.floor(rest / (count - i))
    return axis
  })
}

const forEachIndex = (
  shape: ReadonlyArray<number>,
  visit: (index: ReadonlyArray<number>, flat: number) => void
): void => {
  const strides = stridesOf(shape)
  for (let flat = 0; flat < sizeOf(shape); flat++)
    visit(
      strides.map((stride, axis) => Math.floor(flat / stride) % shape[axis]),
      flat
    )
}
