import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { covariance, tokenCounts } from "../../src/Model/Covariance.ts"
import { forward } from "../../src/Model/Forward.ts"
import { weightSizes } from "../../src/Model/Gpt2.ts"
import { inputMoments } from "../../src/Model/InputMoments.ts"
import { compute, NumericalError, ShapeError, Tensor } from "../../src/Tensor/index.ts"
import { onMock } from "../Layers/onMock.ts"
import { assertClose, normals } from "../Weight/WeightContract.ts"
import { crossed, observed, text } from "./ObservedInputs.ts"
import { tinyGpt2 } from "./TinyGpt2.ts"

describe("covariance", () => {
  it("is symmetric, the mean of what rounding made of both triangles", () => {
    const n = 70
    const second = normals("second", n * n)
    const c = covariance(
      { count: 1, mean: new Float64Array(n), second, outputError: undefined },
      { ridge: 0 }
    )
    const expected = second.map((value, e) => (value + second[(e % n) * n + Math.floor(e / n)]) / 2)
    assertClose(c, expected, 1e-15)
  })
})

describe("inputMoments", () => {
  it.effect("the hook sees every weight of the layers once: what goes in is what layer norm made", () =>
    onMock(
      Effect.gen(function* () {
        const model = yield* tinyGpt2
        const seen = yield* observed(model, text.subarray(0, 12), [2, 6])
        assert.sameMembers(
          Object.keys(seen),
          Object.keys(weightSizes(model.config)).filter((name) => name !== "wte")
        )
        const inputs = yield* Tensor.fromArray(text.subarray(0, 12), [2, 6])
        const { hidden } = yield* compute((t) => forward(t, model, inputs, { hiddenStates: true }))
        for (const layer of [0, 1]) {
          const stream = yield* Tensor.toArray(hidden[layer])
          const gain = yield* Tensor.toArray(model.tensors[`h.${layer}.ln_1.weight`])
          const bias = yield* Tensor.toArray(model.tensors[`h.${layer}.ln_1.bias`])
          const expected = Float64Array.from(stream)
          for (let row = 0; row < stream.length; row += 8) {
            const x = Array.from(stream.subarray(row, row + 8))
            const mean = x.reduce((sum, value) => sum + value, 0) / 8
            const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 8
            x.forEach((value, i) => {
              expected[row + i] = ((value - mean) / Math.sqrt(variance + 1e-5)) * gain[i] + bias[i]
            })
          }
          assertClose(seen[`h.${layer}.attn.c_attn`].values, expected)
        }
      })
    )
  )

  it.effect("are E[x] and E[x xᵀ] over the text in windows, the last a short one, whatever the batches", () =>
    onMock(
      Effect.gen(function* () {
        const model = yield* tinyGpt2
        const [whole, rest] = [
          yield* observed(model, text.subarray(0, 24), [4, 6]),
          yield* observed(model, text.subarray(24), [1, 4])
        ]
        for (const rows of [1, 3, 10]) {
          const moments = yield* inputMoments(model, text, { rows })
          for (const [name, { values, width }] of Object.entries(whole)) {
            const all = [...values, ...rest[name].values]
            const { count, mean, second, outputError } = moments[name]
            assert.strictEqual(count, 28)
            assert.isUndefined(outputError)
            assertClose(second, crossed(all, all, width, width))
            assertClose(
              mean,
              mean.map((_, i) => all.reduce((sum, x, e) => sum + (e % width === i ? x / 28 : 0), 0))
            )
          }
        }
      })
    )
  )

  it.effect("are those of the weights alone that are asked for", () =>
    onMock(
      Effect.gen(function* () {
        const name = "h.1.mlp.c_proj"
        assert.deepStrictEqual(Object.keys(yield* inputMoments(yield* tinyGpt2, text, { weights: [name] })), [
          name
        ])
      })
    )
  )

  it.effect("refuse an empty text, unknown weights and inputs that are not finite", () =>
    onMock(
      Effect.gen(function* () {
        const model = yield* tinyGpt2
        const refused = (tokens: Int32Array, weights?: ReadonlyArray<string>) =>
          Effect.flip(inputMoments(model, tokens, { weights }))
        assert.instanceOf(yield* refused(new Int32Array(0)), ShapeError)
        const unknown = yield* refused(text, ["h.7.mlp.c_fc"])
        assert.instanceOf(unknown, ShapeError)
        assert.include(unknown.message, "h.7.mlp.c_fc")
        const gain = yield* Tensor.full([8], Number.NaN)
        const broken = { ...model, tensors: { ...model.tensors, "h.1.ln_2.weight": gain } }
        const error = yield* Effect.flip(inputMoments(broken, text))
        assert.instanceOf(error, NumericalError)
        assert.include(error.message, "h.1.mlp.c_fc")
      })
    )
  )
})

describe("covariance", () => {
  const moments = {
    count: 4,
    mean: Float64Array.of(1, 2),
    second: Float64Array.of(5, 3, 3, 9),
    outputError: undefined
  }

  it("adds a ridge in proportion to the mean diagonal, and leaves the mean out where asked", () => {
    assert.deepStrictEqual([...covariance(moments, { ridge: 0.1 })], [5.7, 3, 3, 9.7])
    assertClose(covariance(moments, { ridge: 0.1, centred: true }), [4.45, 1, 1, 5.45])
    const silent = { ...moments, mean: new Float64Array(2), second: new Float64Array(4) }
    assert.deepStrictEqual([...covariance(silent)], [1, 0, 0, 1])
  })

  it("token counts", () => {
    assert.deepStrictEqual([...tokenCounts(Int32Array.of(2, 0, 2), 4)], [1, 0, 2, 0])
  })
})
