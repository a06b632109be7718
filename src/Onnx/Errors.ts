import { Schema } from "effect"

/** A weight in a format that nobody has said how to write as ONNX operations. */
export class EmitterMissing extends Schema.TaggedError<EmitterMissing>()("EmitterMissing", {
  weight: Schema.String,
  format: Schema.String,
  known: Schema.Array(Schema.String)
}) {
  override get message() {
    return (
      `the weight "${this.weight}" has the format "${this.format}", of which no ONNX emitter was given; there are ` +
      `${this.known.join(", ")}: pass one for "${this.format}" in the option "emitters", or bring the weight into ` +
      `one of these formats`
    )
  }
}
