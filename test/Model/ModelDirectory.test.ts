import { NodeServices } from "@effect/platform-node"
import { assert, describe, layer } from "@effect/vitest"
import { Effect, FileSystem, Path } from "effect"
import { TensorMismatch } from "../../src/Model/Errors.ts"
import * as ModelConfig from "../../src/Model/ModelConfig.ts"
import * as ModelDirectory from "../../src/Model/ModelDirectory.ts"
import * as SafeTensors from "../../src/Model/SafeTensors.ts"
import { floats, makeConfig, open, temporaryPath, wpe, wte } from "./EmbeddingsOnlyModel.ts"

const head = (first: number) => SafeTensors.fromArray("lm_head.weight", [4, 2], floats(8, first))
const prefixed = <E, R>(tensor: SafeTensors.NamedTensor<E, R>) => ({
  ...tensor,
  name: `transformer.${tensor.name}`
})

const writeRaw = Effect.fnUntraced(function* (
  tensors: ReadonlyArray<SafeTensors.NamedTensor>,
  changes: Partial<ModelConfig.ModelConfig> = {}
) {
  const fileSystem = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const directory = yield* temporaryPath
  yield* fileSystem.makeDirectory(directory)
  const config = { ...(yield* makeConfig), ...changes }
  yield* fileSystem.writeFileString(join(directory, "config.json"), yield* ModelConfig.format(config))
  yield* SafeTensors.write(join(directory, "model.safetensors"), tensors)
  return directory
})

const mismatch = (directory: string) =>
  open(directory).pipe(
    Effect.flip,
    Effect.map((error) => {
      assert.instanceOf(error, TensorMismatch)
      return error
    })
  )

layer(NodeServices.layer)("ModelDirectory.open", (it) => {
  it.effect("reads configuration and tensors", () =>
    Effect.gen(function* () {
      const model = yield* open(yield* writeRaw([wte, wpe]))
      assert.strictEqual(model.config.n_embd, 2)
      assert.deepStrictEqual([...model.tensors.keys()], ["wte.weight", "wpe.weight"])
      assert.deepStrictEqual(yield* model.readFloat32("wpe.weight"), floats(6, 100))
      assert.match((yield* Effect.flip(model.read("h.0.ln_1.bias"))).message, /no such tensor/)
    })
  )

  it.effect("makes names canonical and leaves causal masks out", () =>
    Effect.gen(function* () {
      const masks = ["transformer.h.0.attn.bias", "h.11.attn.masked_bias"].map((name) =>
        SafeTensors.fromArray(name, [1, 1, 3, 3], new Uint8Array(9))
      )
      const model = yield* open(yield* writeRaw([prefixed(wte), wpe, ...masks]))
      assert.deepStrictEqual(yield* model.readFloat32("wte.weight"), floats(8))
      assert.strictEqual(model.tensors.size, 2)
    })
  )

  it.effect("refuses a tensor that is there with and without the prefix", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(open(yield* writeRaw([wte, prefixed(wte), wpe])))
      assert.match(error.message, /"wte.weight": is there with and without the prefix/)
    })
  )

  describe("settles the head", () => {
    it.effect("no head: tied", () =>
      Effect.gen(function* () {
        assert.isTrue((yield* open(yield* writeRaw([wte, wpe]))).config.tie_word_embeddings)
      })
    )
    it.effect("a copy of the embedding: tied, and only once there", () =>
      Effect.gen(function* () {
        const model = yield* open(yield* writeRaw([wte, wpe, head(0)], { tie_word_embeddings: false }))
        assert.isTrue(model.config.tie_word_embeddings)
        assert.isFalse(model.tensors.has("lm_head.weight"))
      })
    )
    it.effect("another matrix: untied, whatever the configuration says", () =>
      Effect.gen(function* () {
        const model = yield* open(yield* writeRaw([wte, wpe, head(1)]))
        assert.isFalse(model.config.tie_word_embeddings)
        assert.deepStrictEqual(yield* model.read("lm_head.weight"), floats(8, 1))
      })
    )
    it.effect("none, where the configuration says untied: missing", () =>
      Effect.gen(function* () {
        const error = yield* mismatch(yield* writeRaw([wte, wpe], { tie_word_embeddings: false }))
        assert.deepStrictEqual([error.problem, error.tensor], ["missing", "lm_head.weight"])
      })
    )
  })

  describe("says which tensor does not fit", () => {
    const cases = [
      [
        "missing",
        [wte],
        "wpe.weight",
        /float32 or float16 or bfloat16 of shape \[3, 2\], found 1 other tensors/
      ],
      [
        "superfluous",
        [wte, wpe, { ...wpe, name: "h.0.ln_1.bias" }],
        "h.0.ln_1.bias",
        /does not belong to this model: expected only the 2 listed/
      ],
      [
        "shape",
        [wte, { ...wpe, shape: [2, 3] }],
        "wpe.weight",
        /of shape \[3, 2\], found float32 of shape \[2, 3\]/
      ],
      ["shape", [wte, { ...wpe, shape: [6] }], "wpe.weight", /found float32 of shape \[6\]/],
      [
        "dtype",
        [wte, SafeTensors.fromArray("wpe.weight", [3, 2], new Int32Array(6))],
        "wpe.weight",
        /found int32 of shape \[3, 2\]/
      ]
    ] as const
    it.effect.each(cases)("%s: %s", ([problem, tensors, tensor, message]) =>
      Effect.gen(function* () {
        const directory = yield* writeRaw(tensors)
        const error = yield* mismatch(directory)
        assert.deepStrictEqual([error.problem, error.tensor], [problem, tensor])
        assert.match(error.message, message)
        assert.isTrue(error.path.startsWith(directory) && error.path.endsWith("model.safetensors"))
      })
    )
  })

  it.effect("takes the types that a format asks for", () =>
    Effect.gen(function* () {
      const order = SafeTensors.fromArray("order", [3], Int32Array.of(2, 0, 1))
      const directory = yield* writeRaw([order])
      const expected = Effect.succeed([{ name: "order", shape: [3], dtypes: ["int32"] as const }])
      const model = yield* ModelDirectory.open(directory, () => expected)
      assert.deepStrictEqual(yield* model.read("order"), Int32Array.of(2, 0, 1))
      assert.strictEqual(
        yield* Effect.flip(ModelDirectory.open(directory, () => Effect.fail("codec" as const))),
        "codec"
      )
    })
  )

  describe("reads shards", () => {
    const shard = Effect.fnUntraced(function* (
      map: Readonly<Record<string, unknown>>,
      files: Readonly<Record<string, ReadonlyArray<SafeTensors.NamedTensor>>>
    ) {
      const fileSystem = yield* FileSystem.FileSystem
      const { join } = yield* Path.Path
      const directory = yield* writeRaw([])
      yield* fileSystem.remove(join(directory, "model.safetensors"))
      const index = JSON.stringify({ metadata: { total_size: 1 }, weight_map: map })
      yield* fileSystem.writeFileString(join(directory, "model.safetensors.index.json"), index)
      for (const [name, tensors] of Object.entries(files))
        yield* SafeTensors.write(join(directory, name), tensors)
      return directory
    })
    const [one, two] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]

    it.effect("as one", () =>
      Effect.gen(function* () {
        const map = { "transformer.wte.weight": one, "wpe.weight": two }
        const model = yield* open(yield* shard(map, { [one]: [prefixed(wte)], [two]: [wpe] }))
        assert.deepStrictEqual(yield* model.read("wte.weight"), floats(8))
        assert.deepStrictEqual(yield* model.read("wpe.weight"), floats(6, 100))
      })
    )

    const cases = [
      [
        "a file elsewhere",
        { "wte.weight": "../wte.safetensors" },
        {},
        /"\.\.\/wte\.safetensors" is not the name/
      ],
      [
        "an absolute path",
        { "wte.weight": "/etc/x.safetensors" },
        {},
        /is not the name of a safetensors file/
      ],
      [
        "a file of another kind",
        { "wte.weight": "config.json" },
        {},
        /is not the name of a safetensors file/
      ],
      [
        "a file that is not there",
        { "wte.weight": one },
        {},
        /00001-of-00002.safetensors: cannot open the file: ENOENT/
      ],
      [
        "a tensor that is not in its file",
        { "wte.weight": one, "wpe.weight": one },
        { [one]: [wte] },
        /"wpe.weight": should be in/
      ],
      [
        "a tensor that is in no index",
        { "wte.weight": one },
        { [one]: [wte, wpe] },
        /"wpe.weight": is in .* the index does not say so/
      ],
      ["a map that is no map of names", { "wte.weight": 1 }, {}, /has no weight_map/]
    ] as const
    it.effect.each(cases)("and refuses %s", ([, map, files, message]) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(open(yield* shard(map, files)))
        assert.strictEqual(error._tag, "ModelFileError")
        assert.match(error.message, message)
      })
    )
  })

  it.effect("says what is missing", () =>
    Effect.gen(function* () {
      const fileSystem = yield* FileSystem.FileSystem
      const { join } = yield* Path.Path
      const nowhere = yield* temporaryPath
      assert.match(
        (yield* Effect.flip(open(nowhere))).message,
        /there is no such directory; name one that holds/
      )
      yield* fileSystem.makeDirectory(nowhere)
      assert.match((yield* Effect.flip(open(nowhere))).message, /config.json: cannot open the file: ENOENT/)
      yield* fileSystem.writeFileString(
        join(nowhere, "config.json"),
        yield* ModelConfig.format(yield* makeConfig)
      )
      assert.match((yield* Effect.flip(open(nowhere))).message, /has neither model.safetensors nor/)
    })
  )
})
