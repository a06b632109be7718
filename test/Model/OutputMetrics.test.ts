import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { loss, residualStream } from "../../src/Model/Forward.ts"
import { type Gpt2, withParameters } from "../../src/Model/Gpt2.ts"
import { outputMetrics } from "../../src/Model/OutputMetrics.ts"
import { compute, Tensor } from "../../src/Tensor/index.ts"
import { onMock } from "../Layers/onMock.ts"
import { assertClose } from "../Weight/WeightContract.ts"
import { tinyGpt2 } from "./TinyGpt2.ts"

/** square / mean of its diagonal + I */
const scaled = (square: Float64Array, n: number): Float64Array => {
  let trace = 0
  for (let i = 0; i < n; i++) trace += square[i * n + i]
  return square.map((value, e) => (value * n) / trace + (e % (n + 1) === 0 ? 1 : 0))
}

describe("outputMetrics", () => {
  // In a text of two tokens the second predicts nothing, so that the gradient by a bias is that by the outputs at the first token.
  const pair = Int32Array.of(3, 7)
  const lossWith = (model: Gpt2, name: string, bias: ArrayLike<number>) =>
    Effect.scoped(
      Effect.gen(function* () {
        const changed = withParameters(model, { [name]: yield* Tensor.fromArray(Float64Array.from(bias)) })
        const inputs = yield* Tensor.fromArray(pair, [1, 2])
        const targets = yield* Tensor.fromArray(Int32Array.of(7, -1), [1, 2])
        return yield* Effect.flatMap(
          compute((t) => loss(t, changed, inputs, targets)),
          Tensor.toNumber
        )
      })
    )

  it.effect("are E[g gᵀ] of the loss's gradients by the outputs, by central differences", () =>
    onMock(
      Effect.gen(function* () {
        const model = yield* tinyGpt2
        const metrics = yield* outputMetrics(model, pair)
        for (const name of ["h.0.attn.c_attn", "h.0.mlp.c_fc", "h.1.attn.c_proj", "h.1.mlp.c_proj"]) {
          const bias = yield* Tensor.toArray(model.tensors[`${name}.bias`])
          const n = bias.length
          const g = new Float64Array(n)
          for (let j = 0; j < n; j++) {
            const moved = (by: number) =>
              lossWith(
                model,
                `${name}.bias`,
                Array.from(bias, (value, i) => value + (i === j ? by : 0))
              )
            g[j] = ((yield* moved(1e-5)) - (yield* moved(-1e-5))) / 2e-5
          }
          const square = Float64Array.from({ length: n * n }, (_, e) => g[Math.floor(e / n)] * g[e % n])
          assertClose(metrics[name], scaled(square, n), 1e-5)
        }
      })
    )
  )

  it.effect("have E[h hᵀ] for the head, and are symmetric and positive definite", () =>
    onMock(
      Effect.gen(function* () {
        const model = yield* tinyGpt2
        const text = Int32Array.of(1, 4, 2, 8, 5, 7, 1, 0, 10, 3)
        const metrics = yield* outputMetrics(model, text)
        const square = new Float64Array(64)
        for (const part of [text.subarray(0, 6), text.subarray(6)]) {
          const inputs = yield* Tensor.fromArray(part, [1, part.length])
          const h = yield* Effect.flatMap(
            compute((t) => residualStream(t, model, inputs, {})[0]),
            Tensor.toArray
          )
          for (let row = 0; row < h.length; row += 8)
            for (let e = 0; e < 64; e++) square[e] += h[row + Math.floor(e / 8)] * h[row + (e % 8)]
        }
        assertClose(metrics.wte, scaled(square, 8), 1e-8)
        for (const [name, metric] of Object.entries(metrics)) {
          const n = Math.sqrt(metric.length)
          for (let i = 0; i < n; i++) {
            assert.isAtLeast(metric[i * n + i], 1)
            for (let j = 0; j < i; j++) assert.strictEqual(metric[i * n + j], metric[j * n + i], name)
          }
        }
      })
    )
  )
})
