import { Effect, FileSystem, Path, Schema } from "effect"
import { type CurvePoint, Curve, withPoint } from "./Curve.ts"
import { writeAtomically } from "../Model/AtomicFile.ts"
import type { ModelFileError } from "../Model/Errors.ts"
import { JournalError } from "./Errors.ts"

/** One line of the comparison. */
export const Row = Schema.Struct({
  name: Schema.String,
  /** Numbers that are stored, index buffers included, a tied head once. */
  storedParameters: Schema.Finite,
  storedBytes: Schema.Finite,
  /** ||W - W'|| / ||W|| over the weights that were replaced. */
  relativeError: Schema.Finite,
  /** On held-out text. */
  perplexity: Schema.Finite,
  /** Read by the network in evaluation. */
  tokensPerSecond: Schema.Finite
})
export type Row = typeof Row.Type

const Content = Schema.Struct({
  /** All settings that decide the outcome; another run has others. */
  identity: Schema.String,
  rows: Schema.Array(Row),
  curves: Schema.optionalKey(Schema.Array(Curve))
})

/** What a run has finished, in a directory of its own, so that a killed one is gone on from. */
export interface Journal {
  readonly directory: string
  readonly rows: ReadonlyArray<Row>
  readonly add: (row: Row) => Effect.Effect<void, ModelFileError, FileSystem.FileSystem | Path.Path>
  /** The distillations so far, those of earlier processes included. */
  readonly curves: Effect.Effect<ReadonlyArray<Curve>>
  readonly addPoint: (
    row: string,
    point: CurvePoint
  ) => Effect.Effect<void, ModelFileError, FileSystem.FileSystem | Path.Path>
}

/**
 * Opens the journal of the run with this identity. With `resume` the rows that are there count; without, whatever lies in the
 * directory is removed first. Fails with `JournalError` where it belongs to a run with other settings.
 */
export const openJournal = Effect.fn("Compress.openJournal")(function* (
  directory: string,
  identity: string,
  resume: boolean
): Effect.fn.Return<Journal, JournalError, FileSystem.FileSystem | Path.Path> {
  const fileSystem = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const path = join(directory, "rows.json")
  const failed = (reason: string) => (cause: { readonly message: string }) =>
    new JournalError({ path: directory, reason: `${reason}: ${cause.message}` })
  const isThere = yield* fileSystem.exists(path).pipe(Effect.mapError(failed("cannot be looked at")))
  if (isThere && !resume)
    yield* fileSystem
      .remove(directory, { recursive: true })
      .pipe(Effect.mapError(failed("earlier progress cannot be removed")))
  yield* fileSystem
    .makeDirectory(directory, { recursive: true })
    .pipe(Effect.mapError(failed("cannot be made")))
  const earlier =
    isThere && resume
      ? yield* fileSystem
          .readFileString(path)
          .pipe(
            Effect.flatMap(Schema.decodeEffect(Schema.fromJsonString(Content))),
            Effect.mapError(failed("cannot be read; run without --resume to start anew"))
          )
      : { identity, rows: [], curves: [] }
  if (earlier.identity !== identity)
    return yield* new JournalError({
      path: directory,
      reason: "belongs to a run with other settings; use the same ones, or start anew without --resume"
    })
  const rows = [...earlier.rows]
  let curves = earlier.curves ?? []
  const save = Effect.suspend(() =>
    writeAtomically(path, (append) =>
      append(new TextEncoder().encode(JSON.stringify({ identity, rows, curves })))
    )
  )
  return {
    directory,
    rows,
    add: (row) =>
      Effect.suspend(() => {
        rows.push(row)
        return save
      }),
    curves: Effect.sync(() => curves),
    addPoint: (row, point) =>
      Effect.suspend(() => {
        curves = withPoint(curves, row, point)
        return save
      })
  }
})
