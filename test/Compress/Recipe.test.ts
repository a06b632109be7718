import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { finalWeights, storedParameters, validate } from "../../src/Compress/Plan.ts"
import { tq81 } from "../../src/Compress/Recipe.ts"
import * as ModelConfig from "../../src/Model/ModelConfig.ts"
import { weightSizes } from "../../src/Model/Gpt2.ts"

const full = { vocabulary: 50_257, width: 768, hidden: 3072, layers: 12 }
const dense = 124_439_808

describe("tq81", () => {
  it.effect(
    "on a full GPT-2 it has the paper's shapes and stores 81,336,388 numbers, 119,933,764 with an untied head",
    () =>
      Effect.gen(function* () {
        const plan = tq81(full, "none")
        const config = yield* ModelConfig.make({
          model_type: "gpt2",
          vocab_size: full.vocabulary,
          n_positions: 1024,
          n_embd: full.width,
          n_layer: full.layers,
          n_head: 12
        })
        const sizes = weightSizes(config)
        yield* validate(plan, sizes)
        const final = finalWeights(plan)
        assert.strictEqual(Object.keys(final).length, 13)
        assert.deepInclude(final["h.11.mlp.c_fc"], { terms: 4, left: [384, 768], right: [2, 4] })
        assert.deepInclude(final["h.1.mlp.c_proj"], { terms: 4, left: [768, 384], right: [4, 2] })
        let stored = dense
        for (const [name, weight] of Object.entries(final))
          stored += storedParameters(weight, sizes[name]) - sizes[name][0] * sizes[name][1]
        assert.strictEqual(stored, 81_336_388)
        assert.strictEqual(stored + full.vocabulary * full.width, 119_933_764)
      })
  )

  it("permutations are paid for where they do something", () => {
    const final = finalWeights(tq81(full, "rows-and-columns"))
    assert.deepInclude(final.wte, { permute: "columns" })
    assert.deepInclude(final["h.1.mlp.c_fc"], { permute: "rows-and-columns" })
  })

  it.effect("odd widths get divisors that fit", () =>
    validate(tq81({ vocabulary: 100, width: 9, hidden: 27, layers: 2 }, "rows-and-columns"), {
      wte: [100, 9],
      "h.1.mlp.c_fc": [9, 27],
      "h.1.mlp.c_proj": [27, 9]
    })
  )
})
