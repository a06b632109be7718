import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Compress, inFreeOrder, Plan, PlanError, relativeError, tq81 } from "../../src/Compress/index.ts"
import { Distill } from "../../src/Distill/index.ts"
import { Kronecker } from "../../src/Kronecker/index.ts"
import {
  forward,
  type Gpt2,
  inHiddenOrder,
  initialise,
  storedParameters,
  weightSizes
} from "../../src/Model/index.ts"
import { key, stream } from "../../src/Random/index.ts"
import { upload } from "../../src/Tensor/Host.ts"
import { compute, Tensor } from "../../src/Tensor/index.ts"
import { onMockWithFiles } from "../Distill/onMockWithFiles.ts"
import { sentence, tinyConfig } from "../Distill/TinyGpt2.ts"

const services = Compress.layer.pipe(Layer.provideMerge(Kronecker.layer), Layer.provide(Distill.layer))
const tokens = Int32Array.from({ length: 300 }, (_, i) => sentence[(i + Math.floor(i / 7)) % sentence.length])

const logitsOf = (model: Gpt2) =>
  Effect.scoped(
    Effect.flatMap(
      compute((t) => forward(t, model, upload(t.region, tokens.subarray(0, 60), [10, 6])).logits),
      Tensor.toArray
    )
  )

const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i])))

const plan: Plan.Plan = Plan.withPermute(
  {
    version: 1,
    stages: [
      {
        name: "MLP",
        weights: {
          "h.1.mlp.c_fc": { format: "kronecker", terms: 2, left: [4, 8], right: [2, 4], permute: "none" },
          "h.1.mlp.c_proj": { format: "kronecker", terms: 2, left: [8, 4], right: [4, 2], permute: "none" }
        }
      }
    ]
  },
  "free"
)
const plans = Plan.finalWeights(plan)

describe("a free order", () => {
  it.effect("of hidden units leaves the network what it is", () =>
    Effect.gen(function* () {
      const model = yield* initialise(tinyConfig, key(1))
      const hidden = model.weights["h.1.mlp.c_fc"].outputs
      const order = stream(key(4)).permutation(hidden)
      const same = yield* compute((t) => inHiddenOrder(t, model, 1, order))
      assert.isBelow(largestDifference(yield* logitsOf(same), yield* logitsOf(model)), 1e-12)
      assert.isTrue(order.some((unit, i) => unit !== i))
    }).pipe(onMockWithFiles)
  )

  it.effect("is better than the order that is there, and stores no index", () =>
    Effect.gen(function* () {
      const compress = yield* Compress
      const model = yield* initialise(tinyConfig, key(1))
      for (const calibration of [undefined, { tokens }]) {
        const fit = { key: key(2), swaps: 2000, calibration }
        const ordered = yield* inFreeOrder(model, plans, fit)
        assert.isBelow(largestDifference(yield* logitsOf(ordered), yield* logitsOf(model)), 1e-12)
        const free = yield* compress.replace(ordered, plans, fit)
        const none = yield* compress.replace(model, Plan.finalWeights(Plan.withPermute(plan, "none")), fit)
        assert.strictEqual(storedParameters(free), storedParameters(none))
        if (calibration === undefined)
          assert.isBelow(yield* relativeError(free, ordered), 0.99 * (yield* relativeError(none, model)))
      }
    }).pipe(Effect.provide(services), onMockWithFiles)
  )

  it.effect("needs both weights of an MLP", () =>
    Effect.gen(function* () {
      const model = yield* initialise(tinyConfig, key(1))
      const sizes = weightSizes(model.config)
      yield* Plan.validate(plan, sizes)
      const { "h.1.mlp.c_proj": _, ...alone } = plans
      for (const weights of [
        alone,
        {
          "h.0.attn.c_attn": {
            format: "kronecker",
            terms: 1,
            left: [4, 6],
            right: [2, 4],
            permute: "free"
          } as const
        }
      ]) {
        const error = yield* Effect.flip(
          Plan.validate({ version: 1, stages: [{ name: "", weights }] }, sizes)
        )
        assert.instanceOf(error, PlanError)
        assert.include(error.message, "free order")
      }
    }).pipe(onMockWithFiles)
  )

  it("of tq81 pays for the columns of the embedding alone", () => {
    const size = { vocabulary: 50_257, width: 768, hidden: 3072, layers: 12 }
    const free = Plan.finalWeights(tq81(size, "free"))
    const indices = (name: string, shape: readonly [number, number]) => Plan.indexCount(free[name], shape)
    assert.strictEqual(indices("wte", [50_257, 768]), 768)
    assert.strictEqual(indices("h.1.mlp.c_fc", [768, 3072]), 0)
    assert.strictEqual(indices("h.1.mlp.c_proj", [3072, 768]), 0)
  })
})
