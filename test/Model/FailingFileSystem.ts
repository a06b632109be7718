import { Effect, FileSystem, Layer, PlatformError } from "effect"

/** Where the file system gives up. */
export interface Faults {
  /** Bytes that fit on the disk before writes fail with "no space left on device". */
  readonly capacity?: number
  /** Which rename fails, counted from 0. */
  readonly failingRename?: number
  /** Makes `sync` fail. */
  readonly sync?: "fails"
}

const failure = (method: string, code: string, description: string) =>
  PlatformError.systemError({
    _tag: "Unknown",
    module: "FileSystem",
    method,
    cause: new Error(`${code}: ${description}`)
  })

/** The file system there is, with faults. */
export const layerFailing = (
  faults: Faults
): Layer.Layer<FileSystem.FileSystem, never, FileSystem.FileSystem> =>
  Layer.effect(
    FileSystem.FileSystem,
    Effect.gen(function* () {
      const real = yield* FileSystem.FileSystem
      let free = faults.capacity ?? Number.POSITIVE_INFINITY
      let renames = 0

      const withFaults = (file: FileSystem.File): FileSystem.File => ({
        [FileSystem.FileTypeId]: FileSystem.FileTypeId,
        stat: file.stat,
        seek: (offset, from) => file.seek(offset, from),
        sync: faults.sync === "fails" ? Effect.fail(failure("sync", "EIO", "i/o error")) : file.sync,
        read: (buffer, options) => file.read(buffer, options),
        readAlloc: (size, options) => file.readAlloc(size, options),
        truncate: (length) => file.truncate(length),
        write: (buffer) => file.write(buffer),
        writeAll: Effect.fnUntraced(function* (buffer) {
          const fits = buffer.subarray(0, Math.max(0, free))
          free -= buffer.length
          yield* file.writeAll(fits)
          if (fits.length < buffer.length) {
            return yield* Effect.fail(failure("writeAll", "ENOSPC", "no space left on device, write"))
          }
        })
      })
      return FileSystem.FileSystem.of({
        ...real,
        open: (path, options) => Effect.map(real.open(path, options), withFaults),
        rename: (from, to) =>
          Effect.suspend(() =>
            renames++ === faults.failingRename
              ? Effect.fail(failure("rename", "EBUSY", "resource busy"))
              : real.rename(from, to)
          )
      })
    })
  )
