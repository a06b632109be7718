import { Effect, FileSystem } from "effect"

/** More than any table of a problem or a policy that fits into memory as text. */
const largest = 512 * 1024 * 1024

/** The text of an ordinary file; fails with the reason in words. A pipe would block for ever, and a device never end. */
export const readText = Effect.fnUntraced(function* (
  path: string
): Effect.fn.Return<string, string, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const { type, size } = yield* fs.stat(path).pipe(Effect.mapError(({ message }) => message))
  if (type !== "File") return yield* Effect.fail(`it is not a file but of type ${type}`)
  if (size > largest)
    return yield* Effect.fail(`it has ${size.toLocaleString("en")} bytes, more than 512 MiB`)
  return yield* fs.readFileString(path).pipe(Effect.mapError(({ message }) => message))
})
