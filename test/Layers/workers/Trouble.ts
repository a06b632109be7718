import { Schema } from "effect"

/** An error that crosses threads. */
export class Trouble extends Schema.TaggedError<Trouble>()("Trouble", { depth: Schema.Number }) {
  override get message() {
    return `in trouble, ${this.depth} deep`
  }
}
