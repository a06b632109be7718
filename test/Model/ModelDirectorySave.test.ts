import { NodeServices } from "@effect/platform-node"
import { assert, describe, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, FileSystem, Path } from "effect"
import * as ModelConfig from "../../src/Model/ModelConfig.ts"
import * as ModelDirectory from "../../src/Model/ModelDirectory.ts"
import * as SafeTensors from "../../src/Model/SafeTensors.ts"
import { floats, makeConfig, open, temporaryPath, wpe, wte } from "./EmbeddingsOnlyModel.ts"
import { type Faults, layerFailing } from "./FailingFileSystem.ts"

const contents = Effect.map(makeConfig, (config) => ({ config, tensors: [wte, wpe] }))
const entries = (path: string) => FileSystem.FileSystem.use((fileSystem) => fileSystem.readDirectory(path))

const prepared = (what: "model" | "empty", names: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const fileSystem = yield* FileSystem.FileSystem
    const { join } = yield* Path.Path
    const directory = yield* temporaryPath
    if (what === "model") yield* ModelDirectory.save(directory, yield* contents)
    for (const name of names) {
      yield* fileSystem.makeDirectory(directory, { recursive: true })
      if (name.endsWith("/")) yield* fileSystem.makeDirectory(join(directory, name))
      else yield* fileSystem.writeFileString(join(directory, name), "precious")
    }
    return directory
  })
const refusal = (directory: string) =>
  Effect.flatMap(contents, (given) => Effect.flip(ModelDirectory.save(directory, given)))

layer(NodeServices.layer)("ModelDirectory.save", (it) => {
  it.effect("writes a directory that opens again, with the files that were to go along", () =>
    Effect.gen(function* () {
      const fileSystem = yield* FileSystem.FileSystem
      const { join } = yield* Path.Path
      const source = yield* fileSystem.makeTempDirectoryScoped()
      yield* fileSystem.writeFileString(join(source, "merges.txt"), "a b\n")
      const directory = join(yield* temporaryPath, "deeper", "still") + "/"
      yield* ModelDirectory.save(directory, {
        ...(yield* contents),
        dtype: "float16",
        copies: [join(source, "merges.txt")],
        files: { "README.md": "# small", "notes.bin": Uint8Array.of(1, 2) }
      })
      const names = (yield* entries(directory)).toSorted()
      assert.deepStrictEqual(names, [
        "README.md",
        "config.json",
        "merges.txt",
        "model.safetensors",
        "notes.bin"
      ])
      assert.strictEqual(yield* fileSystem.readFileString(join(directory, "merges.txt")), "a b\n")
      assert.deepStrictEqual([...(yield* fileSystem.readFile(join(directory, "notes.bin")))], [1, 2])
      const model = yield* open(directory)
      assert.strictEqual(model.tensors.get("wte.weight")?.dtype, "float16")
      assert.deepStrictEqual(yield* model.readFloat32("wte.weight"), floats(8))
      const file = yield* SafeTensors.open(join(directory, "model.safetensors"))
      assert.deepStrictEqual([...file.metadata], [["format", "pt"]])
    })
  )

  it.effect("replaces a model, also by one that is read from it", () =>
    Effect.gen(function* () {
      const { dirname } = yield* Path.Path
      const directory = yield* temporaryPath
      yield* ModelDirectory.save(directory, { ...(yield* contents), files: { "README.md": "old" } })
      yield* Effect.scoped(
        Effect.gen(function* () {
          const model = yield* open(directory)
          yield* ModelDirectory.save(directory, {
            config: model.config,
            tensors: [...model.tensors.values()],
            dtype: "bfloat16"
          })
        })
      )
      assert.deepStrictEqual(yield* entries(dirname(directory)), ["gpt2"])
      assert.deepStrictEqual((yield* entries(directory)).toSorted(), ["config.json", "model.safetensors"])
      const model = yield* open(directory)
      assert.strictEqual(model.tensors.get("wte.weight")?.dtype, "bfloat16")
      assert.deepStrictEqual(yield* model.readFloat32("wpe.weight"), floats(6, 100))
    })
  )

  it.effect("fills an empty directory, and the one that a link leads to", () =>
    Effect.gen(function* () {
      const fileSystem = yield* FileSystem.FileSystem
      const [real, link] = [yield* temporaryPath, yield* temporaryPath]
      yield* fileSystem.makeDirectory(real)
      yield* fileSystem.symlink(real, link)
      yield* ModelDirectory.save(link, yield* contents)
      assert.strictEqual(yield* fileSystem.readLink(link), real)
      assert.strictEqual((yield* open(real)).tensors.size, 2)
      yield* fileSystem.remove(real, { recursive: true })
      assert.match(
        (yield* Effect.flip(ModelDirectory.save(link, yield* contents))).message,
        /cannot follow the link/
      )
    })
  )

  describe("refuses to replace", () => {
    const cases = [
      [
        "a directory of other things",
        "empty",
        ["thesis.txt"],
        /not a model's: it lacks config.json or model.safetensors/
      ],
      ["a configuration without weights", "empty", ["config.json"], /not a model's/],
      [
        "a model with a file that is no model's",
        "model",
        ["thesis.txt"],
        /holds "thesis.txt", which is no part of a model/
      ],
      ["a model under version control", "model", [".git/"], /holds ".git"/]
    ] as const
    it.effect.each(cases)("%s", ([, what, names, message]) =>
      Effect.gen(function* () {
        const { dirname } = yield* Path.Path
        const directory = yield* prepared(what, names)
        const before = yield* entries(directory)
        const error = yield* Effect.flip(ModelDirectory.save(directory, yield* contents))
        assert.match(error.message, message)
        assert.match((yield* Effect.flip(ModelDirectory.requireSaveable(directory))).message, message)
        assert.deepStrictEqual(yield* entries(directory), before)
        assert.deepStrictEqual(yield* entries(dirname(directory)), ["gpt2"])
      })
    )

    it.effect("a file, a root, the working directory", () =>
      Effect.gen(function* () {
        const fileSystem = yield* FileSystem.FileSystem
        const file = yield* temporaryPath
        yield* fileSystem.writeFileString(file, "precious")
        assert.match((yield* refusal(file)).message, /is not a directory but of type File/)
        assert.match((yield* refusal("/")).message, /is the root of a file system/)
        assert.match((yield* refusal("")).message, /is the working directory/)
        assert.match((yield* refusal(".")).message, /is the working directory/)
        assert.strictEqual(yield* fileSystem.readFileString(file), "precious")
      })
    )
  })

  it.effect("replaces a model whose other file it writes itself", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryPath
      yield* ModelDirectory.save(directory, { ...(yield* contents), files: { "history.csv": "1" } })
      yield* ModelDirectory.requireSaveable(directory, ["history.csv"])
      yield* ModelDirectory.save(directory, { ...(yield* contents), files: { "history.csv": "1\n2" } })
      assert.match(
        (yield* Effect.flip(ModelDirectory.save(directory, yield* contents))).message,
        /holds "history.csv"/
      )
    })
  )

  it.effect.each(["", "..", "a/b", "../x", "config.json", "Model.safetensors"])(
    "does not write a file named %j",
    (name) =>
      Effect.gen(function* () {
        const directory = yield* temporaryPath
        const error = yield* Effect.flip(
          ModelDirectory.save(directory, { ...(yield* contents), files: { [name]: "" } })
        )
        assert.match(error.message, /is not the name of a file|would be written twice/)
      })
  )

  describe("keeps the old model and leaves nothing behind", () => {
    const larger = Effect.map(contents, (given) => ({
      ...given,
      tensors: [{ ...wte, read: Effect.succeed(floats(8, 7)) }, wpe]
    }))
    const saved = Effect.gen(function* () {
      const directory = yield* temporaryPath
      yield* ModelDirectory.save(directory, yield* contents)
      return directory
    })
    const untouched = Effect.fnUntraced(function* (directory: string) {
      const { dirname } = yield* Path.Path
      assert.deepStrictEqual(yield* entries(dirname(directory)), ["gpt2"])
      assert.deepStrictEqual(yield* (yield* open(directory)).read("wte.weight"), floats(8))
    })

    // The first two renames finish the two files, the third moves the old model aside, the fourth puts the
    // new one in place.
    const faults: ReadonlyArray<readonly [string, (configBytes: number) => Faults, RegExp]> = [
      ["the disk is full at once", () => ({ capacity: 10 }), /gpt2\/config.json: cannot write .*ENOSPC/],
      [
        "the disk is full later",
        (bytes) => ({ capacity: bytes + 50 }),
        /gpt2\/model.safetensors: cannot write .*ENOSPC/
      ],
      ["the disk does not sync", () => ({ sync: "fails" }), /EIO/],
      [
        "the old one cannot be moved aside",
        () => ({ failingRename: 2 }),
        /cannot move the earlier one aside: EBUSY/
      ],
      [
        "the new one cannot take its place",
        () => ({ failingRename: 3 }),
        /cannot put the new directory in place: EBUSY/
      ]
    ]
    it.effect.each(faults)("when %s", ([, fault, message]) =>
      Effect.gen(function* () {
        const directory = yield* saved
        const given = yield* larger
        const configBytes = (yield* ModelConfig.format(given.config)).length
        const save = ModelDirectory.save(directory, given).pipe(
          Effect.provide(layerFailing(fault(configBytes)))
        )
        assert.match((yield* Effect.flip(save)).message, message)
        yield* untouched(directory)
      })
    )

    it.effect("when a tensor cannot be read", () =>
      Effect.gen(function* () {
        const directory = yield* saved
        const tensors = [wte, { ...wpe, read: Effect.fail("gone" as const) }]
        assert.strictEqual(
          yield* Effect.flip(ModelDirectory.save(directory, { ...(yield* contents), tensors })),
          "gone"
        )
        yield* untouched(directory)
      })
    )

    it.effect("when it is interrupted", () =>
      Effect.gen(function* () {
        const directory = yield* saved
        const reached = yield* Deferred.make<void>()
        const stuck = { ...wpe, read: Effect.andThen(Deferred.succeed(reached, undefined), Effect.never) }
        const given = { ...(yield* larger), tensors: [wte, stuck] }
        const fiber = yield* Effect.forkChild(ModelDirectory.save(directory, given))
        yield* Deferred.await(reached)
        yield* Fiber.interrupt(fiber)
        yield* untouched(directory)
      })
    )
  })

  it.effect("a crash between the renames loses nothing, is reported, and mended by the next save", () =>
    Effect.gen(function* () {
      const fileSystem = yield* FileSystem.FileSystem
      const { dirname, join } = yield* Path.Path
      const directory = yield* temporaryPath
      yield* ModelDirectory.save(directory, yield* contents)
      const previous = join(dirname(directory), ".gpt2.tesserae-previous")
      yield* fileSystem.rename(directory, previous)

      const error = yield* Effect.flip(open(directory))
      assert.include(error.message, `the complete earlier model lies in ${previous}`)
      assert.strictEqual((yield* open(previous)).tensors.size, 2)

      yield* ModelDirectory.save(directory, yield* contents)
      assert.deepStrictEqual(yield* entries(dirname(directory)), ["gpt2"])
      assert.strictEqual((yield* open(directory)).tensors.size, 2)
    })
  )

  it.effect("of two saves at once one whole model remains", () =>
    Effect.gen(function* () {
      const { dirname } = yield* Path.Path
      const directory = yield* temporaryPath
      yield* ModelDirectory.save(directory, yield* contents)
      const save = (first: number) =>
        Effect.flatMap(contents, ({ config }) =>
          ModelDirectory.save(directory, {
            config,
            tensors: [SafeTensors.fromArray("wte.weight", [4, 2], floats(8, first)), wpe]
          })
        )
      const saves = [10, 20, 30].map((first) => Effect.isSuccess(save(first)))
      const outcomes = yield* Effect.all(saves, { concurrency: "unbounded" })
      assert.include(outcomes, true)
      const [first] = yield* (yield* open(directory)).readFloat32("wte.weight")
      assert.include([10, 20, 30], first)
      yield* save(40)
      assert.deepStrictEqual(yield* entries(dirname(directory)), ["gpt2"])
    })
  )
})
