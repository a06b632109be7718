import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { MockControls } from "../../src/Layers/Mock.ts"
import { upload } from "../../src/Tensor/Host.ts"
import { compute, type Operations, Tensor, type UnaryOperation } from "../../src/Tensor/index.ts"
import { sizeOf, type TypedArray } from "../../src/Tensor/Tensor.ts"
import { assertClose } from "../assertClose.ts"
import { onMock } from "../Layers/onMock.ts"
import { randomNumbers } from "../randomNumbers.ts"
import { failureOf } from "./evaluate.ts"

type Shape = ReadonlyArray<number>

interface Case {
  readonly name: string
  /** Each is differentiated. */
  readonly shapes: ReadonlyArray<Shape>
  readonly body: (t: Operations, ...inputs: ReadonlyArray<Tensor>) => Tensor
  /** Where the inputs lie; default [-1, 1). */
  readonly range?: readonly [number, number]
}

const positive = [0.5, 2] as const

const unary = (name: UnaryOperation | "softmax" | "logSoftmax", range?: readonly [number, number]): Case => ({
  name,
  shapes: [[2, 4]],
  body: (t, x) => t[name](x),
  ...(range && { range })
})

const shapePairs: ReadonlyArray<readonly [Shape, Shape]> = [
  [
    [2, 3],
    [2, 3]
  ],
  [[2, 3], [3]],
  [[3], [2, 3]],
  [[2, 3], []],
  [
    [2, 1],
    [1, 3]
  ],
  [
    [2, 1, 3],
    [4, 1]
  ]
]

const binary = (
  name: "add" | "subtract" | "multiply" | "divide" | "power" | "maximum" | "minimum",
  range?: readonly [number, number]
): ReadonlyArray<Case> =>
  shapePairs.map(([a, b]) => ({
    name: `${name} of [${a}] and [${b}]`,
    shapes: [a, b],
    body: (t, x, y) => t[name](x, y),
    ...(range && { range })
  }))

const [m, k, n] = [2, 3, 4]
const products: ReadonlyArray<Case> = (
  [
    [[], []],
    [[2], []],
    [[], [2]],
    [[2], [2]],
    [
      [2, 2],
      [2, 2]
    ]
  ] as const
).flatMap(([batchA, batchB]) =>
  [false, true].flatMap((transposeA) =>
    [false, true].map(
      (transposeB): Case => ({
        name: `matmul of batches [${batchA}] and [${batchB}], transposes ${transposeA} and ${transposeB}`,
        shapes: [
          [...batchA, ...(transposeA ? [k, m] : [m, k])],
          [...batchB, ...(transposeB ? [n, k] : [k, n])]
        ],
        body: (t, a, b) => t.matmul(a, b, { transposeA, transposeB })
      })
    )
  )
)

const indices = (t: Operations, values: ReadonlyArray<number>, shape?: Shape) =>
  upload(t.region, Int32Array.from(values), shape)

const cases: ReadonlyArray<Case> = [
  unary("negate"),
  unary("exp"),
  unary("log", positive),
  unary("sqrt", positive),
  unary("abs"),
  unary("square"),
  unary("reciprocal", positive),
  unary("tanh"),
  unary("sigmoid"),
  unary("relu"),
  unary("gelu"),
  unary("sin"),
  unary("cos"),
  unary("softmax"),
  unary("logSoftmax"),
  ...binary("add"),
  ...binary("subtract"),
  ...binary("multiply"),
  ...binary("divide", positive),
  ...binary("power", positive),
  ...binary("maximum"),
  ...binary("minimum"),
  { name: "number - x", shapes: [[3]], body: (t, x) => t.subtract(2, x) },
  { name: "number / x", shapes: [[3]], body: (t, x) => t.divide(2, x), range: positive },
  { name: "x ^ number at negative x", shapes: [[3]], body: (t, x) => t.power(x, 3) },
  { name: "x x", shapes: [[3]], body: (t, x) => t.multiply(x, x) },
  { name: "x + x", shapes: [[3]], body: (t, x) => t.add(x, x) },
  {
    name: "where of broadcast values",
    shapes: [[2, 1], [3]],
    body: (t, a, b) => t.where(indices(t, [1, 0, 1, 0, 1, 1], [2, 3]), a, b)
  },
  { name: "where of a number", shapes: [[3]], body: (t, a) => t.where(indices(t, [1, 0, 1]), 2, a) },
  {
    name: "cast to the same type",
    shapes: [[3]],
    body: (t, x) => t.cast(x, "float64")
  },
  { name: "dropout", shapes: [[4, 5]], body: (t, x) => t.dropout(x, 0.4, [5, 6]) },
  { name: "dropout at rate 0", shapes: [[3]], body: (t, x) => t.dropout(x, 0, [5, 6]) },
  { name: "broadcastTo", shapes: [[2, 1]], body: (t, x) => t.broadcastTo(x, [3, 2, 4]) },
  { name: "broadcastTo the same shape", shapes: [[2, 1]], body: (t, x) => t.broadcastTo(x, [2, 1]) },
  ...(["sum", "mean", "sumOfSquares", "max", "min"] as const).flatMap(
    (name): ReadonlyArray<Case> => [
      { name: `${name} of all`, shapes: [[2, 3]], body: (t, x) => t[name](x) },
      { name: `${name} of axis 0`, shapes: [[2, 3]], body: (t, x) => t[name](x, { axes: [0] }) },
      {
        name: `${name} of axes 0 and -1, dimensions kept`,
        shapes: [[2, 3, 2]],
        body: (t, x) => t[name](x, { axes: [0, -1], keepDimensions: true })
      }
    ]
  ),
  { name: "sum of a scalar", shapes: [[]], body: (t, x) => t.sum(x) },
  { name: "max over no axis", shapes: [[3]], body: (t, x) => t.max(x, { axes: [] }) },
  { name: "reshape", shapes: [[2, 3]], body: (t, x) => t.reshape(x, [3, -1]) },
  { name: "transpose", shapes: [[2, 3]], body: (t, x) => t.transpose(x) },
  { name: "transpose of three axes", shapes: [[2, 3, 4]], body: (t, x) => t.transpose(x, [1, 2, 0]) },
  { name: "transpose that changes nothing", shapes: [[2, 3]], body: (t, x) => t.transpose(x, [0, 1]) },
  { name: "slice", shapes: [[3, 4]], body: (t, x) => t.slice(x, [1, 0], [2, 3]) },
  { name: "pad", shapes: [[2, 2]], body: (t, x) => t.pad(x, [1, 0], [0, 2]) },
  {
    name: "concatenate, one part twice",
    shapes: [
      [2, 1],
      [2, 3]
    ],
    body: (t, a, b) => t.concatenate([a, b, a], 1)
  },
  ...products,
  { name: "matmul of a with itself", shapes: [[2, 3]], body: (t, a) => t.matmul(a, a, { transposeB: true }) },
  {
    name: "linear with bias",
    shapes: [[2, 2, 3], [3, 4], [4]],
    body: (t, x, w, bias) => t.linear(x, w, bias)
  },
  {
    name: "linear without bias",
    shapes: [
      [2, 3],
      [3, 4]
    ],
    body: (t, x, w) => t.linear(x, w)
  },
  { name: "linear of one row", shapes: [[3], [3, 4], [4]], body: (t, x, w, bias) => t.linear(x, w, bias) },
  {
    name: "gather with repeated rows",
    shapes: [[3, 2]],
    body: (t, x) => t.gather(x, indices(t, [2, 0, 2, 2], [2, 2]))
  },
  {
    name: "segmentSum",
    shapes: [[4, 2]],
    body: (t, x) => t.segmentSum(x, indices(t, [1, 0, 1, 1]), 3)
  },
  {
    name: "layerNorm",
    shapes: [[2, 3, 4], [4], [4]],
    body: (t, x, gain, bias) => t.layerNorm(x, gain, bias, 0.01)
  },
  {
    name: "crossEntropy with an ignored row",
    shapes: [[2, 2, 4]],
    body: (t, x) => t.crossEntropy(x, indices(t, [3, -1, 0, 2], [2, 2]))
  },
  {
    name: "divergence in the student",
    shapes: [[3, 4]],
    body: (t, student) => t.divergence(student, upload(t.region, randomNumbers(12, 77), [3, 4]), 1.7)
  },
  { name: "attention", shapes: [[2, 3, 12]], body: (t, qkv) => t.attention(qkv, 2) }
]

/** sum(coefficients * body(inputs)): the coefficients make every element of the output count differently. */
const weighted = (t: Operations, one: Case, inputs: ReadonlyArray<Tensor>): Tensor => {
  const output = one.body(t, ...inputs)
  const coefficients = upload(t.region, randomNumbers(sizeOf(output.shape), 1000, 0.5, 1.5), output.shape)
  return t.sum(t.multiply(output, coefficients))
}

const stepSize = 1e-5

describe("every differentiable operation agrees with central differences", () => {
  it.effect.each(cases)("$name", (one) =>
    onMock(
      Effect.gen(function* () {
        const data = one.shapes.map((shape, i) => randomNumbers(sizeOf(shape), 11 + i, ...(one.range ?? [])))
        const valueAt = (values: ReadonlyArray<TypedArray>) =>
          Effect.scoped(
            Effect.flatMap(
              compute((t) =>
                weighted(
                  t,
                  one,
                  values.map((x, i) => upload(t.region, x, one.shapes[i]))
                )
              ),
              Tensor.toNumber
            )
          )
        const { gradients } = yield* compute((t) => {
          const inputs = data.map((x, i) => upload(t.region, x, one.shapes[i]))
          return t.valueAndGradients(Object.fromEntries(inputs.map((x, i) => [String(i), x])), () => ({
            value: weighted(t, one, inputs)
          }))
        })
        for (let i = 0; i < data.length; i++) {
          const gradient = gradients[String(i)]
          assert.deepStrictEqual(gradient.shape, one.shapes[i])
          const expected = new Float64Array(data[i].length)
          for (let j = 0; j < expected.length; j++) {
            const shifted = (by: number) =>
              valueAt(data.map((x, of) => (of === i ? x.with(j, x[j] + by) : x)))
            expected[j] = ((yield* shifted(stepSize)) - (yield* shifted(-stepSize))) / (2 * stepSize)
          }
          assertClose(yield* Tensor.toArray(gradient), expected, 1e-8, `gradient of input ${i}`)
        }
      })
    )
  )
})

describe("valueAndGradients", () => {
  it.effect(
    "shares the gradient out among equal maxima, and gives it to the first of two equal arguments",
    () =>
      onMock(
        Effect.gen(function* () {
          const x = yield* Tensor.fromArray([3, 1, 3])
          const y = yield* Tensor.fromArray([3, 2, 0])
          const reduced = yield* compute((t) => t.valueAndGradients({ x }, () => ({ value: t.max(x) })))
          assert.deepStrictEqual([...(yield* Tensor.toArray(reduced.gradients.x))], [0.5, 0, 0.5])
          const { gradients } = yield* compute((t) =>
            t.valueAndGradients({ x, y }, () => ({ value: t.sum(t.maximum(x, y)) }))
          )
          assert.deepStrictEqual([...(yield* Tensor.toArray(gradients.x))], [1, 0, 1])
          assert.deepStrictEqual([...(yield* Tensor.toArray(gradients.y))], [0, 1, 0])
        })
      )
  )

  it.effect("a parameter that the value does not use has gradient zero; the value itself has one", () =>
    onMock(
      Effect.gen(function* () {
        const x = yield* Tensor.full([], 3)
        const unused = yield* Tensor.full([2], 1)
        const { gradients } = yield* compute((t) => t.valueAndGradients({ x, unused }, () => ({ value: x })))
        assert.strictEqual(yield* Tensor.toNumber(gradients.x), 1)
        assert.deepStrictEqual([...(yield* Tensor.toArray(gradients.unused))], [0, 0])
      })
    )
  )

  it.effect("every gradient has memory of its own, so that writing to one leaves the others", () =>
    onMock(
      Effect.gen(function* () {
        const [a, b] = [yield* Tensor.full([2], 1), yield* Tensor.full([2], 2)]
        const { gradients } = yield* compute((t) =>
          t.valueAndGradients({ a, b, again: a }, () => ({ value: t.sum(t.add(a, b)) }))
        )
        yield* compute((t) => t.assign(gradients.a, t.full([2], 9)))
        assert.deepStrictEqual([...(yield* Tensor.toArray(gradients.b))], [1, 1])
        assert.deepStrictEqual([...(yield* Tensor.toArray(gradients.again))], [1, 1])
      })
    )
  )

  it.effect("nothing flows through sign, floor, comparisons and integers", () =>
    onMock(
      Effect.gen(function* () {
        const x = yield* Tensor.fromArray([0.5, -1.5])
        const { gradients } = yield* compute((t) =>
          t.valueAndGradients({ x }, () => ({
            value: t.sum(t.add(t.add(t.sign(x), t.floor(x)), t.cast(t.less(x, 0), "float64")))
          }))
        )
        assert.deepStrictEqual([...(yield* Tensor.toArray(gradients.x))], [0, 0])
      })
    )
  )

  it.effect("differentiates through casts between floats", () =>
    onMock(
      Effect.gen(function* () {
        const x = yield* Tensor.fromArray([0.5, -1.5])
        const { gradients } = yield* compute((t) =>
          t.valueAndGradients({ x }, () => ({ value: t.sum(t.square(t.cast(x, "float32"))) }))
        )
        assert.strictEqual(gradients.x.dtype, "float64")
        assert.deepStrictEqual([...(yield* Tensor.toArray(gradients.x))], [1, -3])
      })
    )
  )

  it.effect("tidy inside keeps what the backward pass needs", () =>
    onMock(
      Effect.gen(function* () {
        const x = yield* Tensor.fromArray([0.5, 2])
        const { gradients } = yield* compute((t) =>
          t.valueAndGradients({ x }, () => ({ value: t.tidy(() => t.sum(t.square(t.square(x)))) }))
        )
        assertClose(yield* Tensor.toArray(gradients.x), [0.5, 32])
      })
    )
  )

  it.effect("frees activations and their gradients as the backward pass goes", () =>
    onMock(
      Effect.gen(function* () {
        const mock = yield* MockControls
        const bytes = 8 * 100
        const x = yield* Tensor.full([10, 10], 0.1)
        const links = 20
        const left = yield* compute((t) => {
          const live = () => t.region.kernels.live().buffers
          const before = live()
          const result = t.valueAndGradients({ x }, () => {
            let y = x
            for (let i = 0; i < links; i++) y = t.gelu(t.linear(y, x))
            return { value: t.sum(y) }
          })
          return { ...result, count: live() - before }
        })
        // The value and the gradient of x.
        assert.strictEqual(left.count, 2)
        // x, the activations, and a handful: two gradients of activations, two of x, and the parts being added.
        assert.isAtMost(yield* mock.peakBytes, (1 + 2 * links + 6) * bytes)
      })
    )
  )

  it.effect("refuses a value that is not one number, integers, and second derivatives", () =>
    Effect.gen(function* () {
      const many = yield* failureOf((t) => {
        const x = t.full([2], 1)
        return t.valueAndGradients({ x }, () => ({ value: t.exp(x) }))
      })
      assert.strictEqual(many._tag, "ShapeError")
      const integers = yield* failureOf((t) => {
        const x = t.full([], 1, "int32")
        return t.valueAndGradients({ x }, () => ({ value: x }))
      })
      assert.strictEqual(integers._tag, "DTypeError")
      const second = yield* failureOf((t) => {
        const x = t.full([], 1)
        return t.valueAndGradients({ x }, () => t.valueAndGradients({ x }, () => ({ value: t.square(x) })))
      })
      assert.include(second.message, "second derivatives")
    })
  )
})
