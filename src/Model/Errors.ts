import { Schema } from "effect"

/** At most this many characters of a name or a value from a file are repeated in a message. */
const shownCharacters = 120

/**
 * Text from a file as a message may show it: quoted, control characters escaped, cut to a bearable length.
 */
export const quoted = (text: string): string =>
  text.length <= shownCharacters
    ? JSON.stringify(text)
    : `${JSON.stringify(text.slice(0, shownCharacters))}... (${text.length} characters)`

/**
 * A model's file that cannot be read or written: which, the tensor if one is to blame, why, and what to do.
 */
export class ModelFileError extends Schema.TaggedError<ModelFileError>()("ModelFileError", {
  path: Schema.String,
  tensor: Schema.optionalKey(Schema.String),
  reason: Schema.String,
  cause: Schema.optional(Schema.Defect())
}) {
  override get message() {
    const tensor = this.tensor === undefined ? "" : `tensor ${quoted(this.tensor)}: `
    return `${this.path}: ${tensor}${this.reason}`
  }
}

/**
 * A config.json that is not that of a GPT-2 this library can run; `key` names the entry, where one is to
 * blame.
 */
export class ModelConfigError extends Schema.TaggedError<ModelConfigError>()("ModelConfigError", {
  path: Schema.String,
  key: Schema.optionalKey(Schema.String),
  reason: Schema.String
}) {
  override get message() {
    return `${this.path}: ${this.key === undefined ? "" : `${this.key}: `}${this.reason}`
  }
}

/**
 * A model's files that do not hold the tensors its configuration calls for; `path` is the file, or the
 * directory.
 */
export class TensorMismatch extends Schema.TaggedError<TensorMismatch>()("TensorMismatch", {
  path: Schema.String,
  tensor: Schema.String,
  problem: Schema.Literals(["missing", "superfluous", "shape", "dtype"]),
  expected: Schema.String,
  found: Schema.String
}) {
  override get message() {
    return (
      `${this.path}: tensor ${quoted(this.tensor)}: ${problems[this.problem]}: expected ${this.expected}, ` +
      `found ${this.found}; check that config.json and the weights belong together`
    )
  }
}

const problems = {
  missing: "is missing",
  superfluous: "does not belong to this model",
  shape: "has the wrong shape",
  dtype: "has the wrong dtype"
} as const
