import { Effect, FileSystem, Schema } from "effect"
import { stateOfTheUnion } from "./StateOfTheUnion.ts"

/** Text to calibrate and distil with, and text that neither sees. */
export interface SplitText {
  readonly name: string
  readonly training: ReadonlyArray<string>
  readonly heldOut: ReadonlyArray<string>
}

/** A text that cannot be used, and why. */
export class TextError extends Schema.TaggedError<TextError>()("TextError", {
  path: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `${this.path}: ${this.reason}`
  }
}

/** The corpus of the shipped model, and its split. */
export const addresses = (): SplitText => {
  const { train, heldOut } = stateOfTheUnion()
  return {
    name: "State of the Union addresses",
    training: train.map((address) => address.text),
    heldOut: heldOut.map((address) => address.text)
  }
}

/**
 * Files of one's own, of each of which the last tenth, from the end of a line on, is held out; without any, the corpus of the shipped model. Fails with
 * `TextError`.
 */
export const splitText = Effect.fnUntraced(function* (paths: ReadonlyArray<string>) {
  if (paths.length === 0) return addresses()
  const fileSystem = yield* FileSystem.FileSystem
  const training: Array<string> = []
  const heldOut: Array<string> = []
  for (const path of paths) {
    const bytes = yield* fileSystem
      .readFile(path)
      .pipe(Effect.mapError((cause) => new TextError({ path, reason: `cannot be read: ${cause.message}` })))
    const text = yield* Effect.try({
      try: () => new TextDecoder("utf-8", { fatal: true }).decode(bytes),
      catch: () => new TextError({ path, reason: "is not UTF-8 text; convert it first" })
    })
    const wanted = Math.floor(text.length * 0.9)
    const line = text.indexOf("\n", wanted)
    const cut = line < 0 ? wanted : line + 1
    if (text.length < 1000 || cut >= text.length)
      return yield* new TextError({
        path,
        reason: `has ${text.length} characters, too few to hold a tenth out`
      })
    training.push(text.slice(0, cut))
    heldOut.push(text.slice(cut))
  }
  return { name: paths.join(", "), training, heldOut } satisfies SplitText
})
