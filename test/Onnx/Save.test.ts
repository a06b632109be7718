import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Path } from "effect"
import { type KroneckerShape, multiplications, transposedShape } from "../../src/Kronecker/Contraction.ts"
import { Mock } from "../../src/Layers/Mock.ts"
import { forward } from "../../src/Model/Forward.ts"
import { type Gpt2, parameters, storedBytes } from "../../src/Model/Gpt2.ts"
import { EmitterMissing, emitters, save } from "../../src/Onnx/index.ts"
import { compute, Tensor } from "../../src/Tensor/index.ts"
import { dense, sumWeight } from "../../src/Weight/index.ts"
import { layerFailing } from "../Model/FailingFileSystem.ts"
import { decodeModel, type DecodedTensor, encodeAgain, hasUnknownFields } from "./OnnxMessages.ts"
import { logitsOf, onnxRuntime, openSession } from "./OnnxRuntime.ts"
import {
  denseModel,
  denseOf,
  kroneckerOf,
  lowRankOf,
  modelWith,
  type Permuted,
  tensorTrainOf
} from "./TinyModels.ts"

const services = Layer.merge(NodeServices.layer, Mock.layer())

const temporaryPath = Effect.gen(function* () {
  const { join } = yield* Path.Path
  const directory = yield* FileSystem.FileSystem.use((fileSystem) => fileSystem.makeTempDirectoryScoped())
  return join(directory, "model.onnx")
})

const filesBeside = Effect.fnUntraced(function* (path: string) {
  const { dirname } = yield* Path.Path
  const names = yield* FileSystem.FileSystem.use((fileSystem) => fileSystem.readDirectory(dirname(path)))
  return names.toSorted()
})

const readBytes = (path: string) => FileSystem.FileSystem.use((fileSystem) => fileSystem.readFile(path))

const kroneckers: Readonly<Record<string, ReadonlyArray<KroneckerShape>>> = {
  wte: [
    { terms: 1, left: [12, 4], right: [1, 2] },
    { terms: 2, left: [4, 2], right: [3, 4] },
    { terms: 1, left: [1, 2], right: [12, 4] }
  ],
  "h.0.attn.c_attn": [
    { terms: 1, left: [8, 1], right: [1, 24] },
    { terms: 2, left: [4, 12], right: [2, 2] },
    { terms: 1, left: [2, 2], right: [4, 12] }
  ],
  "h.0.attn.c_proj": [
    { terms: 2, left: [4, 2], right: [2, 4] },
    { terms: 1, left: [2, 4], right: [4, 2] },
    { terms: 3, left: [1, 4], right: [8, 2] }
  ],
  "h.0.mlp.c_fc": [
    { terms: 2, left: [4, 8], right: [2, 4] },
    { terms: 2, left: [2, 4], right: [4, 8] },
    { terms: 1, left: [8, 2], right: [1, 16] }
  ],
  "h.0.mlp.c_proj": [
    { terms: 2, left: [8, 4], right: [4, 2] },
    { terms: 2, left: [4, 2], right: [8, 4] },
    { terms: 1, left: [16, 1], right: [2, 8] }
  ]
}

const kroneckerModel = (which: number, permuted: Permuted) =>
  modelWith(
    Object.fromEntries(
      Object.entries(kroneckers).map(([name, shapes]) => [name, kroneckerOf(name, shapes[which], permuted)])
    )
  )

const lowRankModel = modelWith({
  wte: lowRankOf("wte", [12, 8], 3),
  "h.0.attn.c_attn": lowRankOf("c_attn", [8, 24], 2),
  "h.0.mlp.c_proj": lowRankOf("c_proj", [32, 8], 5)
})

/** Kronecker MLP with both permutations, embedding of low rank, a head of its own. */
const mixedModel = modelWith({
  wte: lowRankOf("wte", [12, 8], 3),
  lm_head: kroneckerOf("head", kroneckers.wte[1], { rows: true, columns: true }),
  "h.0.mlp.c_fc": kroneckerOf("c_fc", kroneckers["h.0.mlp.c_fc"][0], { rows: true, columns: true })
})

const sumOf = (name: string, size: readonly [number, number], which: number) =>
  Effect.gen(function* () {
    const products = yield* kroneckerOf(name, kroneckers[name][which], { rows: true, columns: true })
    return sumWeight([products, yield* lowRankOf(`${name} rest`, size, 2)])
  })

const sumModel = modelWith({
  wte: sumOf("wte", [12, 8], 1),
  "h.0.mlp.c_fc": sumOf("h.0.mlp.c_fc", [8, 32], 0)
})

/** Trains of one to three cores, such as are contracted from the first and from the last, with an embedding and its tied head among them. */
const tensorTrainModel = modelWith({
  wte: tensorTrainOf("wte", [2, 3, 2], [2, 1, 4], [3, 2]),
  "h.0.attn.c_attn": tensorTrainOf("c_attn", [8], [24], []),
  "h.0.attn.c_proj": tensorTrainOf("c_proj", [2, 4], [1, 8], [2]),
  "h.0.mlp.c_fc": tensorTrainOf("c_fc", [4, 2], [8, 4], [3]),
  "h.0.mlp.c_proj": tensorTrainOf("mlp", [2, 4, 4], [4, 1, 2], [2, 3])
})

const untiedModel = modelWith({ lm_head: denseOf("head", [12, 8]) })

/** Differences between the session's logits and the library's, for several batches and lengths. */
const assertSameLogits = Effect.fnUntraced(function* (
  runtime: NonNullable<typeof onnxRuntime>,
  path: string,
  model: Gpt2,
  absolute = 1e-4,
  relative = 1e-5
) {
  const session = yield* openSession(runtime, path)
  for (const shape of [
    [1, 6],
    [3, 2],
    [2, 1]
  ] as const) {
    const tokens = Int32Array.from({ length: shape[0] * shape[1] }, (_, i) => (7 * i + 3) % 12)
    const ids = yield* Tensor.fromArray(tokens, shape)
    const expected = yield* Tensor.toArray(yield* compute((t) => forward(t, model, ids).logits))
    const { values, shape: found } = yield* logitsOf(runtime, session, tokens, shape)
    assert.deepStrictEqual([...found], [...shape, 12])
    expected.forEach((value, i) =>
      assert.isAtMost(
        Math.abs(values[i] - value),
        absolute + relative * Math.abs(value),
        `logit ${i} of [${shape}]`
      )
    )
  }
}, Effect.scoped)

const found = onnxRuntime === undefined ? "skipped: onnxruntime-node is not installed" : "in onnxruntime"

describe.skipIf(onnxRuntime === undefined)(`an exported model (${found})`, () => {
  const runtime = onnxRuntime!

  const models = {
    "plain matrices": denseModel,
    "matrices of low rank": lowRankModel,
    "a head of its own": untiedModel,
    "several formats": mixedModel,
    "sums of two formats": sumModel,
    "tensor trains": tensorTrainModel
  }
  for (const [name, make] of Object.entries(models))
    it.effect(`has our logits: ${name}`, () =>
      Effect.gen(function* () {
        const model = yield* make
        const path = yield* temporaryPath
        yield* save(model, path)
        yield* assertSameLogits(runtime, path, model)
      }).pipe(Effect.provide(services))
    )

  for (const which of [0, 1, 2])
    it.effect(`has our logits: Kronecker sums with and without permutations (${which + 1} of 3)`, () =>
      Effect.gen(function* () {
        const path = yield* temporaryPath
        for (const rows of [false, true])
          for (const columns of [false, true]) {
            const model = yield* kroneckerModel(which, { rows, columns })
            yield* save(model, path)
            yield* assertSameLogits(runtime, path, model)
          }
      }).pipe(Effect.provide(services))
    )

  it.effect("has nearly our logits from float16 numbers, in about half the bytes", () =>
    Effect.gen(function* () {
      const model = yield* mixedModel
      const path = yield* temporaryPath
      const full = yield* save(model, path)
      const half = yield* save(model, path, { dtype: "float16" })
      const saved = storedBytes(model) - storedBytes(model, "float16")
      assert.isBelow(half.bytes, full.bytes)
      assert.isAbove(saved, 0)
      const { graph } = decodeModel(yield* readBytes(path))
      const halves = graph.initializer.filter(({ dataType }) => dataType === 10)
      assert.strictEqual(
        halves.reduce((bytes, { rawData }) => bytes + rawData.length, 0),
        saved
      )
      yield* assertSameLogits(runtime, path, model, 0.02, 0.01)
    }).pipe(Effect.provide(services))
  )

  it.effect("has our logits with its numbers in a file beside it", () =>
    Effect.gen(function* () {
      const model = yield* mixedModel
      const path = yield* temporaryPath
      yield* save(model, path, { externalData: true })
      yield* assertSameLogits(runtime, path, model)
    }).pipe(Effect.provide(services))
  )

  it.effect("refuses more tokens than the model has positions", () =>
    Effect.gen(function* () {
      const path = yield* temporaryPath
      yield* save(yield* denseModel, path)
      const session = yield* openSession(runtime, path)
      const exit = yield* Effect.exit(logitsOf(runtime, session, new Int32Array(7), [1, 7]))
      assert.strictEqual(exit._tag, "Failure")
    }).pipe(Effect.provide(services))
  )
})

describe("save", () => {
  it("is tested with either factor the larger one, contracted first and second, both ways round", () => {
    const met = new Set<string>()
    for (const [name, shapes] of Object.entries(kroneckers))
      for (const shape of shapes)
        for (const transposed of name === "wte" ? [true] : [false]) {
          const { left, right, terms } = transposed ? transposedShape(shape) : shape
          const first = (["left-first", "right-first"] as const).map((order) =>
            multiplications({ left, right, terms }, order, 1)
          )
          met.add(`${transposed} ${left[0] * left[1] >= right[0] * right[1]} ${first[0] <= first[1]}`)
        }
    assert.strictEqual([...met].filter((way) => way.startsWith("false")).length, 4, [...met].join("; "))
    assert.isAtLeast(met.size, 6, [...met].join("; "))
  })

  it.effect("writes messages that decode and encode to the same bytes", () =>
    Effect.gen(function* () {
      const path = yield* temporaryPath
      for (const make of [denseModel, lowRankModel, mixedModel]) {
        const model = yield* make
        const written = yield* save(model, path)
        const bytes = yield* readBytes(path)
        const decoded = decodeModel(bytes)
        assert.isFalse(hasUnknownFields(decoded))
        assert.isTrue(Buffer.from(bytes).equals(encodeAgain(decoded)))
        const { graph } = decoded
        assert.deepStrictEqual(
          [written.bytes, written.nodes, written.opset, written.dataPath],
          [bytes.length, graph.node.length, 17, undefined]
        )
        assert.deepStrictEqual(
          decoded.opsetImport.map(({ domain, version }) => [domain, version]),
          [["", 17n]]
        )
        assert.deepStrictEqual(JSON.parse(decoded.metadataProps[0].value), model.config)
        const portOf = ([{ name, type }]: typeof graph.input) => [
          name,
          type.tensorType.elemType,
          ...type.tensorType.shape.dim.map(({ dimParam, dimValue }) => dimParam || dimValue)
        ]
        assert.deepStrictEqual(portOf(graph.input), ["input_ids", 7, "batch", "sequence"])
        assert.deepStrictEqual(portOf(graph.output), ["logits", 1, "batch", "sequence", 12n])
        // Single assignment: every value is made once, before it is used.
        const made = new Set(["input_ids", ...graph.initializer.map(({ name }) => name)])
        for (const { input, output } of graph.node) {
          for (const value of input) assert.isTrue(made.has(value), value)
          for (const value of output) {
            assert.isFalse(made.has(value), value)
            made.add(value)
          }
        }
      }
    }).pipe(Effect.provide(services))
  )

  it.effect("keeps each tensor of the model once, factors as factors, under its name", () =>
    Effect.gen(function* () {
      const path = yield* temporaryPath
      for (const make of [denseModel, kroneckerModel(0, { rows: true, columns: true }), mixedModel]) {
        const model = yield* make
        yield* save(model, path)
        const { initializer } = decodeModel(yield* readBytes(path)).graph
        const stored = new Map(initializer.map((tensor) => [tensor.name, tensor]))
        assert.strictEqual(stored.size, initializer.length)
        for (const [name, tensor] of Object.entries(parameters(model))) {
          assert.deepStrictEqual(stored.get(name)?.dims.map(Number), [...tensor.shape], name)
          const numbers = Float32Array.from(yield* Tensor.toArray(tensor))
          assert.deepStrictEqual(floatsOf(stored.get(name)!), numbers, name)
          stored.delete(name)
        }
        // What is left are index buffers and constants, no float among them but scalars.
        for (const { dataType, dims } of stored.values()) assert.isTrue(dataType !== 1 || dims.length === 0)
      }
    }).pipe(Effect.provide(services))
  )

  it.effect("puts the numbers of an export into one file beside it, and no earlier export's stay", () =>
    Effect.gen(function* () {
      const { basename } = yield* Path.Path
      const path = yield* temporaryPath
      const model = yield* mixedModel
      for (const name of ["model.onnx.data", "model.onnx.1.data", "model.onnx.data"]) {
        const { bytes, dataPath } = yield* save(model, path, { externalData: true })
        assert.strictEqual(basename(dataPath!), name)
        assert.deepStrictEqual(yield* filesBeside(path), ["model.onnx", name].toSorted())
        const file = yield* readBytes(dataPath!)
        const message = yield* readBytes(path)
        assert.strictEqual(bytes, file.length + message.length)
        const outside = decodeModel(message).graph.initializer.filter(
          ({ externalData }) => externalData.length > 0
        )
        assert.isAbove(outside.length, 0)
        for (const { name: tensor, externalData } of outside) {
          const { location, offset, length } = Object.fromEntries(
            externalData.map(({ key, value }) => [key, value])
          )
          assert.strictEqual(location, name)
          assert.strictEqual(Number(offset) % 4096, 0)
          const expected = Float32Array.from(yield* Tensor.toArray(parameters(model)[tensor]))
          const span = file.slice(Number(offset), Number(offset) + Number(length))
          assert.deepStrictEqual(new Float32Array(Uint8Array.from(span).buffer), expected)
        }
      }
      yield* save(model, path)
      assert.deepStrictEqual(yield* filesBeside(path), ["model.onnx"])
    }).pipe(Effect.provide(services))
  )

  it.effect("leaves an earlier export as it was when the disk gives up", () =>
    Effect.gen(function* () {
      const path = yield* temporaryPath
      const [earlier, model] = [yield* denseModel, yield* mixedModel]
      for (const externalData of [false, true]) {
        const { dataPath } = yield* save(earlier, path, { externalData })
        const files = yield* filesBeside(path)
        const kept = [yield* readBytes(path), dataPath === undefined ? undefined : yield* readBytes(dataPath)]
        const faults = [
          { capacity: 500 },
          { capacity: 6000 },
          { failingRename: 0 },
          ...(externalData ? [{ failingRename: 1 }] : []),
          { sync: "fails" }
        ] as const
        for (const fault of faults) {
          const error = yield* Effect.flip(
            save(model, path, { externalData }).pipe(
              Effect.provide(Layer.provide(layerFailing(fault), NodeServices.layer))
            )
          )
          assert.strictEqual(error._tag, "ModelFileError", JSON.stringify(fault))
          assert.deepStrictEqual(yield* filesBeside(path), files)
          assert.deepStrictEqual(yield* readBytes(path), kept[0])
          if (dataPath !== undefined) assert.deepStrictEqual(yield* readBytes(dataPath), kept[1])
        }
      }
    }).pipe(Effect.provide(services))
  )

  it.effect("names the weight and the format that it has no emitter for, and takes one that is given", () =>
    Effect.gen(function* () {
      const path = yield* temporaryPath
      const model = yield* denseModel
      const strange = { ...model.weights["h.0.mlp.c_fc"], format: "quantised" }
      const changed = { ...model, weights: { ...model.weights, "h.0.mlp.c_fc": strange } }
      const error = yield* Effect.flip(save(changed, path))
      assert.instanceOf(error, EmitterMissing)
      for (const part of ['"h.0.mlp.c_fc"', '"quantised"', "dense, low-rank, kronecker", "emitters"])
        assert.include(error.message, part)
      assert.deepStrictEqual(yield* filesBeside(path), [])
      yield* save(changed, path, { emitters: { quantised: emitters.dense } })
      const given = yield* readBytes(path)
      yield* save(model, path)
      assert.deepStrictEqual(yield* readBytes(path), given)
    }).pipe(Effect.provide(services))
  )

  it.effect("refuses numbers that are not finite, or too large for float16", () =>
    Effect.gen(function* () {
      const path = yield* temporaryPath
      const model = yield* denseModel
      const filled = Effect.fnUntraced(function* (value: number) {
        const values = new Float32Array(12 * 8)
        values[5] = value
        const wte = dense(yield* Tensor.fromArray(values, [12, 8]))
        return { ...model, weights: { ...model.weights, wte } }
      })
      for (const [value, dtype] of [
        [Number.NaN, "float32"],
        [Number.POSITIVE_INFINITY, "float32"],
        [65520, "float16"]
      ] as const) {
        const error = yield* Effect.flip(save(yield* filled(value), path, { dtype }))
        assert.strictEqual(error._tag, "ModelFileError")
        assert.include(error.message, "wte.weight")
        assert.include(error.message, String(value))
      }
      assert.deepStrictEqual(yield* filesBeside(path), [])
      yield* save(yield* filled(65519), path, { dtype: "float16" })
    }).pipe(Effect.provide(services))
  )
})

const floatsOf = ({ rawData }: DecodedTensor) => new Float32Array(Uint8Array.from(rawData).buffer)
