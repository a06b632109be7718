import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { planCounts } from "../../src/Compress/Counts.ts"
import { finalWeights, validate } from "../../src/Compress/Plan.ts"
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
        const counts = { indices: 0, withoutHead: 81_336_388, withUntiedHead: 119_933_764 }
        assert.deepStrictEqual(planCounts(plan, config), { ...counts, stored: 81_336_388 })
        const permuted = planCounts(tq81(full, "rows-and-columns"), config)
        const indices = 12 * (768 + 3072) + 768
        assert.deepStrictEqual(permuted, { ...counts, indices, stored: 81_336_388 + indices })
        const nothing = planCounts({ version: 1, stages: [{ name: "", weights: {} }] }, config)
        assert.strictEqual(nothing.stored, dense)
        const untied = { ...config, tie_word_embeddings: false }
        assert.deepStrictEqual(planCounts(plan, untied), { ...counts, stored: 119_933_764 })
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
