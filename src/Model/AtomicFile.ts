import { Effect, FileSystem, Path } from "effect"
import { ModelFileError } from "./Errors.ts"
import { chunkBytes, fileError } from "./RegularFile.ts"

/**
 * Appends bytes to the file that is being written; they are on their way to the disk when the effect ends.
 */
export type Append = (bytes: Uint8Array) => Effect.Effect<void, ModelFileError>

/**
 * Writes a file so that `path` holds either all of the new content or what it held before, even if the
 * program, the disk or the machine fails in between: the content goes to a temporary file beside it, is
 * synced, and renamed into place. A link at `path` is replaced, not followed. Fails with `ModelFileError`, or
 * as `content` does, and then leaves nothing behind.
 *
 * @example
 * yield* writeAtomically("notes.txt", (append) => append(new TextEncoder().encode("hello")))
 */
export const writeAtomically = Effect.fnUntraced(function* <E, R>(
  path: string,
  content: (append: Append) => Effect.Effect<void, E, R>
): Effect.fn.Return<void, ModelFileError | E, FileSystem.FileSystem | Path.Path | R> {
  const fileSystem = yield* FileSystem.FileSystem
  const { dirname, join, resolve } = yield* Path.Path
  const directory = dirname(resolve(path))
  const temporary = join(directory, temporaryName())

  const write = Effect.gen(function* () {
    const file = yield* fileSystem
      .open(temporary, { flag: "wx" })
      .pipe(Effect.mapError(fileError(path, "create a file beside it")))
    const append = Effect.fnUntraced(
      function* (bytes: Uint8Array) {
        for (let done = 0; done < bytes.length; done += chunkBytes) {
          // Uninterruptible: the system reads the chunk until the call is over, and the file must stay open
          // until then.
          yield* Effect.uninterruptible(file.writeAll(bytes.subarray(done, done + chunkBytes)))
        }
      },
      Effect.mapError(fileError(path, "write (what was there before is untouched)"))
    )
    yield* content(append)
    yield* file.sync.pipe(
      Effect.mapError(fileError(path, "bring to the disk (what was there before is untouched)"))
    )
  }).pipe(Effect.scoped)

  const replace = fileSystem
    .rename(temporary, path)
    .pipe(
      Effect.mapError(fileError(path, "put the new file in place")),
      Effect.andThen(syncDirectory(directory))
    )

  // After the rename there is nothing of that name left to remove.
  yield* Effect.andThen(write, Effect.uninterruptible(replace)).pipe(
    Effect.ensuring(Effect.ignore(fileSystem.remove(temporary, { force: true })))
  )
})

/**
 * A name no other process or call uses, short enough for every file system and easy to recognise after a
 * crash.
 */
export const temporaryName = (): string => `.tesserae-${crypto.randomUUID()}.tmp`

/**
 * Brings a directory's entries (a rename, say) to the disk. Windows and some network file systems cannot;
 * what was renamed is in place all the same, so nothing fails.
 */
export const syncDirectory = (directory: string): Effect.Effect<void, never, FileSystem.FileSystem> =>
  FileSystem.FileSystem.use((fileSystem) => fileSystem.open(directory, { flag: "r" })).pipe(
    Effect.flatMap((file) => file.sync),
    Effect.scoped,
    Effect.ignore
  )
