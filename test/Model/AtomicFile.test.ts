import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Path } from "effect"
import { writeAtomically } from "../../src/Model/AtomicFile.ts"

const temporaryFile = Effect.gen(function* () {
  const fileSystem = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const directory = yield* fileSystem.makeTempDirectoryScoped()
  return { directory, path: join(directory, "state.bin") }
})

layer(NodeServices.layer)("writeAtomically", (it) => {
  it.effect("puts what was appended into the file, in order, also beyond one system call", () =>
    Effect.gen(function* () {
      const fileSystem = yield* FileSystem.FileSystem
      const { directory, path } = yield* temporaryFile
      const long = Uint8Array.from({ length: 9 * 2 ** 20 }, (_, i) => i % 251)
      yield* writeAtomically(path, (append) =>
        Effect.andThen(append(Uint8Array.of(1, 2)), Effect.andThen(append(new Uint8Array(0)), append(long)))
      )
      const written = Buffer.from(yield* fileSystem.readFile(path))
      assert.isTrue(written.equals(Buffer.concat([Uint8Array.of(1, 2), long])))
      assert.deepStrictEqual(yield* fileSystem.readDirectory(directory), ["state.bin"])
    })
  )

  it.effect("shows nothing of the new content before it is complete", () =>
    Effect.gen(function* () {
      const fileSystem = yield* FileSystem.FileSystem
      const { path } = yield* temporaryFile
      yield* fileSystem.writeFileString(path, "old")
      yield* writeAtomically(path, (append) =>
        Effect.gen(function* () {
          yield* append(new TextEncoder().encode("new"))
          assert.strictEqual(yield* fileSystem.readFileString(path), "old")
        })
      )
      assert.strictEqual(yield* fileSystem.readFileString(path), "new")
    })
  )

  it.effect("of many writers at once leaves one whole content and nothing else", () =>
    Effect.gen(function* () {
      const fileSystem = yield* FileSystem.FileSystem
      const { directory, path } = yield* temporaryFile
      const contents = Array.from({ length: 8 }, (_, i) => new Uint8Array(1000 + i).fill(i))
      yield* Effect.forEach(contents, (bytes) => writeAtomically(path, (append) => append(bytes)), {
        concurrency: "unbounded"
      })
      const written = yield* fileSystem.readFile(path)
      assert.deepStrictEqual(Uint8Array.from(written), contents[written[0]])
      assert.deepStrictEqual(yield* fileSystem.readDirectory(directory), ["state.bin"])
    })
  )

  it.effect("names the file when its directory is not there", () =>
    Effect.gen(function* () {
      const { join } = yield* Path.Path
      const path = join((yield* temporaryFile).directory, "missing", "state.bin")
      const error = yield* Effect.flip(writeAtomically(path, () => Effect.void))
      assert.strictEqual(error.path, path)
      assert.match(error.message, /cannot create a file beside it: ENOENT/)
    })
  )
})
