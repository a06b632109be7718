import { Schema } from "effect"

/** The special token that separates documents. */
export const endOfText = "<|endoftext|>"

const TokenId = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 24 - 1 }))
const Component = Schema.NullOr(Schema.Record(Schema.String, Schema.Json))

const AddedToken = Schema.StructWithRest(
  Schema.Struct({
    id: TokenId,
    content: Schema.NonEmptyString,
    lstrip: Schema.optionalKey(Schema.Boolean),
    rstrip: Schema.optionalKey(Schema.Boolean),
    special: Schema.optionalKey(Schema.Boolean)
  }),
  [Schema.Record(Schema.String, Schema.Json)]
)

/** The content of Hugging Face's tokenizer.json, as far as a byte-pair encoding needs it; other entries are kept as they are. */
export const TokenizerJson = Schema.StructWithRest(
  Schema.Struct({
    added_tokens: Schema.Array(AddedToken),
    normalizer: Component,
    pre_tokenizer: Component,
    post_processor: Component,
    decoder: Component,
    model: Schema.StructWithRest(
      Schema.Struct({
        type: Schema.Literal("BPE"),
        vocab: Schema.Record(Schema.String, TokenId),
        /** "left right", or [left, right] in files written since 2024; in the order they were made. */
        merges: Schema.Union([
          Schema.Array(Schema.String),
          Schema.Array(Schema.Tuple([Schema.String, Schema.String]))
        ])
      }),
      [Schema.Record(Schema.String, Schema.Json)]
    )
  }),
  [Schema.Record(Schema.String, Schema.Json)]
)
export type TokenizerJson = typeof TokenizerJson.Type
