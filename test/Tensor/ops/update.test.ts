import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { MockControls } from "../../../src/Layers/Mock.ts"
import { type AdamWOptions, compute, type Operations, Tensor } from "../../../src/Tensor/index.ts"
import { assertClose } from "../../assertClose.ts"
import { onMock } from "../../Layers/onMock.ts"
import { failureOf } from "../evaluate.ts"

const optionsAt = (step: number): AdamWOptions => ({
  learningRate: 0.1,
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-8,
  weightDecay: 0.01,
  correction1: 1 - 0.9 ** step,
  correction2: 1 - 0.99 ** step
})

const step = (t: Operations, change: Partial<Parameters<Operations["adamW"]>[0]>) =>
  t.adamW(
    {
      parameter: t.full([2], 1),
      gradient: t.full([2], 1),
      first: t.full([2], 0),
      second: t.full([2], 0),
      scale: t.full([], 1),
      ...change
    },
    optionsAt(1)
  )

describe("adamW", () => {
  it.effect("follows Algorithm 2 of Loshchilov and Hutter for three steps", () =>
    onMock(
      Effect.gen(function* () {
        const start = [1, -2]
        const gradients = [
          [0.5, -1],
          [0.25, 3],
          [-1, 0]
        ]
        const parameter = yield* Tensor.fromArray(start)
        const [first, second] = [yield* Tensor.full([2], 0), yield* Tensor.full([2], 0)]
        const scale = yield* Tensor.full([], 0.5)
        for (const [i, values] of gradients.entries()) {
          yield* Effect.scoped(
            Effect.gen(function* () {
              const gradient = yield* Tensor.fromArray(values)
              yield* compute((t) => t.adamW({ parameter, gradient, first, second, scale }, optionsAt(i + 1)))
            })
          )
        }
        const expected = start.map((theta0, j) => {
          let [theta, m, v] = [theta0, 0, 0]
          gradients.forEach((values, i) => {
            const g = values[j] / 2
            m = 0.9 * m + 0.1 * g
            v = 0.99 * v + 0.01 * g ** 2
            const [mHat, vHat] = [m / (1 - 0.9 ** (i + 1)), v / (1 - 0.99 ** (i + 1))]
            theta -= 0.1 * (mHat / (Math.sqrt(vHat) + 1e-8)) + 0.1 * 0.01 * theta
          })
          return theta
        })
        assertClose(yield* Tensor.toArray(parameter), expected)
      })
    )
  )

  const wrong: ReadonlyArray<readonly [string, string, (t: Operations) => unknown]> = [
    ["a gradient of another shape", "ShapeError", (t) => step(t, { gradient: t.full([1], 1) })],
    ["a scale for each element", "ShapeError", (t) => step(t, { scale: t.full([2], 1) })],
    ["a moment in float32", "DTypeError", (t) => step(t, { first: t.full([2], 0, "float32") })]
  ]
  it.effect.each(wrong)("%s: %s", ([, tag, body]) =>
    Effect.gen(function* () {
      assert.strictEqual((yield* failureOf(body))._tag, tag)
    })
  )
})

describe("assign", () => {
  it.effect("gives target the elements of a temporary, and frees what target held", () =>
    onMock(
      Effect.gen(function* () {
        const mock = yield* MockControls
        const total = yield* Tensor.fromArray([1, 2])
        yield* compute((t) => t.assign(total, t.add(total, 1)))
        assert.deepStrictEqual([...(yield* Tensor.toArray(total))], [2, 3])
        assert.strictEqual((yield* mock.live).buffers, 1)
      })
    )
  )

  it.effect("copies from a tensor that others own or share", () =>
    onMock(
      Effect.gen(function* () {
        const [target, source] = [yield* Tensor.full([2], 0), yield* Tensor.fromArray([5, 6])]
        yield* compute((t) => t.assign(target, source))
        const [other] = yield* compute((t) => {
          const made = t.full([2], 7)
          const view = t.reshape(made, [2, 1])
          t.assign(source, made)
          return [view]
        })
        yield* compute((t) => t.assign(source, t.full([2], 8)))
        assert.deepStrictEqual([...(yield* Tensor.toArray(target))], [5, 6])
        assert.deepStrictEqual([...(yield* Tensor.toArray(source))], [8, 8])
        assert.deepStrictEqual([...(yield* Tensor.toArray(other))], [7, 7])
      })
    )
  )

  it.effect("a failed copy leaves target as it was", () =>
    onMock(
      Effect.gen(function* () {
        const mock = yield* MockControls
        const [target, source] = [yield* Tensor.full([2], 1), yield* Tensor.full([2], 2)]
        yield* mock.failAt(1)
        const error = yield* Effect.flip(compute((t) => t.assign(target, source)))
        assert.strictEqual(error._tag, "KernelError")
        assert.deepStrictEqual([...(yield* Tensor.toArray(target))], [1, 1])
      })
    )
  )

  it.effect("refuses another shape or element type", () =>
    Effect.gen(function* () {
      const shape = yield* failureOf((t) => t.assign(t.full([2], 1), t.full([3], 1)))
      assert.strictEqual(shape._tag, "ShapeError")
      const type = yield* failureOf((t) => t.assign(t.full([2], 1), t.full([2], 1, "int32")))
      assert.strictEqual(type._tag, "DTypeError")
    })
  )
})
