import { Effect, type FileSystem, Result, Schema } from "effect"
import { ModelConfigError, type ModelFileError } from "./Errors.ts"
import { parseJson } from "./JsonText.ts"
import { readText } from "./RegularFile.ts"

const countUpTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 1, maximum }))

const Probability = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1, exclusiveMaximum: true }))

const TokenId = Schema.NullOr(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)))

const defaultTo = <A>(value: A) => Effect.succeed(value)

/**
 * How one weight is stored: the format's name; what else it needs is between the file and the format's own
 * codec.
 */
const WeightFormat = Schema.StructWithRest(Schema.Struct({ format: Schema.NonEmptyString }), [
  Schema.Record(Schema.String, Schema.Unknown)
])
export type WeightFormat = typeof WeightFormat.Type

/** The `tesserae` section: which weights are not stored as plain matrices, by the weight's canonical name. */
const CompressedWeights = Schema.Struct({
  version: Schema.Literal(1),
  weights: Schema.Record(Schema.String, WeightFormat)
})

/**
 * Hugging Face's config.json of a GPT-2, under its own key names: `n_positions` is the longest text in
 * tokens, `n_embd` the width of the residual stream, `n_inner` that of the MLP (null: four times `n_embd`).
 * Keys that are not listed are kept as they are. The upper bounds are far above every GPT-2 and keep a
 * damaged file from asking for terabytes.
 */
export const ModelConfig = Schema.StructWithRest(
  Schema.Struct({
    model_type: Schema.Literal("gpt2"),
    vocab_size: countUpTo(1 << 24),
    n_positions: countUpTo(1 << 20),
    n_ctx: Schema.optionalKey(countUpTo(1 << 20)),
    n_embd: countUpTo(1 << 16),
    n_layer: countUpTo(1 << 10),
    n_head: countUpTo(1 << 10),
    n_inner: Schema.NullOr(countUpTo(1 << 20)).pipe(Schema.withDecodingDefaultKey(defaultTo(null))),
    activation_function: Schema.Literal("gelu_new").pipe(
      Schema.withDecodingDefaultKey(defaultTo("gelu_new"))
    ),
    layer_norm_epsilon: Schema.Finite.check(
      Schema.isBetween({ minimum: 0, maximum: 1, exclusiveMinimum: true, exclusiveMaximum: true })
    ).pipe(Schema.withDecodingDefaultKey(defaultTo(1e-5))),
    tie_word_embeddings: Schema.Boolean.pipe(Schema.withDecodingDefaultKey(defaultTo(true))),
    resid_pdrop: Probability.pipe(Schema.withDecodingDefaultKey(defaultTo(0.1))),
    embd_pdrop: Probability.pipe(Schema.withDecodingDefaultKey(defaultTo(0.1))),
    attn_pdrop: Probability.pipe(Schema.withDecodingDefaultKey(defaultTo(0.1))),
    bos_token_id: Schema.optionalKey(TokenId),
    eos_token_id: Schema.optionalKey(TokenId),
    // Switches that change what the network computes; the network here has them at GPT-2's own setting.
    scale_attn_weights: Schema.optionalKey(Schema.Literal(true)),
    scale_attn_by_inverse_layer_idx: Schema.optionalKey(Schema.Literal(false)),
    add_cross_attention: Schema.optionalKey(Schema.Literal(false)),
    tesserae: Schema.optionalKey(CompressedWeights)
  }),
  [Schema.Record(Schema.String, Schema.Unknown)]
).check(
  Schema.makeFilter((config) => {
    const { n_ctx, n_embd, n_head, n_positions, vocab_size } = config
    const issues: Array<Schema.FilterIssue> = []
    if (n_embd % n_head !== 0) {
      issues.push({ path: ["n_head"], issue: `${n_head} heads do not divide n_embd = ${n_embd}` })
    }
    if (n_ctx !== undefined && n_ctx !== n_positions) {
      issues.push({ path: ["n_ctx"], issue: `${n_ctx} differs from n_positions = ${n_positions}` })
    }
    for (const key of ["bos_token_id", "eos_token_id"] as const) {
      const id = config[key]
      if (typeof id === "number" && id >= vocab_size) {
        issues.push({
          path: [key],
          issue: `${id} is not below vocab_size = ${vocab_size}; correct or remove it`
        })
      }
    }
    return issues
  })
)
export type ModelConfig = typeof ModelConfig.Type

/** The widths of the MLP's hidden layer, and of one attention head. */
export const innerWidth = (config: ModelConfig): number => config.n_inner ?? 4 * config.n_embd
export const headWidth = (config: ModelConfig): number => config.n_embd / config.n_head

const decode = Schema.decodeUnknownResult(ModelConfig, { reportInput: true })

/**
 * A checked configuration from a plain record of config.json's keys, with GPT-2's defaults where a key is
 * optional; fails with `ModelConfigError` that names the key. `path` is where the record came from, for the
 * message.
 *
 * @example
 * const sizes = { vocab_size: 4096, n_positions: 128, n_embd: 192, n_layer: 6, n_head: 6 }
 * const config = yield* ModelConfig.make({ model_type: "gpt2", ...sizes })
 */
export const make = (
  record: (typeof ModelConfig)["Encoded"],
  path = "config.json"
): Effect.Effect<ModelConfig, ModelConfigError> => decodeRecord(record, path)

const decodeRecord = (record: unknown, path: string): Effect.Effect<ModelConfig, ModelConfigError> =>
  Effect.fromResult(Result.mapError(decode(record), (error) => configError(path, error.message)))

// A schema's message is lines of "what was expected\n  at ["key"]"; the first is enough to go by.
const configError = (path: string, message: string): ModelConfigError => {
  const [problem, place = ""] = message.split("\n  at ")
  const key = /^\["((?:[^"\\]|\\.)*)"\]/.exec(place)?.[1]
  const nested = key !== undefined && place.startsWith(`["${key}"][`) ? ` at ${place.split("\n")[0]}` : ""
  const reason = `${problem.slice(0, 300)}${nested.slice(0, 200)}${remedyFor(key)}`
  return new ModelConfigError(key === undefined ? { path, reason } : { path, key, reason })
}

const architectureKeys = [
  "model_type",
  "activation_function",
  "scale_attn_weights",
  "scale_attn_by_inverse_layer_idx",
  "add_cross_attention"
]

const remedyFor = (key: string | undefined): string => {
  if (key === undefined) return ""
  if (architectureKeys.includes(key)) return "; only models that compute what GPT-2 does can be run"
  return key === "tesserae" ? "; read it with the version of tesserae that wrote it" : ""
}

/** A configuration from the text of a config.json; fails with `ModelConfigError`. */
export const parse = (text: string, path = "config.json"): Effect.Effect<ModelConfig, ModelConfigError> => {
  const json = parseJson(text, { depth: 64, values: 1 << 18 })
  return Result.isFailure(json)
    ? new ModelConfigError({ path, reason: json.failure })
    : decodeRecord(json.success, path)
}

const maximumConfigBytes = 1 << 24

/**
 * Reads a config.json; fails with `ModelFileError` where it cannot be read, `ModelConfigError` where it is
 * not a GPT-2's.
 */
export const read = Effect.fn("ModelConfig.read")(function* (
  path: string
): Effect.fn.Return<ModelConfig, ModelConfigError | ModelFileError, FileSystem.FileSystem> {
  return yield* parse(yield* readText(path, maximumConfigBytes), path)
})

/**
 * The text of a config.json that `parse` reads back; fails with `ModelConfigError` for what is no valid
 * configuration.
 */
export const format = Effect.fnUntraced(function* (
  config: ModelConfig,
  path = "config.json"
): Effect.fn.Return<string, ModelConfigError> {
  const checked = yield* decodeRecord(config, path)
  return yield* Effect.try({
    try: () => `${JSON.stringify(checked, null, 2)}\n`,
    catch: (cause) => new ModelConfigError({ path, reason: `cannot be written as JSON: ${String(cause)}` })
  })
})
