import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { covariance } from "../../src/Model/Covariance.ts"
import { forward } from "../../src/Model/Forward.ts"
import { weightSizes, withWeight } from "../../src/Model/Gpt2.ts"
import { prefixBefore, prefixMoments, prefixOf } from "../../src/Model/Prefix.ts"
import { refittedBias, sequentialTarget, shrinkage } from "../../src/Model/SequentialTarget.ts"
import { key, stream } from "../../src/Random/index.ts"
import { compute, ShapeError, Tensor } from "../../src/Tensor/index.ts"
import { dense } from "../../src/Weight/index.ts"
import { onMock } from "../Layers/onMock.ts"
import { assertClose, normals } from "../Weight/WeightContract.ts"
import { crossed, observed, text } from "./ObservedInputs.ts"
import { tinyGpt2 } from "./TinyGpt2.ts"

type Tiny = Effect.Success<typeof tinyGpt2>

/** Two weights are others: the stream has drifted from the start. */
const changed = Effect.fnUntraced(function* (model: Tiny) {
  let next = model
  for (const name of ["wte", "h.0.mlp.c_fc"]) {
    const [inputs, outputs] = weightSizes(model.config)[name]
    const w = yield* Tensor.fromArray(normals(`changed ${name}`, inputs * outputs), [inputs, outputs])
    next = withWeight(next, name, yield* compute(() => dense(w)))
  }
  return next
})

/** The residual stream before the outputs of each weight that is added to it, [tokens, 8]. */
const streamsBefore = Effect.fnUntraced(function* (
  model: Tiny,
  tokens: Int32Array,
  shape: readonly [number, number]
) {
  const inputs = yield* Tensor.fromArray(tokens, shape)
  const streams = yield* compute((t) => {
    const attended: Record<string, Tensor> = {}
    const { hidden } = forward(t, model, inputs, {
      hiddenStates: true,
      observe: (name, x) =>
        name.endsWith("attn.c_proj")
          ? [(attended[name] = model.weights[name].apply(t, x, model.tensors[`${name}.bias`]))]
          : []
    })
    return Object.fromEntries(
      [0, 1].flatMap((layer) => {
        const attention = `h.${layer}.attn.c_proj`
        return [
          [attention, hidden[layer]],
          [`h.${layer}.mlp.c_proj`, t.add(hidden[layer], attended[attention])]
        ]
      })
    )
  })
  return yield* Effect.all(
    Object.fromEntries(Object.entries(streams).map(([name, x]) => [name, Tensor.toArray(x)]))
  )
})

/** What each weight is given in a model, x, and how far its outputs are from the original's, e, by plain loops; token by token. */
const outputErrors = Effect.fnUntraced(function* (
  model: Tiny,
  original: Tiny,
  tokens: Int32Array,
  shape: readonly [number, number]
) {
  const [own, aims] = [yield* observed(model, tokens, shape), yield* observed(original, tokens, shape)]
  const [streams, before] = [
    yield* streamsBefore(model, tokens, shape),
    yield* streamsBefore(original, tokens, shape)
  ]
  const found: Record<string, { x: ArrayLike<number>; e: Float64Array; inputs: number; outputs: number }> = {}
  for (const [name, { values: x, width: inputs }] of Object.entries(own)) {
    const { outputs } = original.weights[name]
    const w = yield* Tensor.toArray(original.weights[name].tensors.weight)
    const z = aims[name].values
    const e = Float64Array.from({ length: tokens.length * outputs }, (_, at) => {
      const [token, j] = [Math.floor(at / outputs), at % outputs]
      let sum = name in before ? before[name][at] - streams[name][at] : 0
      for (let i = 0; i < inputs; i++)
        sum += (z[token * inputs + i] - x[token * inputs + i]) * w[i * outputs + j]
      return sum
    })
    found[name] = { x, e, inputs, outputs }
  }
  return found
})

describe("a prefix", () => {
  it.effect("gives E[x], E[x xᵀ], E[e], E[x eᵀ] and E[eᵀ e] for every weight, layer by layer", () =>
    onMock(
      Effect.gen(function* () {
        const original = yield* tinyGpt2
        const model = yield* changed(original)
        const part = text.subarray(0, 24)
        const seen = yield* outputErrors(model, original, part, [4, 6])
        const ones = new Float64Array(24).fill(1)
        const start = yield* prefixOf(model, original, part, { rows: 3 })
        let prefix = start
        // Some are passed over, as those that a plan leaves as they are.
        for (const passed of [0, 3])
          for (const [name, { x, e, inputs, outputs }] of Object.entries(seen).slice(passed)) {
            prefix =
              name === "h.0.attn.c_attn"
                ? yield* prefixOf(model, original, part, { rows: 3 })
                : yield* prefixBefore(passed === 0 ? prefix : start, name, model, original)
            const { count, second, mean, outputError } = yield* prefixMoments(prefix, original)
            assert.strictEqual(count, 24)
            assertClose(second, crossed(x, x, inputs, inputs))
            assertClose(mean, crossed(ones, x, 1, inputs))
            assertClose(outputError!.cross, crossed(x, e, inputs, outputs))
            assertClose(outputError!.mean, crossed(ones, e, 1, outputs))
            const square = e.reduce((sum, value) => sum + value * value, 0) / 24
            assert.isAbove(square, 1e-3)
            assert.closeTo(outputError!.square / square, 1, 1e-9)
          }
      })
    )
  )
})

describe("sequentialTarget", () => {
  const both = Effect.fnUntraced(function* (name: string) {
    const original = yield* tinyGpt2
    const model = yield* changed(original)
    const start = yield* prefixOf(model, original, text)
    const moments = yield* prefixMoments(yield* prefixBefore(start, name, model, original), original)
    const [head, rest] = [
      (yield* outputErrors(model, original, text.subarray(0, 24), [4, 6]))[name],
      (yield* outputErrors(model, original, text.subarray(24), [1, 4]))[name]
    ]
    const x = [...Array.from(head.x), ...Array.from(rest.x)]
    const w = Float64Array.from(yield* Tensor.toArray(original.weights[name].tensors.weight))
    return { original, moments, w, x, e: [...head.e, ...rest.e], inputs: head.inputs, outputs: head.outputs }
  })

  /** As if the text were so long that nothing is left to chance. */
  const certain = 1e12

  for (const name of ["h.1.attn.c_proj", "h.1.mlp.c_fc"])
    for (const centred of [false, true])
      it.effect(
        `makes up best for the outputs' errors: ${name}, ${centred ? "about" : "with"} the means`,
        () =>
          onMock(
            Effect.gen(function* () {
              const { moments, w, x, e, inputs, outputs } = yield* both(name)
              const ridge = 0.05
              const options = { ridge, centred }
              const { matrix: target } = yield* sequentialTarget({ ...moments, count: certain }, w, options)
              const about = (values: ReadonlyArray<number>, width: number) => {
                const means = crossed(new Float64Array(28).fill(1), values, 1, width)
                return values.map((value, at) => (centred ? value - means[at % width] : value))
              }
              const [xs, es] = [about(x, inputs), about(e, outputs)]
              const trace = xs.reduce((sum, value) => sum + value * value, 0) / 28
              // E||x (V - W) - e||² + ridge ||V - W||², by plain loops
              const loss = (v: Float64Array): number => {
                let sum = 0
                for (let token = 0; token < 28; token++)
                  for (let j = 0; j < outputs; j++) {
                    let difference = -es[token * outputs + j]
                    for (let i = 0; i < inputs; i++)
                      difference += xs[token * inputs + i] * (v[i * outputs + j] - w[i * outputs + j])
                    sum += (difference * difference) / 28
                  }
                return v.reduce(
                  (total, value, at) => total + ((ridge * trace) / inputs) * (value - w[at]) ** 2,
                  sum
                )
              }
              const least = loss(target)
              assert.isBelow(least, 0.9 * loss(w))
              const c = covariance(moments, options)
              for (let seed = 0; seed < 5; seed++) {
                const noise = normals(`noise${seed}`, w.length)
                const v = target.map((value, at) => value + 0.01 * noise[at])
                assert.isAbove(loss(v), least)
                // every other V is worse by ||C^{1/2} (V - W*)||²
                let distance = 0
                for (let i = 0; i < inputs; i++)
                  for (let k = 0; k < inputs; k++)
                    for (let j = 0; j < outputs; j++)
                      distance += c[i * inputs + k] * 1e-4 * noise[i * outputs + j] * noise[k * outputs + j]
                assert.closeTo(loss(v) - least, distance, 1e-8 * (1 + distance))
              }
              assert.instanceOf(yield* Effect.flip(sequentialTarget(moments, w.subarray(1))), ShapeError)
            })
          )
      )

  it.effect("is W where outputs have no errors, and the nearer to it the shorter the text", () =>
    onMock(
      Effect.gen(function* () {
        const name = "h.1.mlp.c_fc"
        const { original, moments, w } = yield* both(name)
        const start = yield* prefixOf(original, original, text)
        const same = yield* prefixMoments(yield* prefixBefore(start, name, original, original), original)
        assertClose((yield* sequentialTarget(same, w)).matrix, w, 1e-8)
        const alone = yield* sequentialTarget({ ...moments, outputError: undefined }, w)
        assertClose(alone.matrix, w)
        assertClose(alone.covariance, covariance(moments))
        const steps: Array<number> = []
        for (const count of [4, 28, 1000, certain]) {
          const { matrix: target } = yield* sequentialTarget({ ...moments, count }, w)
          steps.push(Math.hypot(...target.map((value, at) => value - w[at])))
        }
        assert.strictEqual(steps[0], 0)
        for (let at = 1; at < steps.length; at++) assert.isAbove(steps[at], steps[at - 1])
      })
    )
  )

  it.effect("the refitted bias makes up for the means of the outputs' errors", () =>
    onMock(
      Effect.gen(function* () {
        const { moments, w, x, e, inputs, outputs } = yield* both("h.1.mlp.c_proj")
        const fitted = normals("fitted", w.length)
        const bias = normals("bias", outputs)
        const refitted = refittedBias(moments, bias, w, fitted)
        const ones = new Float64Array(28).fill(1)
        const [means, outputError] = [crossed(ones, x, 1, inputs), crossed(ones, e, 1, outputs)]
        for (let j = 0; j < outputs; j++) {
          let [before, after] = [bias[j] + outputError[j], refitted[j]]
          for (let i = 0; i < inputs; i++) {
            before += means[i] * w[i * outputs + j]
            after += means[i] * fitted[i * outputs + j]
          }
          assert.closeTo(after, before, 1e-10)
        }
      })
    )
  )
})

describe("shrinkage", () => {
  it("keeps of a regression what is better on other data than all or nothing of it", () => {
    const numbers = stream(key("shrinkage"))
    // y = x b + noise: inputs independent and of variance 1, so that the error on other data is |found - b|²
    const [inputs, count] = [20, 60]
    for (const signal of [0, 0.05, 0.2]) {
      const risk = { none: 0, kept: 0, all: 0 }
      for (let trial = 0; trial < 60; trial++) {
        const b = Float64Array.from({ length: inputs }, () => signal * numbers.normal())
        const x = Float64Array.from({ length: count * inputs }, () => numbers.normal())
        const product = (coefficients: Float64Array) =>
          Float64Array.from({ length: count }, (_, row) =>
            coefficients.reduce((sum, value, i) => sum + x[row * inputs + i] * value, 0)
          )
        const y = product(b).map((value) => value + numbers.normal())
        const found = leastSquares(x, y, inputs)
        const fit = product(found)
        const rest = y.reduce((sum, value, row) => sum + (value - fit[row]) ** 2, 0)
        const explained = y.reduce((sum, value) => sum + value * value, 0) - rest
        const kept = shrinkage(inputs / count, explained, rest)
        const error = (share: number) => found.reduce((sum, value, i) => sum + (share * value - b[i]) ** 2, 0)
        risk.none += error(0)
        risk.kept += error(kept)
        risk.all += error(1)
      }
      assert.isBelow(risk.kept, risk.all)
      if (signal > 0.1) assert.isBelow(risk.kept, risk.none)
      if (signal === 0) assert.isBelow(risk.kept, 0.2 * risk.all)
    }
  })

  it("keeps all where nothing is left, and nothing where data are not more than coefficients", () => {
    assert.strictEqual(shrinkage(0.5, 1, 0), 1)
    assert.strictEqual(shrinkage(1, 1, 0), 0)
    assert.strictEqual(shrinkage(0.5, 0, 0), 0)
    assert.closeTo(shrinkage(0.2, 1, 2), 0.5, 1e-12)
  })
})

// x: [count, inputs], y: [count] -> [inputs], by the normal equations and elimination
const leastSquares = (x: Float64Array, y: Float64Array, inputs: number): Float64Array => {
  const rows = Array.from({ length: inputs }, (_, i) => {
    const row = new Float64Array(inputs + 1)
    for (let at = 0; at < y.length; at++) {
      for (let j = 0; j < inputs; j++) row[j] += x[at * inputs + i] * x[at * inputs + j]
      row[inputs] += x[at * inputs + i] * y[at]
    }
    return row
  })
  for (let i = 0; i < inputs; i++)
    for (let k = 0; k < inputs; k++) {
      if (k === i) continue
      const factor = rows[k][i] / rows[i][i]
      for (let j = i; j <= inputs; j++) rows[k][j] -= factor * rows[i][j]
    }
  return Float64Array.from(rows, (row, i) => row[inputs] / row[i])
}
