import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { covariance, refittedBias, sequentialTarget, tokenCounts } from "../../src/Model/Covariance.ts"
import { forward } from "../../src/Model/Forward.ts"
import { weightSizes, withWeight } from "../../src/Model/Gpt2.ts"
import { inputMoments } from "../../src/Model/InputMoments.ts"
import { prefixBefore, prefixMoments, prefixOf } from "../../src/Model/Prefix.ts"
import { key, stream } from "../../src/Random/index.ts"
import { compute, NumericalError, ShapeError, Tensor } from "../../src/Tensor/index.ts"
import { dense } from "../../src/Weight/index.ts"
import { assertClose, normals } from "../Weight/WeightContract.ts"
import { onMock } from "../Layers/onMock.ts"
import { tinyGpt2 } from "./TinyGpt2.ts"

const vocabulary = 11
const text = Int32Array.from({ length: 28 }, () => 0)
{
  const numbers = stream(key("covariance"))
  text.forEach((_, i) => {
    text[i] = numbers.integer(vocabulary)
  })
}

/** What each weight is given for windows [rows, context], as rows of numbers, by the hook alone. */
const observed = Effect.fnUntraced(function* (
  model: Effect.Success<typeof tinyGpt2>,
  tokens: Int32Array,
  shape: readonly [number, number]
) {
  const inputs = yield* Tensor.fromArray(tokens, shape)
  const seen = yield* compute((t) => {
    const found: Record<string, Tensor> = {}
    forward(t, model, inputs, { observe: (name, x) => [(found[name] = x)] })
    return found
  })
  return yield* Effect.all(
    Object.fromEntries(
      Object.entries(seen).map(([name, x]) => [
        name,
        Effect.map(Tensor.toArray(x), (values) => ({ values, width: x.shape[2] }))
      ])
    )
  )
})

// x, z: [tokens, width]
const product = (x: ArrayLike<number>, z: ArrayLike<number>, width: number): Float64Array =>
  crossed(x, z, width, width)

// x: [tokens, m], z: [tokens, n] -> [m, n]
const crossed = (x: ArrayLike<number>, z: ArrayLike<number>, m: number, n: number): Float64Array => {
  const sum = new Float64Array(m * n)
  const count = x.length / m
  for (let token = 0; token < count; token++)
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) sum[i * n + j] += (x[token * m + i] * z[token * n + j]) / count
  return sum
}

/** How far the residual stream is from the original's before the outputs of each weight that is added to it, [tokens, 8]. */
const driftBefore = Effect.fnUntraced(function* (
  model: Effect.Success<typeof tinyGpt2>,
  original: Effect.Success<typeof tinyGpt2>,
  tokens: Int32Array,
  shape: readonly [number, number]
) {
  const inputs = yield* Tensor.fromArray(tokens, shape)
  const streams = Effect.fnUntraced(function* (of: typeof model) {
    const layers = yield* compute((t) => {
      const attended: Record<number, Tensor> = {}
      const { hidden } = forward(t, of, inputs, {
        hiddenStates: true,
        observe: (name, x) => {
          const layer = Number(/^h\.(\d)\.attn\.c_proj$/.exec(name)?.[1] ?? -1)
          if (layer < 0) return []
          attended[layer] = of.weights[name].apply(t, x, of.tensors[`${name}.bias`])
          return [attended[layer]]
        }
      })
      return [0, 1].flatMap((layer) => [hidden[layer], t.add(hidden[layer], attended[layer])])
    })
    return yield* Effect.all(layers.map((x) => Tensor.toArray(x)))
  })
  const [own, aims] = [yield* streams(model), yield* streams(original)]
  const names = [0, 1].flatMap((layer) => [`h.${layer}.attn.c_proj`, `h.${layer}.mlp.c_proj`])
  return Object.fromEntries(
    names.map((name, i) => [name, Float64Array.from(aims[i], (value, e) => value - own[i][e])])
  )
})

const changed = (model: Effect.Success<typeof tinyGpt2>) =>
  Effect.gen(function* () {
    const [inputs, outputs] = weightSizes(model.config)["h.0.mlp.c_fc"]
    const w = yield* Tensor.fromArray(normals("changed", inputs * outputs), [inputs, outputs])
    return withWeight(model, "h.0.mlp.c_fc", yield* compute(() => dense(w)))
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
            const { count, mean, second, reference } = moments[name]
            assert.strictEqual(count, 28)
            assert.isUndefined(reference)
            assertClose(second, product(all, all, width))
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

describe("a prefix", () => {
  it.effect(
    "gives E[x], E[x xᵀ], E[x zᵀ] and E[x dᵀ] of both networks for every weight, layer by layer",
    () =>
      onMock(
        Effect.gen(function* () {
          const original = yield* tinyGpt2
          const model = yield* changed(original)
          const part = text.subarray(0, 24)
          const [seen, aims] = [yield* observed(model, part, [4, 6]), yield* observed(original, part, [4, 6])]
          const drifted = yield* driftBefore(model, original, part, [4, 6])
          const start = yield* prefixOf(model, original, part, { rows: 3 })
          let prefix = start
          // Some are passed over, as those that a plan leaves as they are.
          for (const passed of [0, 3])
            for (const name of Object.keys(seen).slice(passed)) {
              prefix =
                name === "h.0.attn.c_attn"
                  ? yield* prefixOf(model, original, part, { rows: 3 })
                  : yield* prefixBefore(passed === 0 ? prefix : start, name, model, original)
              const { count, second, mean, reference } = yield* prefixMoments(prefix)
              const [x, z] = [seen[name], aims[name]]
              assert.strictEqual(count, 24)
              assertClose(second, product(x.values, x.values, x.width))
              assertClose(
                mean,
                mean.map((_, i) =>
                  Array.from(x.values).reduce(
                    (sum, value, e) => sum + (e % x.width === i ? value / 24 : 0),
                    0
                  )
                )
              )
              assertClose(reference!.cross, product(x.values, z.values, x.width))
              const { drift } = reference!
              if (name in drifted) {
                assertClose(drift!.cross, crossed(x.values, drifted[name], x.width, 8))
                assertClose(drift!.mean, crossed(new Float64Array(24).fill(1), drifted[name], 1, 8))
              } else assert.isUndefined(drift)
            }
        })
      )
  )
})

describe("covariance", () => {
  const moments = {
    count: 4,
    mean: Float64Array.of(1, 2),
    second: Float64Array.of(5, 3, 3, 9),
    reference: undefined
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

describe("fits in sequence", () => {
  const name = "h.1.mlp.c_proj"
  const both = Effect.gen(function* () {
    const original = yield* tinyGpt2
    const model = yield* changed(original)
    const moments = yield* prefixMoments(
      yield* prefixBefore(yield* prefixOf(model, original, text), name, model, original)
    )
    const w = Float64Array.from(yield* Tensor.toArray(original.weights[name].tensors.weight))
    return { original, model, moments, w }
  })

  it.effect(
    "the target is W where the inputs are the same, and else what the outputs are best made with",
    () =>
      onMock(
        Effect.gen(function* () {
          const { original, model, moments, w } = yield* both
          const start = yield* prefixOf(original, original, text)
          const same = yield* prefixMoments(yield* prefixBefore(start, name, original, original))
          assertClose(yield* sequentialTarget(same, w), w, 1e-8)
          assertClose(yield* sequentialTarget({ ...moments, reference: undefined }, w), w)
          const ridge = 0.05
          const target = yield* sequentialTarget(moments, w, { ridge })
          const [x, z] = [
            (yield* observed(model, text.subarray(0, 24), [4, 6]))[name].values,
            (yield* observed(original, text.subarray(0, 24), [4, 6]))[name].values
          ]
          const [xRest, zRest] = [
            (yield* observed(model, text.subarray(24), [1, 4]))[name].values,
            (yield* observed(original, text.subarray(24), [1, 4]))[name].values
          ]
          const [inputs, aims, drift] = [
            [...x, ...xRest],
            [...z, ...zRest],
            [
              ...(yield* driftBefore(model, original, text.subarray(0, 24), [4, 6]))[name],
              ...(yield* driftBefore(model, original, text.subarray(24), [1, 4]))[name]
            ]
          ]
          const trace = inputs.reduce((sum, value) => sum + value * value, 0) / 28
          // E||x V - z W - d||² + ridge ||V - W||², by plain loops
          const loss = (v: Float64Array): number => {
            let sum = 0
            for (let token = 0; token < 28; token++)
              for (let j = 0; j < 8; j++) {
                let difference = -drift[token * 8 + j]
                for (let i = 0; i < 32; i++)
                  difference += inputs[token * 32 + i] * v[i * 8 + j] - aims[token * 32 + i] * w[i * 8 + j]
                sum += (difference * difference) / 28
              }
            return v.reduce((total, value, e) => total + ((ridge * trace) / 32) * (value - w[e]) ** 2, sum)
          }
          const least = loss(target)
          assert.isBelow(least, 0.5 * loss(w))
          for (let seed = 0; seed < 5; seed++) {
            const noise = normals(`noise${seed}`, w.length)
            const v = target.map((value, e) => value + 0.01 * noise[e])
            assert.isAbove(loss(v), least)
            // every other V is worse by ||C^{1/2} (V - W*)||²
            const c = covariance(moments, { ridge })
            let distance = 0
            for (let i = 0; i < 32; i++)
              for (let k = 0; k < 32; k++)
                for (let j = 0; j < 8; j++)
                  distance += c[i * 32 + k] * 1e-4 * noise[i * 8 + j] * noise[k * 8 + j]
            assert.closeTo(loss(v) - least, distance, 1e-8 * (1 + distance))
          }
          assert.instanceOf(yield* Effect.flip(sequentialTarget(moments, w.subarray(1))), ShapeError)
        })
      )
  )

  it.effect("the refitted bias keeps the mean of the outputs, and brings back that of the stream", () =>
    onMock(
      Effect.gen(function* () {
        const { moments, w } = yield* both
        const fitted = normals("fitted", w.length)
        const bias = normals("bias", 8)
        const refitted = refittedBias(moments, bias, w, fitted)
        for (let j = 0; j < 8; j++) {
          let [before, after] = [bias[j] + moments.reference!.drift!.mean[j], refitted[j]]
          for (let i = 0; i < 32; i++) {
            before += moments.reference!.mean[i] * w[i * 8 + j]
            after += moments.mean[i] * fitted[i * 8 + j]
          }
          assert.closeTo(after, before, 1e-10)
        }
      })
    )
  )
})
