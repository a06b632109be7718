import { NodeServices } from "@effect/platform-node"
import { assert, describe, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, FileSystem, Path, Schema } from "effect"
import { ModelFileError } from "../../src/Model/Errors.ts"
import * as SafeTensors from "../../src/Model/SafeTensors.ts"
import { arrayTypeOf, elementCount, type StoredDType, type TensorData } from "../../src/Model/StoredDType.ts"
import * as Random from "../../src/Random/index.ts"
import { layerFailing } from "./FailingFileSystem.ts"

const dtypes = [
  "float64",
  "float32",
  "float16",
  "bfloat16",
  "int64",
  "int32",
  "int16",
  "int8",
  "uint8",
  "bool"
] as const satisfies ReadonlyArray<StoredDType>

// Every bit pattern may occur, except that half-precision values must be values of their type to come back,
// and bool is 0 or 1.
const randomData = (dtype: StoredDType, length: number, stream: Random.Stream): TensorData => {
  const data = new (arrayTypeOf(dtype))(length)
  const bytes = new Uint8Array(data.buffer)
  for (let i = 0; i < bytes.length; i++) bytes[i] = stream.integer(dtype === "bool" ? 2 : 256)
  if (dtype !== "float16" && dtype !== "bfloat16") return data
  return Float32Array.from({ length }, () => (stream.integer(255) - 127) * 2 ** (stream.integer(20) - 10))
}

const bytesOf = (data: TensorData) => [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]

const temporaryFile = Effect.gen(function* () {
  const fileSystem = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  return join(yield* fileSystem.makeTempDirectoryScoped(), "model.safetensors")
})

const entriesBeside = (path: string) =>
  Effect.gen(function* () {
    const fileSystem = yield* FileSystem.FileSystem
    const { dirname } = yield* Path.Path
    return yield* fileSystem.readDirectory(dirname(path))
  })

const untouched = (path: string) =>
  Effect.gen(function* () {
    assert.deepStrictEqual(yield* entriesBeside(path), ["model.safetensors"])
    assert.deepStrictEqual(yield* (yield* SafeTensors.open(path)).read("old"), Float32Array.of(1, 2))
  })

const Size = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 5 }))
const Tensors = Schema.Array(
  Schema.Struct({
    name: Schema.String,
    dtype: Schema.Literals(dtypes),
    shape: Schema.Array(Size).check(Schema.isMaxLength(4))
  })
).check(Schema.isMaxLength(12))

layer(NodeServices.layer)("SafeTensors", (it) => {
  it.effect.prop(
    "gives back what was written: names, types, shapes, bytes, metadata",
    {
      layouts: Tensors,
      seed: Schema.Int,
      metadata: Schema.Record(Schema.String, Schema.String)
    },
    ({ layouts, seed, metadata }) =>
      Effect.gen(function* () {
        const path = yield* temporaryFile
        const stream = Random.stream(Random.key(seed))
        const usable = layouts.filter(({ name }) => name !== "__metadata__" && name.isWellFormed())
        const wanted = new Map(
          usable.map((layout) => {
            const data = randomData(layout.dtype, elementCount(layout.shape) ?? 0, stream)
            return [layout.name, { ...layout, data }]
          })
        )
        const tensors = [...wanted.values()].map(({ name, shape, data, dtype }) =>
          SafeTensors.fromArray(name, shape, data, dtype)
        )
        yield* SafeTensors.write(path, tensors, { metadata })
        const file = yield* SafeTensors.open(path)
        assert.deepStrictEqual(new Set(file.tensors.keys()), new Set(wanted.keys()))
        assert.deepStrictEqual(Object.fromEntries(file.metadata), { ...metadata })
        for (const [name, { dtype, shape, data }] of wanted) {
          const found = file.tensors.get(name)
          assert.deepStrictEqual([found?.dtype, found?.shape], [dtype, shape])
          assert.deepStrictEqual(bytesOf(yield* file.read(name)), bytesOf(data))
        }
      }).pipe(Effect.scoped)
  )

  it.effect("writes the bytes that the format's description shows", () =>
    Effect.gen(function* () {
      const path = yield* temporaryFile
      const tensors = [
        SafeTensors.fromArray("mask", [3], Uint8Array.of(1, 0, 1), "bool"),
        SafeTensors.fromArray("weight", [2, 1], Float32Array.of(1, -2)),
        SafeTensors.fromArray("scalar", [], BigInt64Array.of(-1n))
      ]
      yield* SafeTensors.write(path, tensors, { metadata: { format: "pt" } })
      const bytes = yield* FileSystem.FileSystem.use((fileSystem) => fileSystem.readFile(path))
      const header =
        '{"__metadata__":{"format":"pt"},"scalar":{"dtype":"I64","shape":[],"data_offsets":[0,8]},' +
        '"weight":{"dtype":"F32","shape":[2,1],"data_offsets":[8,16]},"mask":{"dtype":"BOOL","shape":[3],"data_offsets":[16,19]}}'
      const padded = header.padEnd(Math.ceil(header.length / 8) * 8)
      assert.deepStrictEqual([...bytes.subarray(0, 8)], [padded.length, 0, 0, 0, 0, 0, 0, 0])
      assert.strictEqual(new TextDecoder().decode(bytes.subarray(8, 8 + padded.length)), padded)
      assert.deepStrictEqual(
        [...bytes.subarray(8 + padded.length)],
        [...Array(8).fill(255), 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 1, 0, 1]
      )
    })
  )

  it.effect("reads data that lies at odd places of the file", () =>
    Effect.gen(function* () {
      const path = yield* temporaryFile
      const header =
        '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F64","shape":[1],"data_offsets":[1,9]},' +
        '"c":{"dtype":"F16","shape":[2],"data_offsets":[9,13]}}'
      const file = new Uint8Array(8 + header.length + 13)
      const view = new DataView(file.buffer)
      view.setBigUint64(0, BigInt(header.length), true)
      file.set(new TextEncoder().encode(header), 8)
      view.setFloat64(8 + header.length + 1, Math.PI, true)
      view.setUint16(8 + header.length + 9, 0x3c00, true)
      view.setUint16(8 + header.length + 11, 0xc000, true)
      yield* FileSystem.FileSystem.use((fileSystem) => fileSystem.writeFile(path, file))
      const opened = yield* SafeTensors.open(path)
      assert.deepStrictEqual(yield* opened.read("b"), Float64Array.of(Math.PI))
      assert.deepStrictEqual(yield* opened.readFloat32("c"), Float32Array.of(1, -2))
    })
  )

  it.effect("moves tensors that are longer than a chunk, in each type", () =>
    Effect.gen(function* () {
      const path = yield* temporaryFile
      const length = 2 ** 21 + 3
      const values = Float32Array.from({ length }, (_, i) => (i % 255) / 256)
      for (const dtype of ["float32", "float16", "bfloat16"] as const) {
        yield* SafeTensors.write(path, [SafeTensors.fromArray("long", [length], values)], { dtype })
        const file = yield* SafeTensors.open(path)
        assert.strictEqual(file.tensors.get("long")?.dtype, dtype)
        const read = yield* file.readFloat32("long")
        assert.isTrue(Buffer.from(read.buffer).equals(Buffer.from(values.buffer)))
      }
    })
  )

  it.effect("stores weights in the type asked for, and leaves other types alone", () =>
    Effect.gen(function* () {
      const path = yield* temporaryFile
      const tensors = [
        SafeTensors.fromArray("weight", [2], Float32Array.of(1 / 3, 2)),
        SafeTensors.fromArray("order", [2], Int32Array.of(1, 0)),
        SafeTensors.fromArray("exact", [1], Float64Array.of(1 / 3))
      ]
      yield* SafeTensors.write(path, tensors, { dtype: "float16" })
      const file = yield* SafeTensors.open(path)
      assert.deepStrictEqual(
        [...file.tensors.values()].map(({ name, dtype }) => [name, dtype]),
        [
          ["exact", "float64"],
          ["order", "int32"],
          ["weight", "float16"]
        ]
      )
      assert.deepStrictEqual(yield* file.read("weight"), Float32Array.of(0.333251953125, 2))
      assert.deepStrictEqual(yield* file.read("exact"), Float64Array.of(1 / 3))
    })
  )

  it.effect("copies one file into another without holding more than a tensor", () =>
    Effect.gen(function* () {
      const [from, to] = [yield* temporaryFile, yield* temporaryFile]
      const data = Float32Array.from({ length: 100 }, (_, i) => i)
      yield* SafeTensors.write(from, [
        SafeTensors.fromArray("a", [10, 10], data),
        SafeTensors.fromArray("b", [0], data.subarray(0, 0))
      ])
      yield* SafeTensors.write(to, [...(yield* SafeTensors.open(from)).tensors.values()])
      const fileSystem = yield* FileSystem.FileSystem
      assert.deepStrictEqual(yield* fileSystem.readFile(to), yield* fileSystem.readFile(from))
    })
  )

  describe("refuses to write", () => {
    const cases: ReadonlyArray<
      readonly [string, ReadonlyArray<SafeTensors.NamedTensor>, SafeTensors.WriteOptions, RegExp]
    > = [
      [
        "two tensors of one name",
        [SafeTensors.fromArray("a", [0], new Int8Array()), SafeTensors.fromArray("a", [0], new Int8Array())],
        {},
        /"a": two tensors have this name/
      ],
      [
        "a reserved name",
        [SafeTensors.fromArray("__metadata__", [0], new Int8Array())],
        {},
        /does not allow this name/
      ],
      [
        "a name that is not Unicode",
        [SafeTensors.fromArray("\ud800", [0], new Int8Array())],
        {},
        /does not allow this name/
      ],
      [
        "a shape with a negative size",
        [SafeTensors.fromArray("a", [-1], new Int8Array())],
        {},
        /\[-1\] is not a shape/
      ],
      ["a shape with a fraction", [SafeTensors.fromArray("a", [0.5], new Int8Array())], {}, /is not a shape/],
      [
        "a shape beyond every file",
        [SafeTensors.fromArray("a", [2 ** 30, 2 ** 30], new Int8Array())],
        {},
        /is not a shape/
      ],
      [
        "too few elements",
        [SafeTensors.fromArray("a", [2], new Int8Array(1))],
        {},
        /Int8Array of 2 elements, but its data is a Int8Array of 1/
      ],
      [
        "elements of another type",
        [SafeTensors.fromArray("a", [1], new Float64Array(1), "float32")],
        {},
        /Float32Array of 1 elements, but its data is a Float64Array/
      ],
      [
        "a bool that is neither 0 nor 1",
        [SafeTensors.fromArray("a", [1], Uint8Array.of(2), "bool")],
        {},
        /holds the byte 2/
      ],
      [
        "a value beyond float16",
        [SafeTensors.fromArray("a", [2], Float32Array.of(0, 70000))],
        { dtype: "float16" },
        /value 70000 is too large for float16/
      ],
      [
        "a value beyond bfloat16",
        [SafeTensors.fromArray("a", [1], Float32Array.of(3.4e38))],
        { dtype: "bfloat16" },
        /too large for bfloat16/
      ]
    ]
    it.effect.each(cases)("%s", ([, tensors, options, message]) =>
      Effect.gen(function* () {
        const path = yield* temporaryFile
        const error = yield* Effect.flip(SafeTensors.write(path, tensors, options))
        assert.instanceOf(error, ModelFileError)
        assert.match(error.message, message)
        assert.deepStrictEqual(yield* entriesBeside(path), [])
      })
    )
  })

  it.effect("stores infinities and NaNs as what they are", () =>
    Effect.gen(function* () {
      const path = yield* temporaryFile
      const data = Float32Array.of(Infinity, -Infinity, NaN)
      yield* SafeTensors.write(path, [SafeTensors.fromArray("a", [3], data)], { dtype: "float16" })
      assert.deepStrictEqual(yield* (yield* SafeTensors.open(path)).read("a"), data)
    })
  )

  describe("keeps the old file and leaves nothing behind", () => {
    const old = [SafeTensors.fromArray("old", [2], Float32Array.of(1, 2))]
    const large = SafeTensors.fromArray("large", [1000], new Float32Array(1000))
    const faults = [
      ["the disk is full", { capacity: 2000 }, /cannot write \(what was there before is untouched\): ENOSPC/],
      ["the disk is full from the start", { capacity: 0 }, /ENOSPC/],
      ["the disk does not sync", { sync: "fails" }, /cannot bring to the disk .*EIO/],
      ["the rename fails", { failingRename: 0 }, /cannot put the new file in place: EBUSY/]
    ] as const
    it.effect.each(faults)("when %s", ([, fault, message]) =>
      Effect.gen(function* () {
        const path = yield* temporaryFile
        yield* SafeTensors.write(path, old)
        const error = yield* SafeTensors.write(path, [large]).pipe(
          Effect.provide(layerFailing(fault)),
          Effect.flip
        )
        assert.instanceOf(error, ModelFileError)
        assert.match(error.message, message)
        yield* untouched(path)
      })
    )

    it.effect("when a tensor cannot be read", () =>
      Effect.gen(function* () {
        const path = yield* temporaryFile
        yield* SafeTensors.write(path, old)
        const broken = { ...large, name: "broken", read: Effect.fail("gone" as const) }
        assert.strictEqual(yield* Effect.flip(SafeTensors.write(path, [large, broken])), "gone")
        yield* untouched(path)
      })
    )

    it.effect("when it is interrupted", () =>
      Effect.gen(function* () {
        const path = yield* temporaryFile
        yield* SafeTensors.write(path, old)
        const reached = yield* Deferred.make<void>()
        const stuck = {
          ...large,
          name: "stuck",
          read: Effect.andThen(Deferred.succeed(reached, undefined), Effect.never)
        }
        const fiber = yield* Effect.forkChild(SafeTensors.write(path, [large, stuck]))
        yield* Deferred.await(reached)
        assert.strictEqual((yield* entriesBeside(path)).length, 2)
        yield* Fiber.interrupt(fiber)
        yield* untouched(path)
      })
    )
  })

  it.effect("replaces a link, and leaves the file it leads to alone", () =>
    Effect.gen(function* () {
      const fileSystem = yield* FileSystem.FileSystem
      const [path, shared] = [yield* temporaryFile, yield* temporaryFile]
      yield* SafeTensors.write(shared, [SafeTensors.fromArray("shared", [0], new Int8Array())])
      yield* fileSystem.symlink(shared, path)
      yield* SafeTensors.write(path, [SafeTensors.fromArray("own", [0], new Int8Array())])
      assert.deepStrictEqual([...(yield* SafeTensors.open(shared)).tensors.keys()], ["shared"])
      assert.deepStrictEqual([...(yield* SafeTensors.open(path)).tensors.keys()], ["own"])
    })
  )

  it.effect("says which tensor there is not, and which type does not fit", () =>
    Effect.gen(function* () {
      const path = yield* temporaryFile
      yield* SafeTensors.write(path, [SafeTensors.fromArray("order", [1], Int32Array.of(7))])
      const file = yield* SafeTensors.open(path)
      assert.match(
        (yield* Effect.flip(file.read("weight"))).message,
        /"weight": there is no such tensor among the 1/
      )
      assert.match((yield* Effect.flip(file.read("__proto__"))).message, /no such tensor/)
      assert.match(
        (yield* Effect.flip(file.readFloat32("order"))).message,
        /"order": is int32, where float32/
      )
    })
  )

  it.effect("does not read on after the scope that opened the file", () =>
    Effect.gen(function* () {
      const path = yield* temporaryFile
      yield* SafeTensors.write(path, [SafeTensors.fromArray("a", [1], Int32Array.of(7))])
      const file = yield* Effect.scoped(SafeTensors.open(path))
      assert.match((yield* Effect.flip(file.read("a"))).message, /"a": was closed when the scope/)
    })
  )

  it.effect("notices that the file was cut short after it was opened", () =>
    Effect.gen(function* () {
      const path = yield* temporaryFile
      yield* SafeTensors.write(path, [SafeTensors.fromArray("a", [1000], new Int32Array(1000))])
      const file = yield* SafeTensors.open(path)
      yield* FileSystem.FileSystem.use((fileSystem) => fileSystem.truncate(path, 2000))
      assert.match((yield* Effect.flip(file.read("a"))).message, /"a": ends at byte 2000/)
    })
  )

  it.effect("opens ordinary files only", () =>
    Effect.gen(function* () {
      const path = yield* temporaryFile
      const { dirname } = yield* Path.Path
      assert.match(
        (yield* Effect.flip(SafeTensors.open(dirname(path)))).message,
        /is not a file but of type Directory/
      )
      assert.match((yield* Effect.flip(SafeTensors.open(path))).message, /cannot open the file: ENOENT/)
      assert.match((yield* Effect.flip(SafeTensors.open("a\0b"))).message, /cannot open the file/)
    })
  )
})
