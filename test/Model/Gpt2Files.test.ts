import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Path } from "effect"
import { kroneckerCodec } from "../../src/Kronecker/KroneckerWeight.ts"
import { Mock, MockControls } from "../../src/Layers/Mock.ts"
import type { ModelFileError } from "../../src/Model/Errors.ts"
import { forward } from "../../src/Model/Forward.ts"
import { type Gpt2, parameters, storedBytes, withWeight } from "../../src/Model/Gpt2.ts"
import { load, save, saveDense } from "../../src/Model/Gpt2Files.ts"
import * as SafeTensors from "../../src/Model/SafeTensors.ts"
import { compute, Tensor } from "../../src/Tensor/index.ts"
import { dense, lowRankCodec } from "../../src/Weight/index.ts"
import { assertClose } from "../Weight/WeightContract.ts"
import { compressedGpt2, tinyGpt2 } from "./TinyGpt2.ts"

const codecs = { "low-rank": lowRankCodec, kronecker: kroneckerCodec }

const services = Layer.merge(NodeServices.layer, Mock.layer())

const logitsOf = Effect.fnUntraced(function* (model: Gpt2) {
  const tokens = yield* Tensor.fromArray(Int32Array.of(3, 1, 4, 1, 5, 9), [1, 6])
  return yield* Tensor.toArray(yield* compute((t) => forward(t, model, tokens).logits))
})

const temporaryDirectory = Effect.gen(function* () {
  const { join } = yield* Path.Path
  return join(yield* FileSystem.FileSystem.use((fileSystem) => fileSystem.makeTempDirectoryScoped()), "model")
})

type Descriptions = Readonly<Record<string, Readonly<Record<string, unknown>>>>

/** Rewrites the `tesserae` section's weights in config.json. */
const editWeights = Effect.fnUntraced(function* (
  directory: string,
  change: (weights: Descriptions) => Descriptions
) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = `${directory}/config.json`
  const config = JSON.parse(yield* fileSystem.readFileString(path))
  config.tesserae.weights = change(config.tesserae.weights)
  yield* fileSystem.writeFileString(path, JSON.stringify(config))
})

/** Rewrites model.safetensors with some tensors left out or replaced. */
const editTensors = Effect.fnUntraced(function* (
  directory: string,
  change: (
    tensor: SafeTensors.NamedTensor<ModelFileError>
  ) => ReadonlyArray<SafeTensors.NamedTensor<ModelFileError>>
) {
  const path = `${directory}/model.safetensors`
  const file = yield* SafeTensors.open(path)
  yield* SafeTensors.write(path, [...file.tensors.values()].flatMap(change))
}, Effect.scoped)

describe("save and load", () => {
  it.effect("give back a model of any formats with identical logits", () =>
    Effect.gen(function* () {
      for (const make of [tinyGpt2, compressedGpt2]) {
        const model = yield* make
        const directory = yield* temporaryDirectory
        yield* save(model, directory, { codecs })
        const loaded = yield* load(directory, codecs)
        assert.deepStrictEqual(loaded.config, model.config)
        assert.deepStrictEqual(
          Object.keys(parameters(loaded)).toSorted(),
          Object.keys(parameters(model)).toSorted()
        )
        for (const [name, weight] of Object.entries(model.weights)) {
          assert.strictEqual(loaded.weights[name].format, weight.format)
          assert.deepStrictEqual(loaded.weights[name].indices, weight.indices)
        }
        assert.deepStrictEqual(yield* logitsOf(loaded), yield* logitsOf(model))
        // And once more over itself.
        yield* save(loaded, directory, { codecs })
        assert.deepStrictEqual(yield* logitsOf(yield* load(directory, codecs)), yield* logitsOf(model))
      }
    }).pipe(Effect.provide(services))
  )

  it.effect("store in float16 half the bytes, and nearly the same model", () =>
    Effect.gen(function* () {
      const fileSystem = yield* FileSystem.FileSystem
      const model = yield* compressedGpt2
      const directory = yield* temporaryDirectory
      yield* save(model, directory, { codecs, dtype: "float16", files: { "README.md": "# tiny" } })
      const { size } = yield* fileSystem.stat(`${directory}/model.safetensors`)
      const header = new DataView((yield* fileSystem.readFile(`${directory}/model.safetensors`)).buffer)
      assert.strictEqual(
        Number(size) - 8 - Number(header.getBigUint64(0, true)),
        storedBytes(model, "float16")
      )
      assert.strictEqual(yield* fileSystem.readFileString(`${directory}/README.md`), "# tiny")
      assertClose(yield* logitsOf(yield* load(directory, codecs)), yield* logitsOf(model), 0.05)
    }).pipe(Effect.provide(services))
  )

  it.effect("keep a head of its own", () =>
    Effect.gen(function* () {
      const model = yield* tinyGpt2
      const matrix = yield* compute((t) => t.multiply(model.weights.wte.toDense(t), 2))
      const untied = withWeight(model, "lm_head", dense(matrix))
      const directory = yield* temporaryDirectory
      yield* save(untied, directory)
      const loaded = yield* load(directory)
      assert.isFalse(loaded.config.tie_word_embeddings)
      assert.deepStrictEqual(yield* logitsOf(loaded), yield* logitsOf(untied))
    }).pipe(Effect.provide(services))
  )

  it.effect("fail with a typed error for a format without codec", () =>
    Effect.gen(function* () {
      const model = yield* compressedGpt2
      const directory = yield* temporaryDirectory
      const saving = yield* Effect.flip(save(model, directory, { codecs: { kronecker: kroneckerCodec } }))
      assert.strictEqual(saving._tag, "ModelFileError")
      assert.include(saving.message, '"low-rank"')
      assert.isFalse(yield* FileSystem.FileSystem.use((fileSystem) => fileSystem.exists(directory)))
      yield* save(model, directory, { codecs })
      const loading = yield* Effect.flip(load(directory, { kronecker: kroneckerCodec }))
      assert.strictEqual(loading._tag, "ModelConfigError")
      assert.include(loading.message, '"low-rank"')
    }).pipe(Effect.provide(services))
  )
})

describe("saveDense", () => {
  it.effect("writes an ordinary GPT-2 that computes the same", () =>
    Effect.gen(function* () {
      const model = yield* compressedGpt2
      const directory = yield* temporaryDirectory
      yield* saveDense(model, directory)
      const loaded = yield* load(directory)
      assert.isUndefined(loaded.config.tesserae)
      assert.strictEqual(Object.keys(parameters(loaded)).length, 28)
      assert.deepStrictEqual(parameters(loaded)["wte.weight"].shape, [11, 8])
      // The matrices are rounded to float32 when they are written.
      assertClose(yield* logitsOf(loaded), yield* logitsOf(model), 1e-5)
    }).pipe(Effect.provide(services))
  )
})

describe("load", () => {
  /** The error of loading a saved compressed model after some damage, which must leave nothing in memory. */
  const failureAfter = Effect.fnUntraced(function* <E, R>(
    damage: (directory: string) => Effect.Effect<void, E, R>
  ) {
    const controls = yield* MockControls
    const directory = yield* temporaryDirectory
    yield* Effect.scoped(Effect.flatMap(compressedGpt2, (model) => save(model, directory, { codecs })))
    yield* damage(directory)
    const error = yield* Effect.flip(load(directory, codecs))
    assert.strictEqual((yield* controls.live).buffers, 0)
    yield* controls.reset
    return error
  })

  it.effect("refuses descriptions that do not fit the model or the files", () =>
    Effect.gen(function* () {
      const fc = "h.0.mlp.c_fc"
      const cases: ReadonlyArray<readonly [string, (weights: Descriptions) => Descriptions]> = [
        ["ModelConfigError", (weights) => ({ ...weights, "h.7.mlp.c_fc": weights[fc] })],
        ["ModelConfigError", (weights) => ({ ...weights, [fc]: { ...weights[fc], left: [8, 4] } })],
        ["ModelConfigError", (weights) => ({ ...weights, [fc]: { ...weights[fc], terms: -1 } })],
        ["ModelConfigError", (weights) => ({ ...weights, wte: { format: "__proto__" } })],
        ["TensorMismatch", (weights) => ({ ...weights, [fc]: { ...weights[fc], terms: 3 } })],
        ["TensorMismatch", (weights) => ({ ...weights, [fc]: { ...weights[fc], permutedRows: false } })],
        ["TensorMismatch", (weights) => ({ ...weights, wte: { format: "dense" } })],
        ["TensorMismatch", (weights) => ({ ...weights, "h.1.mlp.c_fc": weights[fc] })]
      ]
      for (const [tag, change] of cases) {
        const error = yield* failureAfter((directory) => editWeights(directory, change))
        assert.strictEqual(error._tag, tag, error.message)
      }
    }).pipe(Effect.provide(services))
  )

  it.effect("refuses indices that are no permutation, and factors that are missing or of another type", () =>
    Effect.gen(function* () {
      const twice = yield* failureAfter((directory) =>
        editTensors(directory, (tensor) =>
          tensor.name === "h.1.mlp.c_proj.columns"
            ? [SafeTensors.fromArray(tensor.name, [8], Int32Array.of(0, 1, 2, 3, 3, 4, 5, 6))]
            : [tensor]
        )
      )
      assert.strictEqual(twice._tag, "ModelFileError")
      assert.include(twice.message, "h.1.mlp.c_proj.columns")
      assert.include(twice.message, "index 3 appears twice")
      const negative = yield* failureAfter((directory) =>
        editTensors(directory, (tensor) =>
          tensor.name === "h.1.mlp.c_proj.columns"
            ? [SafeTensors.fromArray(tensor.name, [8], Int32Array.of(0, 1, 2, 3, -1, 4, 5, 6))]
            : [tensor]
        )
      )
      assert.strictEqual(negative._tag, "ModelFileError")
      const missing = yield* failureAfter((directory) =>
        editTensors(directory, (tensor) => (tensor.name === "wte.right" ? [] : [tensor]))
      )
      assert.strictEqual(missing._tag, "TensorMismatch")
      assert.include(missing.message, "wte.right")
      const wrongType = yield* failureAfter((directory) =>
        editTensors(directory, (tensor) =>
          tensor.name === "h.0.mlp.c_fc.rows"
            ? [SafeTensors.fromArray(tensor.name, [8], new Float32Array(8))]
            : [tensor]
        )
      )
      assert.strictEqual(wrongType._tag, "TensorMismatch")
    }).pipe(Effect.provide(services))
  )

  it.effect("leaves nothing in memory when the backend fails half-way", () =>
    Effect.gen(function* () {
      const controls = yield* MockControls
      for (const kernel of [1, 5, 20]) {
        const error = yield* failureAfter(() => controls.failAt(kernel))
        assert.strictEqual(error._tag, "KernelError")
      }
      const error = yield* failureAfter(() => controls.limitBytes(4000))
      assert.strictEqual(error._tag, "OutOfMemory")
    }).pipe(Effect.provide(services))
  )
})
