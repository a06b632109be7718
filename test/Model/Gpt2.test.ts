import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { kroneckerWeight } from "../../src/Kronecker/KroneckerWeight.ts"
import { Mock } from "../../src/Layers/Mock.ts"
import {
  parameterCount,
  parameters,
  storedBytes,
  storedParameters,
  withParameters,
  withWeight
} from "../../src/Model/Gpt2.ts"
import * as ModelConfig from "../../src/Model/ModelConfig.ts"
import { compute, Tensor } from "../../src/Tensor/index.ts"
import { dense } from "../../src/Weight/index.ts"
import { compressedGpt2, shapeOnly, shapesOnly, tinyGpt2 } from "./TinyGpt2.ts"

const gpt2Small = ModelConfig.make({
  model_type: "gpt2",
  vocab_size: 50257,
  n_positions: 1024,
  n_embd: 768,
  n_layer: 12,
  n_head: 12
})

describe("Gpt2", () => {
  it.effect(
    "has 124,439,808 parameters at GPT-2's smallest size, and 38,597,376 more with an untied head",
    () =>
      Effect.gen(function* () {
        const model = shapesOnly(yield* gpt2Small)
        assert.strictEqual(storedParameters(model), 124_439_808)
        assert.strictEqual(storedBytes(model), 4 * 124_439_808)
        assert.strictEqual(storedBytes(model, "float16"), 2 * 124_439_808)
        assert.deepStrictEqual(parameterCount(model), { stored: 124_439_808, withoutHead: 124_439_808 })
        const untied = withWeight(model, "lm_head", dense(shapeOnly([50257, 768])))
        assert.isFalse(untied.config.tie_word_embeddings)
        assert.deepStrictEqual(parameterCount(untied), {
          stored: 124_439_808 + 38_597_376,
          withoutHead: 124_439_808
        })
      })
  )

  it.effect(
    "TQCompressedGPT-2 stores 119,933,764 numbers, of which 81,336,388 without the head it unties",
    () =>
      Effect.gen(function* () {
        const model = shapesOnly(yield* gpt2Small)
        const compressed = yield* compute((t) => {
          const sum = (terms: number, left: readonly [number, number], right: readonly [number, number]) =>
            kroneckerWeight(t, { left: shapeOnly([terms, ...left]), right: shapeOnly([terms, ...right]) })
          let tq = withWeight(model, "wte", sum(1, [50257, 192], [1, 4]))
          for (const layer of [1, 3, 5, 7, 9, 11]) {
            tq = withWeight(tq, `h.${layer}.mlp.c_fc`, sum(4, [384, 768], [2, 4]))
            tq = withWeight(tq, `h.${layer}.mlp.c_proj`, sum(4, [768, 384], [4, 2]))
          }
          return tq
        })
        assert.deepStrictEqual(parameterCount(compressed), { stored: 81_336_388, withoutHead: 81_336_388 })
        const untied = withWeight(compressed, "lm_head", dense(shapeOnly([50257, 768])))
        assert.deepStrictEqual(parameterCount(untied), { stored: 119_933_764, withoutHead: 81_336_388 })
      }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("names its parameters as Hugging Face does", () =>
    Effect.gen(function* () {
      const named = parameters(shapesOnly(yield* gpt2Small))
      assert.strictEqual(Object.keys(named).length, 148)
      const shapes = [
        ["wte.weight", [50257, 768]],
        ["wpe.weight", [1024, 768]],
        ["h.11.attn.c_attn.weight", [768, 2304]],
        ["h.11.attn.c_attn.bias", [2304]],
        ["h.0.attn.c_proj.weight", [768, 768]],
        ["h.0.mlp.c_fc.weight", [768, 3072]],
        ["h.0.mlp.c_proj.weight", [3072, 768]],
        ["h.0.mlp.c_proj.bias", [768]],
        ["h.0.ln_1.weight", [768]],
        ["h.0.ln_2.bias", [768]],
        ["ln_f.bias", [768]]
      ] as const
      for (const [name, shape] of shapes) assert.deepStrictEqual(named[name].shape, shape, name)
    })
  )

  it.effect("counts index buffers, and names factors under their weight", () =>
    Effect.gen(function* () {
      const model = yield* compressedGpt2
      const numbers = Object.values(parameters(model)).reduce(
        (total, x) => total + x.shape.reduce((product, size) => product * size, 1),
        0
      )
      assert.strictEqual(storedParameters(model), numbers + 8 + 32 + 8)
      assert.strictEqual(storedBytes(model, "float16"), 2 * numbers + 4 * 48)
      const names = Object.keys(parameters(model))
      assert.includeMembers(names, [
        "wte.left",
        "wte.right",
        "h.1.attn.c_attn.left",
        "h.0.attn.c_attn.weight"
      ])
      assert.notInclude(names, "wte.weight")
    }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("replaces the parameters that are given, in any format, and no others", () =>
    Effect.gen(function* () {
      const model = yield* compressedGpt2
      const before = parameters(model)
      const left = yield* Tensor.full(before["wte.left"].shape, 3)
      const bias = yield* Tensor.full([8], 2)
      const after = parameters(withParameters(model, { "wte.left": left, "ln_f.bias": bias }))
      assert.deepStrictEqual(Object.keys(after), Object.keys(before))
      for (const [name, x] of Object.entries(before))
        assert.strictEqual(after[name], name === "wte.left" ? left : name === "ln_f.bias" ? bias : x, name)
    }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("refuses parameters and weights that do not fit", () =>
    Effect.gen(function* () {
      const model = yield* tinyGpt2
      const one = yield* Tensor.full([1, 1], 1)
      const refused = [
        () => withParameters(model, { "h.9.ln_1.bias": one }),
        () => withParameters(model, { "ln_f.bias": one }),
        () => withWeight(model, "h.0.mlp.c_fc", dense(one)),
        () => withWeight(model, "h.2.mlp.c_fc", dense(one)),
        () => withWeight(model, "wpe", dense(one))
      ]
      for (const body of refused) {
        const error = yield* Effect.flip(compute(() => void body()))
        assert.strictEqual(error._tag, "ShapeError")
      }
    }).pipe(Effect.provide(Mock.layer()))
  )
})
