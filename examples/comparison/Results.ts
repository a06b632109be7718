import { Effect, FileSystem, Path, Schema } from "effect"
import { JournalError } from "../../src/Compress/index.ts"
import { writeAtomically } from "../../src/Model/index.ts"

/** One method at one budget with one seed. */
export const Result = Schema.Struct({
  method: Schema.String,
  /** The share of the original's numbers that might be stored. */
  budget: Schema.Finite,
  storedParameters: Schema.Finite,
  seed: Schema.Int,
  /** On held-out text, nothing trained. */
  perplexity: Schema.Finite,
  /** After the distillation. */
  perplexityDistilled: Schema.Finite,
  /** Of fitting and distilling. */
  seconds: Schema.Finite
})
export type Result = typeof Result.Type

const Content = Schema.Struct({ identity: Schema.String, rows: Schema.Array(Result) })

/**
 * The results so far, in a file that is written anew after each. With `resume` those that are there count; they must be of a run with
 * the same settings (`identity`).
 */
export const openResults = Effect.fn("openResults")(function* (
  path: string,
  identity: string,
  resume: boolean
) {
  const fileSystem = yield* FileSystem.FileSystem
  const { dirname } = yield* Path.Path
  yield* fileSystem.makeDirectory(dirname(path), { recursive: true })
  const isThere = resume && (yield* fileSystem.exists(path))
  const earlier = isThere
    ? yield* Effect.flatMap(
        fileSystem.readFileString(path),
        Schema.decodeEffect(Schema.fromJsonString(Content))
      ).pipe(
        Effect.mapError(
          (cause) =>
            new JournalError({ path, reason: `cannot be read; run without --resume: ${cause.message}` })
        )
      )
    : { identity, rows: [] }
  if (earlier.identity !== identity)
    return yield* new JournalError({
      path,
      reason: "belongs to a run with other settings; use the same ones, or start anew without --resume"
    })
  const rows = [...earlier.rows]
  return {
    rows: rows as ReadonlyArray<Result>,
    add: (row: Result) =>
      Effect.suspend(() => {
        rows.push(row)
        const text = JSON.stringify({ identity, rows })
        return writeAtomically(path, (append) => append(new TextEncoder().encode(text)))
      })
  }
})
