import { NodeServices } from "@effect/platform-node"
import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, FileSystem, Path } from "effect"
import * as SafeTensors from "../../src/Model/SafeTensors.ts"
import { encodeHeader, parseHeader } from "../../src/Model/SafeTensorsHeader.ts"

const parse = (header: string, dataBytes: number) => parseHeader("model.safetensors", header, dataBytes)

const entry = (begin: number, end: number, shape: ReadonlyArray<unknown> = [end - begin], dtype = "U8") =>
  JSON.stringify({ dtype, shape, data_offsets: [begin, end] })

const accepted: ReadonlyArray<readonly [string, string, number, ReadonlyArray<string>]> = [
  ["no tensors", "{}", 0, []],
  ["no tensors, but metadata", '{"__metadata__":{"a":"b"}}', 0, []],
  ["padding after the header", `{"a":${entry(0, 1)}}      `, 1, ["a"]],
  ["tensors in another order than their data", `{"a":${entry(2, 3)},"b":${entry(0, 2)}}`, 3, ["b", "a"]],
  ["a scalar", `{"a":${entry(0, 4, [], "F32")}}`, 4, ["a"]],
  [
    "empty tensors between full ones",
    `{"a":${entry(0, 1)},"b":${entry(1, 1)},"c":${entry(1, 1, [3, 0])},"d":${entry(1, 2)}}`,
    2,
    ["a", "b", "c", "d"]
  ],
  [
    "names of inherited properties",
    `{"__proto__":${entry(0, 1)},"constructor":${entry(1, 2)},"toString":${entry(2, 3)}}`,
    3,
    ["__proto__", "constructor", "toString"]
  ],
  [
    "an empty name, and one in another script",
    `{"":${entry(0, 1)},"\u91cd\ud83d\ude00":${entry(1, 2)}}`,
    2,
    ["", "\u91cd\ud83d\ude00"]
  ]
]

const refused: ReadonlyArray<readonly [string, string, number, RegExp]> = [
  ["an empty header", "", 0, /does not begin with \{/],
  ["an array", "[]", 0, /does not begin with \{/],
  ["white space before the header", " {}", 0, /does not begin with \{/],
  ["a byte order mark", "\ufeff{}", 0, /does not begin with \{/],
  ["text that is not JSON", `{"a":${entry(0, 1)}`, 1, /not valid JSON/],
  ["something after the object", "{}{}", 0, /not valid JSON/],
  ["a name used twice", `{"a":${entry(0, 1)},"a":${entry(1, 2)}}`, 2, /the key "a" twice/],
  [
    "a field used twice",
    '{"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}}',
    1,
    /the key "dtype" twice/
  ],
  ["nesting", `{"a":${"[".repeat(100_000)}`, 0, /nested deeper/],
  ["more values than any model has tensors", `{"a":[${"0,".repeat(1 << 20)}0]}`, 0, /more than \d+ values/],
  ["metadata that is no map", '{"__metadata__":[]}', 0, /__metadata__ is not a map of strings/],
  ["metadata that is not strings", '{"__metadata__":{"a":1}}', 0, /__metadata__ is not a map of strings/],
  ["an entry that is no object", '{"a":null}', 0, /"a": in the header: Expected object/],
  [
    "a missing field",
    '{"a":{"dtype":"U8","shape":[0]}}',
    0,
    /"a": in the header: Missing key at \["data_offsets"\]/
  ],
  [
    "an unknown field",
    '{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"stride":1}}',
    0,
    /"a": .*Unexpected key .* at \["stride"\]/
  ],
  ["an unknown dtype", `{"a":${entry(0, 1, [1], "F8_E4M3")}}`, 1, /"a": .*"F8_E4M3" at \["dtype"\]/],
  [
    "a dtype that is no string",
    '{"a":{"dtype":4,"shape":[0],"data_offsets":[0,0]}}',
    0,
    /"a": .* at \["dtype"\]/
  ],
  [
    "a dtype named like an inherited property",
    `{"a":${entry(0, 0, [0], "toString")}}`,
    0,
    /"a": .* at \["dtype"\]/
  ],
  ["a negative size", `{"a":${entry(0, 1, [-1])}}`, 1, /"a": .*got -1 at \["shape"\]\[0\]/],
  ["minus zero", '{"a":{"dtype":"U8","shape":[-0],"data_offsets":[0,0]}}', 0, /"a": .* at \["shape"\]\[0\]/],
  ["a fractional size", `{"a":${entry(0, 1, [1.5])}}`, 1, /"a": .*integer.* at \["shape"\]\[0\]/],
  [
    "a size that is no exact integer",
    '{"a":{"dtype":"U8","shape":[9007199254740993],"data_offsets":[0,1]}}',
    1,
    /"a": .* at \["shape"\]\[0\]/
  ],
  ["a size that is no number", `{"a":${entry(0, 1, ["1"])}}`, 1, /"a": .* at \["shape"\]\[0\]/],
  ["a shape that overflows", `{"a":${entry(0, 0, [2 ** 40, 2 ** 40])}}`, 0, /"a": .*too many elements/],
  [
    "a shape that overflows as 64 bits do",
    `{"a":${entry(0, 0, [2 ** 32, 2 ** 32, 4])}}`,
    0,
    /"a": .*too many elements/
  ],
  [
    "elements that fit and bytes that do not",
    `{"a":${entry(0, 0, [2 ** 52], "F64")}}`,
    0,
    /"a": .*too many elements/
  ],
  ["one offset", '{"a":{"dtype":"U8","shape":[0],"data_offsets":[0]}}', 0, /"a": .* at \["data_offsets"\]/],
  [
    "three offsets",
    '{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0,0]}}',
    0,
    /"a": .* at \["data_offsets"\]/
  ],
  [
    "offsets in the wrong order",
    '{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}',
    1,
    /"a": .*takes 1 bytes, but its offsets are 1 to 0/
  ],
  [
    "a negative offset",
    '{"a":{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}}',
    1,
    /"a": .* at \["data_offsets"\]\[0\]/
  ],
  [
    "an offset that is no exact integer",
    '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1e300]}}',
    1,
    /"a": .* at \["data_offsets"\]\[1\]/
  ],
  [
    "fewer bytes than the shape takes",
    `{"a":${entry(0, 4, [2], "F32")}}`,
    4,
    /"a": float32 of shape \[2\] takes 8 bytes, but its offsets are 0 to 4/
  ],
  [
    "more bytes than the shape takes",
    `{"a":${entry(0, 4, [0])}}`,
    4,
    /"a": uint8 of shape \[0\] takes 0 bytes/
  ],
  [
    "data beyond the end of the file",
    `{"a":${entry(0, 8)}}`,
    7,
    /"a": its data ends at byte 8, but the file has 7 bytes of data/
  ],
  ["an empty tensor beyond the end", `{"a":${entry(8, 8)}}`, 0, /"a": its data ends at byte 8/],
  [
    "overlapping tensors",
    `{"a":${entry(0, 4)},"b":${entry(3, 7)}}`,
    7,
    /"b": its data overlaps that of tensor "a"/
  ],
  ["two tensors in the same bytes", `{"a":${entry(0, 4)},"b":${entry(0, 4)}}`, 4, /"b": its data overlaps/],
  ["an empty tensor inside another", `{"a":${entry(0, 4)},"b":${entry(2, 2)}}`, 4, /"b": its data overlaps/],
  [
    "bytes before the first tensor that are nobody's",
    `{"a":${entry(1, 2)}}`,
    2,
    /"a": 1 bytes of data before it belong to no tensor/
  ],
  ["a hole", `{"a":${entry(0, 1)},"b":${entry(3, 4)}}`, 4, /"b": 2 bytes of data before it/],
  [
    "bytes after the last tensor",
    `{"a":${entry(0, 1)}}`,
    3,
    /2 bytes at the end of the file belong to no tensor/
  ],
  ["a name that is not Unicode", `{"\\ud800":${entry(0, 0)}}`, 0, /the name is not valid Unicode/]
]

describe("parseHeader", () => {
  it.effect.each(accepted)("takes %s", ([, header, dataBytes, names]) =>
    Effect.gen(function* () {
      const { spans } = yield* parse(header, dataBytes)
      assert.deepStrictEqual(
        spans.map(({ name }) => name),
        names
      )
    })
  )

  it.effect.each(refused)("refuses %s", ([, header, dataBytes, message]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(parse(header, dataBytes))
      assert.match(error.message, message)
      assert.isBelow(error.message.length, 1000)
    })
  )

  it.effect("lets no name reach a prototype", () =>
    Effect.gen(function* () {
      const { metadata, spans } = yield* parse(
        `{"__proto__":${entry(0, 1)},"__metadata__":{"__proto__":"x"}}`,
        1
      )
      assert.deepStrictEqual([...metadata], [["__proto__", "x"]])
      assert.strictEqual(spans[0].name, "__proto__")
      assert.isUndefined(({} as { dtype?: string }).dtype)
    })
  )

  it.effect("reads 20,000 tensors", () =>
    Effect.gen(function* () {
      const layouts = Array.from({ length: 20_000 }, (_, i) => ({
        name: `h.${i}`,
        dtype: "int8" as const,
        shape: [3]
      }))
      const { bytes } = yield* encodeHeader("model.safetensors", layouts, {})
      const { spans } = yield* parse(new TextDecoder().decode(bytes.subarray(8)), 60_000)
      assert.deepStrictEqual(
        spans.map(({ begin }) => begin),
        layouts.map((_, i) => 3 * i)
      )
    })
  )

  it.effect("is read by itself whatever encodeHeader was given to lay out", () =>
    Effect.gen(function* () {
      const layouts = [
        { name: "a", dtype: "bool", shape: [5] },
        { name: "b", dtype: "bfloat16", shape: [3, 1] },
        { name: "c", dtype: "float64", shape: [] },
        { name: "d", dtype: "float32", shape: [7, 0] },
        { name: "e", dtype: "float32", shape: [3] }
      ] as const
      const { bytes, spans } = yield* encodeHeader("model.safetensors", layouts, { note: 'quoted "text"' })
      const parsed = yield* parse(new TextDecoder().decode(bytes.subarray(8)), 8 + 12 + 6 + 5)
      assert.deepStrictEqual(parsed.spans, spans)
      assert.deepStrictEqual(
        spans.map(({ name, begin }) => [name, begin]),
        [
          ["c", 0],
          ["d", 8],
          ["e", 8],
          ["b", 20],
          ["a", 26]
        ]
      )
      assert.strictEqual(bytes.length % 8, 0)
    })
  )
})

const file = (length: bigint, rest: string) => {
  const bytes = new Uint8Array(8 + rest.length)
  new DataView(bytes.buffer).setBigUint64(0, length, true)
  bytes.set(new TextEncoder().encode(rest), 8)
  return bytes
}

layer(NodeServices.layer)("the length before the header", (it) => {
  const cases: ReadonlyArray<readonly [string, Uint8Array, RegExp]> = [
    ["an empty file", new Uint8Array(0), /has 0 bytes/],
    ["half a length", new Uint8Array(7), /has 7 bytes/],
    ["a length of zero", file(0n, ""), /does not begin with \{/],
    ["a length beyond the file", file(3n, "{}"), /says that its header has 3 bytes, but the file has 10/],
    [
      "a length beyond the format's limit",
      file(100_000_001n, "{}"),
      /says that its header has 100000001 bytes/
    ],
    ["a length beyond all numbers", file(2n ** 64n - 1n, "{}"), /cut short, or is not a safetensors file/],
    ["a length that is too short", file(1n, "{}"), /not valid JSON/],
    [
      "a picture",
      Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0),
      /is not a safetensors file/
    ]
  ]
  it.effect.each(cases)("%s is refused", ([, bytes, message]) =>
    Effect.gen(function* () {
      const fileSystem = yield* FileSystem.FileSystem
      const { join } = yield* Path.Path
      const path = join(yield* fileSystem.makeTempDirectoryScoped(), "model.safetensors")
      yield* fileSystem.writeFile(path, bytes)
      const error = yield* Effect.flip(SafeTensors.open(path))
      assert.strictEqual(error.path, path)
      assert.match(error.message, message)
    })
  )

  it.effect("of the format's largest header is taken, one byte more is not", () =>
    Effect.gen(function* () {
      const fileSystem = yield* FileSystem.FileSystem
      const { join } = yield* Path.Path
      const path = join(yield* fileSystem.makeTempDirectoryScoped(), "model.safetensors")
      yield* fileSystem.writeFile(path, file(100_000_000n, "{}".padEnd(100_000_000)))
      assert.strictEqual((yield* SafeTensors.open(path)).tensors.size, 0)
      yield* fileSystem.writeFile(path, file(100_000_001n, "{}"))
      yield* fileSystem.truncate(path, 8 + 100_000_001)
      assert.match((yield* Effect.flip(SafeTensors.open(path))).message, /says that its header has 100000001/)
    })
  )
})
