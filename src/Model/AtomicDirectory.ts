import { Effect, FileSystem, Path } from "effect"
import { syncDirectory, temporaryName } from "./AtomicFile.ts"
import { ModelFileError } from "./Errors.ts"
import { fileError } from "./RegularFile.ts"

/**
 * Decides whether a directory may be replaced, from its entries' names and types: undefined if so, else why
 * not, as the end of a sentence that begins with the directory's path.
 */
export type Objection = (entries: ReadonlyArray<FileSystem.DirectoryEntry>) => string | undefined

/** Where a directory's earlier content waits while the new one takes its place: a name beside it. */
export const previousDirectory = (directory: string): Effect.Effect<string, never, Path.Path> =>
  Path.Path.use(({ basename, dirname, join, resolve }) => {
    const target = resolve(directory)
    return Effect.succeed(join(dirname(target), `.${basename(target)}.tesserae-previous`))
  })

/**
 * Makes a directory whose content is either all new or what it was: `content` fills a temporary one beside
 * it, which then takes its place by renaming. Between the two renames a crash leaves the earlier directory
 * under the name of `previousDirectory`, and nothing under its own; nothing is lost. Missing parents are
 * made; a link to a directory is followed. Fails with `ModelFileError` where `objection` has one, for files,
 * roots and the working directory; or as `content` does.
 */
export const replaceDirectory = Effect.fnUntraced(function* <E, R>(
  directory: string,
  objection: Objection,
  content: (temporary: string) => Effect.Effect<void, E, R>
): Effect.fn.Return<void, ModelFileError | E, FileSystem.FileSystem | Path.Path | R> {
  const fileSystem = yield* FileSystem.FileSystem
  const { dirname, join } = yield* Path.Path
  const target = yield* requireReplaceable(directory, objection)
  const parent = dirname(target)
  yield* fileSystem
    .makeDirectory(parent, { recursive: true })
    .pipe(Effect.mapError(fileError(parent, "make the directory")))

  const temporary = join(parent, temporaryName())
  const make = fileSystem
    .makeDirectory(temporary)
    .pipe(Effect.mapError(fileError(target, "make a directory beside it")))
  // After the renaming there is nothing of that name left to remove.
  const remove = Effect.ignore(fileSystem.remove(temporary, { recursive: true, force: true }))
  yield* Effect.acquireUseRelease(
    make,
    () =>
      content(temporary).pipe(
        Effect.mapError((error) => inPlace(error, temporary, target)),
        Effect.andThen(syncDirectory(temporary)),
        Effect.andThen(Effect.uninterruptible(exchange(temporary, target, objection)))
      ),
    () => remove
  )
})

/** Where `replaceDirectory` would put the directory; fails with `ModelFileError` where it would refuse to. */
export const requireReplaceable = Effect.fnUntraced(function* (
  directory: string,
  objection: Objection
): Effect.fn.Return<string, ModelFileError, FileSystem.FileSystem | Path.Path> {
  const target = yield* followLink(directory)
  yield* checkReplaceable(target, objection)
  return target
})

// Whoever reads the message knows the directory by its own name.
const inPlace = <E>(error: E, temporary: string, target: string): E | ModelFileError =>
  error instanceof ModelFileError && error.path.startsWith(temporary)
    ? new ModelFileError({ ...error, path: target + error.path.slice(temporary.length) })
    : error

const followLink = Effect.fnUntraced(function* (directory: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const { resolve } = yield* Path.Path
  const target = resolve(directory)
  // readLink fails for everything that is no link.
  const isLink = yield* Effect.isSuccess(fileSystem.readLink(target))
  if (!isLink) return target
  return yield* fileSystem.realPath(target).pipe(Effect.mapError(fileError(target, "follow the link")))
})

const checkReplaceable = Effect.fnUntraced(function* (
  target: string,
  objection: Objection
): Effect.fn.Return<boolean, ModelFileError, FileSystem.FileSystem | Path.Path> {
  const fileSystem = yield* FileSystem.FileSystem
  const { basename, resolve } = yield* Path.Path
  const see = fileError(target, "see what is there")
  const refuse = (reason: string) => new ModelFileError({ path: target, reason })
  if (basename(target) === "") return yield* refuse("is the root of a file system; name a directory in it")
  const exists = yield* fileSystem.exists(target).pipe(Effect.mapError(see))
  if (!exists) return false
  const { type } = yield* fileSystem.stat(target).pipe(Effect.mapError(see))
  if (type !== "Directory") return yield* refuse(`is not a directory but of type ${type}; it stays as it is`)
  const workingDirectory = yield* fileSystem.realPath(resolve(".")).pipe(Effect.mapError(see))
  if ((yield* fileSystem.realPath(target).pipe(Effect.mapError(see))) === workingDirectory) {
    return yield* refuse("is the working directory, which cannot be replaced; name another one")
  }
  const entries = yield* fileSystem.readDirectoryEntries(target).pipe(Effect.mapError(see))
  const reason = entries.length === 0 ? undefined : objection(entries)
  return reason === undefined ? true : yield* refuse(reason)
})

// Renames are atomic one by one only, and a directory that is not empty cannot be renamed over: hence the
// step aside.
const exchange = Effect.fnUntraced(function* (temporary: string, target: string, objection: Objection) {
  const fileSystem = yield* FileSystem.FileSystem
  const { dirname } = yield* Path.Path
  const previous = yield* previousDirectory(target)
  const discardPrevious = fileSystem.remove(previous, { recursive: true, force: true })
  const exists = yield* checkReplaceable(target, objection)
  if (exists) {
    yield* discardPrevious.pipe(Effect.mapError(fileError(previous, "remove what an earlier save left")))
    yield* fileSystem
      .rename(target, previous)
      .pipe(Effect.mapError(fileError(target, "move the earlier one aside")))
  }
  yield* fileSystem.rename(temporary, target).pipe(
    Effect.mapError(fileError(target, "put the new directory in place")),
    Effect.onError(() => (exists ? Effect.ignore(fileSystem.rename(previous, target)) : Effect.void))
  )
  yield* syncDirectory(dirname(target))
  // Also where there was nothing under the name itself: an earlier save may have ended between its two
  // renames.
  yield* Effect.ignore(discardPrevious)
})
