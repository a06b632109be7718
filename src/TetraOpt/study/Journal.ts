import { Effect, FileSystem, Path, type PlatformError, Result, type Scope } from "effect"
import { StudyFileError } from "../Errors.ts"
import { decodeRecord, type Record } from "./Record.ts"

/** A line that is no record, or none of this study; it was left out. */
export interface DamagedLine {
  /** From 1. */
  readonly line: number
  readonly reason: string
}

/** A line of a journal: the record, or why there is none. */
export type Line = { readonly line: number } & ({ readonly record: Record } | { readonly reason: string })

/** Where the records of a study are kept, in one order for all who write. */
export interface Journal {
  readonly path: string
  /** Puts a record behind all that are there; it is on the disk when the effect ends. */
  readonly append: (record: Record) => Effect.Effect<void, StudyFileError>
  /** What was appended, by anyone, since this was last asked. */
  readonly news: Effect.Effect<ReadonlyArray<Line>, StudyFileError>
}

/** A journal that lasts as long as the process. */
export const journalInMemory = (): Journal => {
  let records: Array<Record> = []
  let line = 0
  return {
    path: "study in memory",
    append: (record) => Effect.sync(() => void records.push(record)),
    news: Effect.sync(() => {
      const lines = records.map((record) => ({ line: ++line, record }))
      records = []
      return lines
    })
  }
}

const newline = 10
const chunkBytes = 1 << 20

/** The length a reason from the decoder may have in a message. */
const shownCharacters = 160

const failed =
  (path: string, action: string) =>
  (cause: PlatformError.PlatformError): StudyFileError => {
    const detail = cause.reason.cause instanceof Error ? cause.reason.cause.message : cause.message
    return new StudyFileError({ path, reason: `cannot ${action}: ${detail}`, cause })
  }

/**
 * Opens a journal: a file of JSON lines to which any number of processes of one machine append, for as long as the scope lasts. Made with
 * its directory where it is not there. Fails with `StudyFileError` where it cannot be, and for what is no ordinary file.
 *
 * Every record goes out in one write to a file that is open for appending, which the system puts behind all others. (Network file
 * systems do not promise that.)
 */
export const openJournal = Effect.fnUntraced(function* (
  path: string
): Effect.fn.Return<Journal, StudyFileError, FileSystem.FileSystem | Path.Path | Scope.Scope> {
  const fileSystem = yield* FileSystem.FileSystem
  const { dirname, resolve } = yield* Path.Path
  const directory = dirname(resolve(path))
  yield* fileSystem
    .makeDirectory(directory, { recursive: true })
    .pipe(Effect.mapError(failed(path, "make its directory")))
  const isThere = yield* fileSystem.exists(path).pipe(Effect.mapError(failed(path, "look at it")))
  if (isThere) {
    // Devices and pipes may give bytes for ever.
    const { type } = yield* fileSystem.stat(path).pipe(Effect.mapError(failed(path, "look at it")))
    if (type !== "File")
      return yield* new StudyFileError({ path, reason: `is not a file but of type ${type}; name another` })
  }
  const file = yield* fileSystem
    .open(path, { flag: "a+" })
    .pipe(Effect.mapError(failed(path, "open it for appending")))
  if (!isThere)
    yield* fileSystem.open(directory, { flag: "r" }).pipe(
      // The file's name, too, is to be on the disk; not every system can.
      Effect.flatMap((entries) => entries.sync),
      Effect.scoped,
      Effect.ignore
    )

  let position = 0
  let line = 0
  /** The beginning of a line whose end is not there yet. */
  let rest = new Uint8Array(0)
  const chunk = new Uint8Array(chunkBytes)

  const news = Effect.gen(function* () {
    const lines: Array<Line> = []
    for (;;) {
      const count = yield* file
        .read(chunk, { position: BigInt(position) })
        .pipe(Effect.uninterruptible, Effect.mapError(failed(path, "read it")))
      if (count === 0) return lines
      position += count
      let start = 0
      for (let end = chunk.indexOf(newline); end >= 0 && end < count; end = chunk.indexOf(newline, start)) {
        const bytes = join(rest, chunk.subarray(start, end))
        rest = new Uint8Array(0)
        line++
        if (bytes.length > 0) lines.push({ line, ...parse(bytes) })
        start = end + 1
      }
      rest = join(rest, chunk.subarray(start, count))
    }
  })

  const append = Effect.fnUntraced(function* (record: Record) {
    // Behind half a line, left by a process that was killed or a disk that was full, a new one begins.
    const text = `${rest.length > 0 ? "\n" : ""}${JSON.stringify(record)}\n`
    yield* file
      .writeAll(new TextEncoder().encode(text))
      .pipe(
        Effect.andThen(file.sync),
        Effect.uninterruptible,
        Effect.mapError(
          failed(path, `write to it (what was recorded before is there; make room and go on with it)`)
        )
      )
  })
  return { path, append, news }
})

const join = (first: Uint8Array<ArrayBuffer>, second: Uint8Array): Uint8Array<ArrayBuffer> => {
  const whole = new Uint8Array(first.length + second.length)
  whole.set(first)
  whole.set(second, first.length)
  return whole
}

const parse = (bytes: Uint8Array): { readonly record: Record } | { readonly reason: string } => {
  const decoded = decodeRecord(new TextDecoder().decode(bytes))
  return Result.isSuccess(decoded)
    ? { record: decoded.success }
    : { reason: `is no record: ${decoded.failure.message.replaceAll(/\s+/g, " ").slice(0, shownCharacters)}` }
}
