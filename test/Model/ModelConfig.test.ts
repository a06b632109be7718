import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as ModelConfig from "../../src/Model/ModelConfig.ts"

const small = {
  model_type: "gpt2",
  vocab_size: 4096,
  n_positions: 128,
  n_embd: 192,
  n_layer: 6,
  n_head: 6
} as const

// The config.json of the 124 M checkpoint, less its task-specific parameters.
const gpt2 = `{
  "activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"], "attn_pdrop": 0.1, "bos_token_id": 50256,
  "embd_pdrop": 0.1, "eos_token_id": 50256, "initializer_range": 0.02, "layer_norm_epsilon": 1e-05, "model_type": "gpt2",
  "n_ctx": 1024, "n_embd": 768, "n_head": 12, "n_layer": 12, "n_positions": 1024, "resid_pdrop": 0.1,
  "summary_type": "cls_index", "summary_proj_to_labels": true, "vocab_size": 50257
}`

const Size = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 }))
const Sizes = Schema.Struct({
  n_layer: Size,
  n_positions: Size,
  vocab_size: Size,
  n_inner: Schema.NullOr(Size)
})

describe("ModelConfig", () => {
  it.effect("reads GPT-2's own", () =>
    Effect.gen(function* () {
      const config = yield* ModelConfig.parse(gpt2)
      assert.strictEqual(config.n_embd, 768)
      assert.strictEqual(config.layer_norm_epsilon, 1e-5)
      assert.strictEqual(config.tie_word_embeddings, true)
      assert.strictEqual(config.n_inner, null)
      assert.strictEqual(ModelConfig.innerWidth(config), 3072)
      assert.strictEqual(ModelConfig.headWidth(config), 64)
    })
  )

  it.effect("keeps the keys it does not know when it is written again", () =>
    Effect.gen(function* () {
      const config = yield* ModelConfig.parse(gpt2)
      const rewritten = yield* ModelConfig.format({ ...config, n_layer: 6 })
      const expected = { ...JSON.parse(gpt2), n_layer: 6, n_inner: null, tie_word_embeddings: true }
      assert.deepStrictEqual(JSON.parse(rewritten), expected)
    })
  )

  it.effect.prop(
    "reads back what it wrote",
    {
      heads: Size,
      headWidth: Size,
      sizes: Sizes,
      tied: Schema.Boolean,
      others: Schema.Record(Schema.String, Schema.Json)
    },
    ({ heads, headWidth, sizes, tied, others }) =>
      Effect.gen(function* () {
        const own = {
          model_type: "gpt2",
          n_head: heads,
          n_embd: heads * headWidth,
          tie_word_embeddings: tied,
          ...sizes
        } as const
        const config = yield* ModelConfig.parse(JSON.stringify({ ...others, ...own }))
        const read = yield* ModelConfig.parse(yield* ModelConfig.format(config))
        assert.deepStrictEqual(read, config)
        assert.include(read, { ...own, layer_norm_epsilon: 1e-5 })
      })
  )

  it.effect("keeps what a weight's format says for its codec", () =>
    Effect.gen(function* () {
      const weights = {
        "h.1.mlp.c_fc.weight": { format: "kronecker", terms: 4, left: [384, 768], right: [2, 4] }
      }
      const config = yield* ModelConfig.make({ ...small, tesserae: { version: 1, weights } })
      const read = yield* ModelConfig.parse(yield* ModelConfig.format(config))
      assert.deepStrictEqual(read.tesserae, { version: 1, weights })
    })
  )

  it.effect("takes __proto__ for a key like any other", () =>
    Effect.gen(function* () {
      const weights = '"weights": {"__proto__": {"format": "low-rank"}}'
      const text = `${JSON.stringify(small).slice(0, -1)}, "__proto__": {"n_layer": 1}, "tesserae": {"version": 1, ${weights}}}`
      const config = yield* ModelConfig.parse(text)
      assert.strictEqual(config.n_layer, 6)
      assert.deepStrictEqual(Object.keys(config.tesserae?.weights ?? {}), ["__proto__"])
      assert.isUndefined(({} as { n_layer?: number }).n_layer)
      assert.include(yield* ModelConfig.format(config), '"__proto__"')
    })
  )

  const refused: ReadonlyArray<
    readonly [string, Readonly<Record<string, unknown>>, string | undefined, RegExp]
  > = [
    [
      "another architecture",
      { model_type: "llama" },
      "model_type",
      /only models that compute what GPT-2 does/
    ],
    [
      "another activation",
      { activation_function: "relu" },
      "activation_function",
      /Expected "gelu_new", got "relu"/
    ],
    ["scores without scale", { scale_attn_weights: false }, "scale_attn_weights", /only models/],
    [
      "scores scaled by layer",
      { scale_attn_by_inverse_layer_idx: true },
      "scale_attn_by_inverse_layer_idx",
      /only models/
    ],
    ["cross attention", { add_cross_attention: true }, "add_cross_attention", /only models/],
    ["heads that do not divide the width", { n_head: 5 }, "n_head", /5 heads do not divide n_embd = 192/],
    ["two context lengths", { n_ctx: 64 }, "n_ctx", /64 differs from n_positions = 128/],
    ["no layers", { n_layer: 0 }, "n_layer", /between 1 and 1024, got 0/],
    ["a width of petabytes", { n_embd: 2 ** 40 }, "n_embd", /between 1 and 65536/],
    ["half a token", { vocab_size: 4096.5 }, "vocab_size", /integer/],
    ["a number as text", { n_positions: "128" }, "n_positions", /Expected number/],
    ["a missing size", { n_embd: undefined }, "n_embd", /Expected number|Missing key/],
    ["an MLP of no width", { n_inner: 0 }, "n_inner", /./],
    ["no epsilon", { layer_norm_epsilon: 0 }, "layer_norm_epsilon", /./],
    ["dropping everything", { resid_pdrop: 1 }, "resid_pdrop", /./],
    [
      "a token beyond the vocabulary",
      { eos_token_id: 50256 },
      "eos_token_id",
      /50256 is not below vocab_size = 4096/
    ],
    ["a negative token", { bos_token_id: -1 }, "bos_token_id", /./],
    [
      "a newer section",
      { tesserae: { version: 2, weights: {} } },
      "tesserae",
      /\["version"\]; read it with the version of tesserae/
    ],
    [
      "a weight without a format",
      { tesserae: { version: 1, weights: { w: {} } } },
      "tesserae",
      /\["weights"\]\["w"\]\["format"\]/
    ]
  ]
  it.effect.each(refused)("refuses %s", ([, change, key, message]) =>
    Effect.gen(function* () {
      const text = JSON.stringify({ ...small, ...change })
      const error = yield* Effect.flip(ModelConfig.parse(text, "gpt2/config.json"))
      assert.strictEqual(error._tag, "ModelConfigError")
      assert.strictEqual(error.key, key)
      assert.match(error.message, message)
      assert.isTrue(error.message.startsWith("gpt2/config.json: "))
    })
  )

  it.effect("refuses texts that are no object at all", () =>
    Effect.gen(function* () {
      for (const text of [
        "",
        "null",
        "[]",
        "3",
        '"gpt2"',
        "{",
        '{"n_embd": 1, "n_embd": 2}',
        "[".repeat(1e6)
      ]) {
        const error = yield* Effect.flip(ModelConfig.parse(text))
        assert.isBelow(error.message.length, 1000)
      }
    })
  )

  it.effect("does not write what could not be read", () =>
    Effect.gen(function* () {
      const config = yield* ModelConfig.make(small)
      assert.strictEqual((yield* Effect.flip(ModelConfig.format({ ...config, n_head: 7 }))).key, "n_head")
      assert.match(
        (yield* Effect.flip(ModelConfig.format({ ...config, note: 1n }))).message,
        /cannot be written as JSON/
      )
    })
  )
})
