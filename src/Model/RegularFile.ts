import { Effect, FileSystem, type PlatformError, type Scope } from "effect"
import { ModelFileError } from "./Errors.ts"

/**
 * Bytes that one system call moves: long enough to be fast, short enough that interruption is felt at once.
 */
export const chunkBytes = 8 * 1024 * 1024

/** A file that is open for positioned reads until its scope ends. */
export interface RegularFile {
  readonly path: string
  /** Bytes, when the file was opened. */
  readonly size: number
  /**
   * Fills `target` with the bytes from `position` on; fails where the file ends before. Concurrent reads are
   * safe.
   */
  readonly readInto: (target: Uint8Array, position: number) => Effect.Effect<void, ModelFileError>
}

/** A platform error as this layer reports it; `action` completes "cannot ...". */
export const fileError =
  (path: string, action: string) =>
  (error: PlatformError.PlatformError): ModelFileError => {
    const detail = error.reason.cause instanceof Error ? error.reason.cause.message : error.message
    return new ModelFileError({ path, reason: `cannot ${action}: ${detail}`, cause: error })
  }

/**
 * Opens an ordinary file for reading, for as long as the scope lasts. Fails with `ModelFileError` where there
 * is none, and for directories, devices and pipes, of which the last would block for ever.
 */
export const openRegularFile = Effect.fnUntraced(function* (
  path: string
): Effect.fn.Return<RegularFile, ModelFileError, FileSystem.FileSystem | Scope.Scope> {
  const fileSystem = yield* FileSystem.FileSystem
  const { type } = yield* fileSystem.stat(path).pipe(Effect.mapError(fileError(path, "open the file")))
  if (type !== "File") return yield* new ModelFileError({ path, reason: `is not a file but of type ${type}` })
  const file = yield* fileSystem
    .open(path, { flag: "r" })
    .pipe(Effect.mapError(fileError(path, "open the file")))
  const info = yield* file.stat.pipe(Effect.mapError(fileError(path, "see how long the file is")))

  // After the scope the descriptor's number may belong to another file: reading it would yield that file's
  // bytes.
  let closed = false
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      closed = true
    })
  )
  const readInto = Effect.fnUntraced(function* (target: Uint8Array, position: number) {
    for (let done = 0; done < target.length; ) {
      if (closed) {
        const reason = "was closed when the scope that opened it ended; read inside that scope"
        return yield* new ModelFileError({ path, reason })
      }
      const chunk = target.subarray(done, done + chunkBytes)
      // Uninterruptible: the system writes into the chunk until the call is over, whatever becomes of this
      // fiber.
      const count = yield* Effect.uninterruptible(
        file.read(chunk, { position: BigInt(position + done) })
      ).pipe(Effect.mapError(fileError(path, "read")))
      if (count === 0) {
        const reason = `ends at byte ${position + done}, ${target.length - done} bytes too early; it was cut short`
        return yield* new ModelFileError({ path, reason })
      }
      done += count
    }
  })
  return { path, size: Number(info.size), readInto }
})

/** The UTF-8 text in a stretch of a file; fails with `ModelFileError` where the bytes are anything else. */
export const readTextAt = Effect.fnUntraced(function* (
  { path, readInto }: RegularFile,
  position: number,
  length: number
): Effect.fn.Return<string, ModelFileError> {
  const bytes = new Uint8Array(length)
  yield* readInto(bytes, position)
  return yield* Effect.try({
    try: () => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes),
    catch: (cause) =>
      new ModelFileError({ path, reason: "the text is not UTF-8; the file is damaged", cause })
  })
})

/**
 * The text of a small UTF-8 file; fails with `ModelFileError` where it is longer than `maximumBytes` or not
 * UTF-8.
 */
export const readText = Effect.fnUntraced(function* (
  path: string,
  maximumBytes: number
): Effect.fn.Return<string, ModelFileError, FileSystem.FileSystem | Scope.Scope> {
  const file = yield* openRegularFile(path)
  if (file.size <= maximumBytes) return yield* readTextAt(file, 0, file.size)
  const reason = `has ${file.size} bytes; at most ${maximumBytes} are read of such a file`
  return yield* new ModelFileError({ path, reason })
}, Effect.scoped)
