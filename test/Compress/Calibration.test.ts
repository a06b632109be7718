import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer } from "effect"
import { codecs, Compress, type Plan } from "../../src/Compress/index.ts"
import { Distill } from "../../src/Distill/index.ts"
import { Kronecker } from "../../src/Kronecker/index.ts"
import { covariance, forward, initialise, inputMoments, load, save } from "../../src/Model/index.ts"
import type { Gpt2 } from "../../src/Model/index.ts"
import { key } from "../../src/Random/index.ts"
import { upload } from "../../src/Tensor/Host.ts"
import { Backend, compute, Tensor } from "../../src/Tensor/index.ts"
import { onMockWithFiles } from "../Distill/onMockWithFiles.ts"
import { sentence, tinyConfig } from "../Distill/TinyGpt2.ts"

const services = Compress.layer.pipe(Layer.provide([Kronecker.layer, Distill.layer]))
const tokens = Int32Array.from({ length: 300 }, (_, i) => sentence[(i + Math.floor(i / 7)) % sentence.length])

const plans: Readonly<Record<string, Plan.WeightPlan>> = {
  "h.1.mlp.c_fc": { format: "low-rank", rank: 3 },
  "h.0.mlp.c_fc": {
    format: "kronecker",
    terms: 2,
    left: [4, 8],
    right: [2, 4],
    permute: "rows-and-columns",
    rank: 1
  },
  "h.0.attn.c_proj": { format: "kronecker", terms: 2, left: [4, 4], right: [2, 2], permute: "none" }
}

const fit = { key: key(2), swaps: 200 }

/** ||C^{1/2} (W - W')|| / ||C^{1/2} W|| over the calibration text. */
const outputError = Effect.fnUntraced(function* (original: Gpt2, compressed: Gpt2, name: string) {
  const { factorizations: host } = yield* Backend
  const found = yield* inputMoments(original, tokens, { weights: [name] })
  const c = covariance(found[name], { ridge: 0 })
  const { inputs, outputs } = original.weights[name]
  const values = (model: Gpt2) =>
    Effect.scoped(
      Effect.flatMap(
        compute((t) => model.weights[name].toDense(t)),
        Tensor.toArray
      )
    )
  const [before, after] = [yield* values(original), yield* values(compressed)]
  const norm = (w: Float64Array) =>
    host.multiply(c, w, inputs, inputs, outputs).reduce((sum, value, e) => sum + value * w[e], 0)
  const difference = Float64Array.from(before, (value, e) => value - after[e])
  return Math.sqrt(norm(difference) / norm(Float64Array.from(before)))
})

const logitsOf = (model: Gpt2) =>
  Effect.scoped(
    Effect.flatMap(
      compute((t) => forward(t, model, upload(t.region, tokens.subarray(0, 60), [10, 6])).logits),
      Tensor.toArray
    )
  )

const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.hypot(...Array.from(a, (value, i) => value - b[i]))

describe("calibrated fits", () => {
  it.effect("come nearer to the outputs over the text, one weight at a time", () =>
    Effect.gen(function* () {
      const compress = yield* Compress
      const original = yield* initialise(tinyConfig, key(1))
      for (const [name, plan] of Object.entries(plans)) {
        const plain = yield* compress.replace(original, { [name]: plan }, fit)
        const calibrated = yield* compress.replace(
          original,
          { [name]: plan },
          { ...fit, calibration: { tokens } }
        )
        const [without, with_] = [
          yield* outputError(original, plain, name),
          yield* outputError(original, calibrated, name)
        ]
        assert.isBelow(with_, without, name)
      }
    }).pipe(Effect.provide(services), onMockWithFiles)
  )

  it.effect("come nearer to the logits, all weights in sequence, whatever the order they are named in", () =>
    Effect.gen(function* () {
      const compress = yield* Compress
      const original = yield* initialise(tinyConfig, key(1))
      const calibration = { tokens }
      const aim = yield* logitsOf(original)
      const plain = yield* logitsOf(yield* compress.replace(original, plans, fit))
      const calibrated = yield* compress.replace(original, plans, { ...fit, calibration })
      assert.isBelow(distance(yield* logitsOf(calibrated), aim), distance(plain, aim))
      const turned = Object.fromEntries(Object.entries(plans).toReversed())
      const again = yield* compress.replace(original, turned, { ...fit, calibration })
      assert.deepStrictEqual(yield* logitsOf(again), yield* logitsOf(calibrated))
    }).pipe(Effect.provide(services), onMockWithFiles)
  )

  it.effect("a sum of two formats comes back from its files", () =>
    Effect.gen(function* () {
      const compress = yield* Compress
      const original = yield* initialise(tinyConfig, key(1))
      const model = yield* compress.replace(original, plans, fit)
      assert.strictEqual(model.weights["h.0.mlp.c_fc"].format, "sum")
      const directory = yield* FileSystem.FileSystem.use((files) => files.makeTempDirectoryScoped())
      yield* save(model, `${directory}/model`, { codecs })
      const loaded = yield* load(`${directory}/model`, codecs)
      assert.isBelow(distance(yield* logitsOf(loaded), yield* logitsOf(model)), 1e-5)
    }).pipe(Effect.provide(services), onMockWithFiles)
  )
})
