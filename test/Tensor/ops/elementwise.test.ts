import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { upload } from "../../../src/Tensor/Host.ts"
import type { Operations, Tensor } from "../../../src/Tensor/index.ts"
import { assertClose } from "../../assertClose.ts"
import { evaluate, failureOf } from "../evaluate.ts"

const points = [-2.5, -1, -0.25, 0, 0.5, 1, 3]

const valuesOf = (body: (t: Operations) => Tensor) => Effect.map(evaluate(body), ({ values }) => values)

describe("unary operations", () => {
  const expectations: ReadonlyArray<
    readonly [keyof Operations & ("negate" | "exp" | "abs" | "square"), (x: number) => number]
  > = [
    ["negate", (x) => -x],
    ["exp", (x) => Math.E ** x],
    ["abs", (x) => (x < 0 ? -x : x)],
    ["square", (x) => x ** 2]
  ]
  it.effect.each(expectations)("%s", ([name, f]) =>
    Effect.gen(function* () {
      const { values } = yield* evaluate((t) => t[name](upload(t.region, points)))
      assertClose(values, points.map(f))
    })
  )

  it.effect("have the values of their definitions at chosen points", () =>
    Effect.gen(function* () {
      assertClose(yield* valuesOf((t) => t.log(upload(t.region, [1, Math.E, 0]))), [0, 1, -Infinity])
      assertClose(yield* valuesOf((t) => t.sqrt(upload(t.region, [0, 4, 2]))), [0, 2, Math.SQRT2])
      assertClose(yield* valuesOf((t) => t.reciprocal(upload(t.region, [2, -4]))), [0.5, -0.25])
      assertClose(yield* valuesOf((t) => t.tanh(upload(t.region, [0, Math.log(2)]))), [0, 0.6])
      assertClose(yield* valuesOf((t) => t.sigmoid(upload(t.region, [0, Math.log(3)]))), [0.5, 0.75])
      assertClose(yield* valuesOf((t) => t.relu(upload(t.region, [-1, 0, 2]))), [0, 0, 2])
      assertClose(yield* valuesOf((t) => t.sin(upload(t.region, [0, Math.PI / 2]))), [0, 1])
      assertClose(yield* valuesOf((t) => t.cos(upload(t.region, [0, Math.PI]))), [1, -1])
      assertClose(yield* valuesOf((t) => t.sign(upload(t.region, [-3, 0, 5]))), [-1, 0, 1])
      assertClose(yield* valuesOf((t) => t.floor(upload(t.region, [-1.5, 2.5]))), [-2, 2])
    })
  )

  it.effect("gelu is GPT-2's tanh form", () =>
    Effect.gen(function* () {
      const { values } = yield* evaluate((t) => t.gelu(upload(t.region, [-1, 0, 1, 2])))
      // torch.nn.functional.gelu(x, approximate="tanh")
      assertClose(values, [-0.15880800939172324, 0, 0.8411919906082768, 1.954597694087775], 1e-12)
    })
  )
})

describe("binary operations", () => {
  it.effect("broadcast a row over a matrix, a column over a row, and a number over anything", () =>
    Effect.gen(function* () {
      const sum = yield* evaluate((t) =>
        t.add(upload(t.region, [1, 2, 3, 4, 5, 6], [2, 3]), upload(t.region, [10, 20, 30]))
      )
      assert.deepStrictEqual(sum, { shape: [2, 3], values: [11, 22, 33, 14, 25, 36] })
      const outer = yield* evaluate((t) =>
        t.multiply(upload(t.region, [1, 2], [2, 1]), upload(t.region, [3, 4, 5]))
      )
      assert.deepStrictEqual(outer, { shape: [2, 3], values: [3, 4, 5, 6, 8, 10] })
      const shifted = yield* evaluate((t) => t.subtract(1, upload(t.region, [1, 2])))
      assert.deepStrictEqual(shifted.values, [0, -1])
    })
  )

  it.effect("divide, power, maximum, minimum", () =>
    Effect.gen(function* () {
      const a = [1, -2, 3]
      const b = [2, -2, 0]
      const of = (name: "divide" | "power" | "maximum" | "minimum") =>
        valuesOf((t) => t[name](upload(t.region, a), upload(t.region, b)))
      assertClose(yield* of("divide"), [0.5, 1, Infinity])
      assertClose(yield* of("power"), [1, 0.25, 1])
      assertClose(yield* of("maximum"), [2, -2, 3])
      assertClose(yield* of("minimum"), [1, -2, 0])
    })
  )

  it.effect("comparisons give int32 zeros and ones", () =>
    Effect.gen(function* () {
      const a = [1, 2, 3, Number.NaN]
      const b = [2, 2, 2, Number.NaN]
      const of = (name: "equal" | "less" | "lessEqual") =>
        valuesOf((t) => t[name](upload(t.region, a), upload(t.region, b)))
      assert.deepStrictEqual(yield* of("equal"), [0, 1, 0, 0])
      assert.deepStrictEqual(yield* of("less"), [1, 0, 0, 0])
      assert.deepStrictEqual(yield* of("lessEqual"), [1, 1, 0, 0])
    })
  )

  it.effect("where chooses, broadcasting condition and values", () =>
    Effect.gen(function* () {
      const chosen = yield* evaluate((t) =>
        t.where(upload(t.region, Int32Array.of(1, 0), [2, 1]), upload(t.region, [1, 2, 3]), 0)
      )
      assert.deepStrictEqual(chosen, { shape: [2, 3], values: [1, 2, 3, 0, 0, 0] })
    })
  )
})

describe("constructors and conversions", () => {
  it.effect("full, cast towards zero, broadcastTo", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* evaluate((t) => t.full([2, 1], 3)), { shape: [2, 1], values: [3, 3] })
      const truncated = yield* evaluate((t) => t.cast(upload(t.region, [-1.9, 1.9]), "int32"))
      assert.deepStrictEqual(truncated.values, [-1, 1])
      const rounded = yield* evaluate((t) => t.cast(upload(t.region, [0.1]), "float32"))
      assert.deepStrictEqual(rounded.values, [Math.fround(0.1)])
      const repeated = yield* evaluate((t) => t.broadcastTo(upload(t.region, [1, 2], [2, 1]), [2, 2, 3]))
      assert.deepStrictEqual(repeated.values, [1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2])
    })
  )

  it.effect("dropout keeps the mean, decides by its seed alone, and its scale is 1 / (1 - rate)", () =>
    Effect.gen(function* () {
      const count = 20_000
      const drop = (seed: readonly [number, number]) =>
        Effect.map(
          evaluate((t) => t.dropout(t.full([count], 1), 0.25, seed)),
          ({ values }) => values
        )
      const once = yield* drop([1, 2])
      assert.deepStrictEqual(new Set(once), new Set([0, 1 / 0.75]))
      assert.deepStrictEqual(yield* drop([1, 2]), once)
      const kept = once.filter((value) => value > 0).length
      // Binomial(20000, 0.75): within 5 standard deviations, false alarm 6e-7 were the seed not fixed.
      assert.isBelow(Math.abs(kept - 0.75 * count), 5 * Math.sqrt(count * 0.75 * 0.25))
      const other = yield* drop([1, 3])
      const both = other.filter((value, i) => value > 0 && once[i] > 0).length
      assert.isBelow(Math.abs(both - 0.5625 * count), 5 * Math.sqrt(count * 0.5625 * 0.4375))
      const { values } = yield* evaluate((t) => t.dropout(t.full([3], 2), 0, [0, 0]))
      assert.deepStrictEqual(values, [2, 2, 2])
    })
  )
})

describe("errors", () => {
  const wrong: ReadonlyArray<readonly [string, string, (t: Operations) => unknown]> = [
    ["shapes that do not broadcast", "ShapeError", (t) => t.add(t.full([2], 1), t.full([3], 1))],
    ["mixed element types", "DTypeError", (t) => t.add(t.full([2], 1), t.full([2], 1, "float32"))],
    ["exp of integers", "DTypeError", (t) => t.exp(t.full([2], 1, "int32"))],
    ["division of integers", "DTypeError", (t) => t.divide(t.full([2], 1, "int32"), 2)],
    ["powers of integers", "DTypeError", (t) => t.power(t.full([2], 1, "int32"), 2)],
    ["a condition of floats", "DTypeError", (t) => t.where(t.full([2], 1), t.full([2], 1), 0)],
    [
      "a condition that does not broadcast",
      "ShapeError",
      (t) => t.where(t.full([3], 1, "int32"), t.full([2], 1), 0)
    ],
    ["a dropout rate of 1", "ShapeError", (t) => t.dropout(t.full([2], 1), 1, [0, 0])],
    ["a dropout rate of NaN", "ShapeError", (t) => t.dropout(t.full([2], 1), Number.NaN, [0, 0])],
    ["dropout of integers", "DTypeError", (t) => t.dropout(t.full([2], 1, "int32"), 0.5, [0, 0])],
    ["a broadcast to fewer elements", "ShapeError", (t) => t.broadcastTo(t.full([2], 1), [1])],
    ["a negative size", "ShapeError", (t) => t.full([-1], 1)],
    ["a fractional size", "ShapeError", (t) => t.full([0.5, 2], 1)]
  ]
  it.effect.each(wrong)("%s: %s", ([, tag, body]) =>
    Effect.gen(function* () {
      const error = yield* failureOf(body)
      assert.strictEqual(error._tag, tag)
    })
  )

  it.effect("say the operation, what is wrong and the shapes", () =>
    Effect.gen(function* () {
      const error = yield* failureOf((t) => t.add(t.full([2, 3], 1), t.full([4], 1)))
      assert.strictEqual(error.message, "add: shapes do not broadcast (shapes: [2, 3], [4])")
    })
  )
})
