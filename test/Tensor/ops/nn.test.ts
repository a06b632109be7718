import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { upload } from "../../../src/Tensor/Host.ts"
import { compute, type Operations, Tensor } from "../../../src/Tensor/index.ts"
import { assertClose } from "../../assertClose.ts"
import { randomNumbers } from "../../randomNumbers.ts"
import { onMock } from "../../Layers/onMock.ts"
import { evaluate, failureOf } from "../evaluate.ts"

const { log, sqrt } = Math

describe("softmax and logSoftmax", () => {
  it.effect("turn logarithms of weights into shares, however large", () =>
    Effect.gen(function* () {
      const { values } = yield* evaluate((t) =>
        t.softmax(upload(t.region, [0, log(2), log(3), 1000, 1000, -1000], [2, 3]))
      )
      assertClose(values, [1 / 6, 1 / 3, 1 / 2, 0.5, 0.5, 0])
      const logarithms = yield* evaluate((t) =>
        t.logSoftmax(upload(t.region, [0, log(2), log(3), 1000, 1000, -1000], [2, 3]))
      )
      assertClose(logarithms.values, [-log(6), -log(3), -log(2), -log(2), -log(2), -2000 - log(2)])
    })
  )
})

describe("layerNorm", () => {
  it.effect("centres and scales each row, then applies gain and bias", () =>
    Effect.gen(function* () {
      const { values } = yield* evaluate((t) =>
        t.layerNorm(
          upload(t.region, [1, 2, 3, 4, 5, 5, 5, 5], [2, 4]),
          upload(t.region, [1, 1, 1, 2]),
          upload(t.region, [0, 0, 10, 0]),
          0.25
        )
      )
      // Variance 1.25 + 0.25 = 1.5 in the first row, 0 + 0.25 in the second.
      const unit = 1 / sqrt(1.5)
      assertClose(values, [-1.5 * unit, -0.5 * unit, 0.5 * unit + 10, 3 * unit, 0, 0, 10, 0])
    })
  )
})

describe("losses", () => {
  it.effect(
    "crossEntropy is minus the logarithm of the target's share; a negative target costs nothing",
    () =>
      Effect.gen(function* () {
        const losses = yield* evaluate((t) =>
          t.crossEntropy(
            upload(t.region, [0, log(3), 0, log(3), 7, 9], [3, 2]),
            upload(t.region, Int32Array.of(1, 0, -1))
          )
        )
        assert.deepStrictEqual(losses.shape, [3])
        assertClose(losses.values, [-log(3 / 4), -log(1 / 4), 0])
      })
  )

  it.effect("divergence is KL(teacher || student) at a temperature", () =>
    Effect.gen(function* () {
      const temperature = 2
      const teacher = [log(3 / 4), log(1 / 4)].map((x) => x * temperature)
      const { values } = yield* evaluate((t) =>
        t.divergence(
          upload(t.region, [5, 5, ...teacher], [2, 2]),
          upload(t.region, [...teacher, ...teacher], [2, 2]),
          temperature
        )
      )
      assertClose(values, [(3 / 4) * log(3 / 2) + (1 / 4) * log(1 / 2), 0], 1e-12)
    })
  )
})

/** The same attention out of slices, products and softmax, one head of one batch at a time. */
const composedAttention = (t: Operations, qkv: Tensor, heads: number): Tensor => {
  const [batch, tokens, triple] = qkv.shape
  const width = triple / 3
  const size = width / heads
  const blocked = upload(
    t.region,
    Array.from({ length: tokens * tokens }, (_, i) => (i % tokens > Math.floor(i / tokens) ? 1e9 : 0)),
    [tokens, tokens]
  )
  const head = (b: number, h: number) => {
    const part = (which: number) =>
      t.reshape(t.slice(qkv, [b, 0, which * width + h * size], [1, tokens, size]), [tokens, size])
    const scores = t.divide(t.matmul(part(0), part(1), { transposeB: true }), sqrt(size))
    return t.matmul(t.softmax(t.subtract(scores, blocked)), part(2))
  }
  return t.concatenate(
    Array.from({ length: batch }, (_, b) =>
      t.reshape(
        t.concatenate(
          Array.from({ length: heads }, (_, h) => head(b, h)),
          1
        ),
        [1, tokens, width]
      )
    ),
    0
  )
}

describe("attention", () => {
  const [batch, tokens, width, heads] = [2, 5, 6, 3]
  const numbers = randomNumbers(batch * tokens * 3 * width, 3)

  it.effect("is softmax(q kᵀ / sqrt(size)) v under a causal mask, and so is its gradient", () =>
    onMock(
      Effect.gen(function* () {
        const weights = randomNumbers(batch * tokens * width, 4)
        const gradientWith = (attend: (t: Operations, qkv: Tensor, heads: number) => Tensor) =>
          compute((t) => {
            const qkv = upload(t.region, numbers, [batch, tokens, 3 * width])
            const coefficients = upload(t.region, weights, [batch, tokens, width])
            return t.valueAndGradients({ qkv }, () => {
              const aux = attend(t, qkv, heads)
              return { value: t.sum(t.multiply(aux, coefficients)), aux }
            })
          })
        const fused = yield* gradientWith((t, qkv, heads) => t.attention(qkv, heads))
        const composed = yield* gradientWith(composedAttention)
        assertClose(yield* Tensor.toArray(fused.aux), yield* Tensor.toArray(composed.aux))
        assertClose(yield* Tensor.toArray(fused.gradients.qkv), yield* Tensor.toArray(composed.gradients.qkv))
      })
    )
  )

  /** The outputs of all tokens but the last. */
  const attend = (values: Float64Array) =>
    evaluate((t) =>
      t.slice(
        t.attention(upload(t.region, values, [batch, tokens, 3 * width]), heads),
        [0, 0, 0],
        [batch, tokens - 1, width]
      )
    )

  it.effect("no token sees a later one", () =>
    Effect.gen(function* () {
      const changed = numbers.map((value, i) =>
        Math.floor(i / (3 * width)) % tokens === tokens - 1 ? value + 1 : value
      )
      assert.deepStrictEqual(yield* attend(changed), yield* attend(numbers))
    })
  )
})

describe("errors", () => {
  const wrong: ReadonlyArray<readonly [string, string, (t: Operations) => unknown]> = [
    ["softmax of a scalar", "ShapeError", (t) => t.softmax(t.full([], 1))],
    ["softmax of integers", "DTypeError", (t) => t.softmax(t.full([2], 1, "int32"))],
    [
      "a gain of the wrong size",
      "ShapeError",
      (t) => t.layerNorm(t.full([2, 3], 1), t.full([2], 1), t.full([3], 0))
    ],
    [
      "a bias of another element type",
      "DTypeError",
      (t) => t.layerNorm(t.full([2, 3], 1), t.full([3], 1), t.full([3], 0, "float32"))
    ],
    ["a target too few", "ShapeError", (t) => t.crossEntropy(t.full([2, 3], 1), t.full([1], 0, "int32"))],
    [
      "a target that is no class",
      "ShapeError",
      (t) => t.crossEntropy(t.full([2, 3], 1), t.full([2], 3, "int32"))
    ],
    ["targets of floats", "DTypeError", (t) => t.crossEntropy(t.full([2, 3], 1), t.full([2], 0))],
    ["one logit", "ShapeError", (t) => t.crossEntropy(t.full([], 1), t.full([], 0, "int32"))],
    ["a teacher of another shape", "ShapeError", (t) => t.divergence(t.full([2, 3], 1), t.full([2, 4], 1))],
    ["a temperature of 0", "ShapeError", (t) => t.divergence(t.full([2, 3], 1), t.full([2, 3], 1), 0)],
    ["a width that heads do not divide", "ShapeError", (t) => t.attention(t.full([1, 2, 12], 1), 3)],
    ["a head and a half", "ShapeError", (t) => t.attention(t.full([1, 2, 9], 1), 1.5)],
    ["attention of a matrix", "ShapeError", (t) => t.attention(t.full([2, 12], 1), 2)]
  ]
  it.effect.each(wrong)("%s: %s", ([, tag, body]) =>
    Effect.gen(function* () {
      assert.strictEqual((yield* failureOf(body))._tag, tag)
    })
  )
})
