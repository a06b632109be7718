import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Mock, MockControls } from "../../src/Layers/Mock.ts"
import { forward } from "../../src/Model/Forward.ts"
import { withParameters } from "../../src/Model/Gpt2.ts"
import { perplexity } from "../../src/Model/Perplexity.ts"
import { evaluationWindows } from "../../src/Model/PerplexityProtocol.ts"
import { key, stream } from "../../src/Random/index.ts"
import { compute, Tensor } from "../../src/Tensor/index.ts"
import { compressedGpt2, tinyGpt2 } from "./TinyGpt2.ts"

const text = Int32Array.from({ length: 23 }, () => 0)
const numbers = stream(key("text"))
for (let i = 0; i < text.length; i++) text[i] = numbers.integer(11)

describe("perplexity", () => {
  it.effect("of a model that knows nothing is the size of the vocabulary, by both protocols", () =>
    Effect.gen(function* () {
      const model = yield* tinyGpt2
      const silent = withParameters(model, {
        "ln_f.weight": yield* Tensor.full([8], 0),
        "ln_f.bias": yield* Tensor.full([8], 0)
      })
      for (const protocol of ["windows", "sliding"] as const) {
        const windows = yield* evaluationWindows(text, 6, protocol)
        const report = yield* perplexity(silent, windows, { bytes: 100 })
        assert.strictEqual(report.protocol, protocol)
        assert.closeTo(report.perplexity, 11, 1e-9)
        assert.closeTo(report.natsPerToken, Math.log(11), 1e-12)
        assert.strictEqual(report.countedTargets, windows.countedTargets)
        assert.closeTo(report.bitsPerByte!, (windows.countedTargets * Math.log2(11)) / 100, 1e-12)
        assert.isAbove(report.tokensPerSecond, 0)
      }
    }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("is what the logits of each window say, whatever the batches", () =>
    Effect.gen(function* () {
      const model = yield* compressedGpt2
      // Window by window: text[start..start + 6], all but the first token predicted; the mean of the windows' means.
      const means: Array<number> = []
      for (let start = 0; start + 1 < text.length; start += 6) {
        const window = text.slice(start, start + 6)
        const tokens = yield* Tensor.fromArray(window, [1, window.length])
        const logits = yield* Tensor.toArray(yield* compute((t) => forward(t, model, tokens).logits))
        let sum = 0
        for (let i = 0; i + 1 < window.length; i++) {
          const scores = logits.subarray(11 * i, 11 * i + 11)
          const total = Array.from(scores).reduce((all, score) => all + Math.exp(score), 0)
          sum += Math.log(total) - scores[window[i + 1]]
        }
        means.push(sum / (window.length - 1))
      }
      const expected = Math.exp(means.reduce((sum, mean) => sum + mean, 0) / means.length)
      const windows = yield* evaluationWindows(text, 6, "windows")
      for (const rows of [undefined, 1, 3]) {
        const report = yield* perplexity(model, windows, { rows })
        assert.closeTo(report.perplexity, expected, 1e-9)
        assert.isUndefined(report.bitsPerByte)
      }
    }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("frees what it used, and fails where a loss is not finite or the windows are too long", () =>
    Effect.gen(function* () {
      const controls = yield* MockControls
      const model = yield* tinyGpt2
      const windows = yield* evaluationWindows(text, 6, "sliding")
      const before = yield* controls.live
      yield* perplexity(model, windows)
      assert.deepStrictEqual(yield* controls.live, before)
      yield* controls.nanAt(20)
      assert.strictEqual((yield* Effect.flip(perplexity(model, windows)))._tag, "NumericalError")
      yield* controls.reset
      yield* controls.failAt(20)
      assert.strictEqual((yield* Effect.flip(perplexity(model, windows)))._tag, "KernelError")
      yield* controls.reset
      const long = yield* evaluationWindows(text, 7, "sliding")
      assert.strictEqual((yield* Effect.flip(perplexity(model, long)))._tag, "ShapeError")
      assert.deepStrictEqual(yield* controls.live, before)
    }).pipe(Effect.provide(Mock.layer()))
  )
})
