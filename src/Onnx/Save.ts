import { Effect, FileSystem, Path } from "effect"
import { type Append, writeAtomically } from "../Model/AtomicFile.ts"
import { ModelFileError } from "../Model/Errors.ts"
import type { Gpt2 } from "../Model/Gpt2.ts"
import { float16FromFloat32 } from "../Model/HalfPrecision.ts"
import { type Backend, Tensor, type TensorError } from "../Tensor/index.ts"
import { type EncodedModel, encodeModel, numberBytes, operatorSetVersion } from "./Encoding.ts"
import { emitters as knownEmitters } from "./Emitters.ts"
import { EmitterMissing } from "./Errors.ts"
import type { Initializer, ParameterStorage } from "./Graph.ts"
import { gpt2Network } from "./Network.ts"
import type { WeightEmitter, WeightEmitters } from "./WeightEmitter.ts"

type FileServices = FileSystem.FileSystem | Path.Path

export interface SaveOptions {
  /** Emitters of further weight formats, or others than those that are known. */
  readonly emitters?: WeightEmitters | undefined
  /** How floating-point numbers are stored; default float32. Computed is in float32 either way. */
  readonly dtype?: ParameterStorage | undefined
  /**
   * Whether the numbers go to a file beside the model, `<path>.data` (`<path>.1.data` where an earlier export has that, which
   * goes afterwards), to which the model refers by name: the two belong together. Default: where they take more than 1.5 GB,
   * for a single file can hold no more than 2.
   */
  readonly externalData?: boolean | undefined
}

/** What `save` has written. */
export interface Written {
  readonly path: string
  /** The file beside it that holds the numbers, if there is one. */
  readonly dataPath: string | undefined
  /** Of both files. */
  readonly bytes: number
  readonly nodes: number
  /** The version of the operator set. */
  readonly opset: number
}

/** Bytes of numbers from which they go to a file of their own. */
const largestInside = 1.5e9

/** Bytes that a protocol-buffer message may have, less some for all that is not numbers. */
const largestMessage = 2 ** 31 - 2 ** 24

/** Numbers that are checked and converted between two writes. */
const chunkElements = 1 << 20

/**
 * Writes the model as an ONNX graph (operator set 17): "input_ids" int64 [batch, sequence] to "logits" float32 [batch,
 * sequence, vocabulary], for any batch and any sequence within the model's positions. Weights stay in their formats: factors
 * are initializers under the names that they have in a model directory, contracted by MatMul, Gather, Reshape and Transpose; a
 * tied head is one initializer. The model's configuration is its metadata "config", as JSON.
 *
 * The file appears complete or not at all, and until then an earlier export at `path` stays as it is, with its numbers.
 * Fails with `EmitterMissing` for a weight format that nobody has said how to write, and with `ModelFileError` where the disk
 * does, and for numbers that are not finite or too large for float16.
 *
 * @example
 *   const { bytes, nodes } = yield* Onnx.save(model, "out/gpt2.onnx", { dtype: "float16" })
 */
export const save = Effect.fn("Onnx.save")(function* (
  model: Gpt2,
  path: string,
  { emitters = {}, dtype = "float32", externalData }: SaveOptions = {}
): Effect.fn.Return<Written, EmitterMissing | ModelFileError | TensorError, FileServices | Backend> {
  yield* Effect.annotateCurrentSpan({ path })
  const { basename } = yield* Path.Path
  const emitterOf = yield* emittersFor(model, { ...knownEmitters, ...emitters })
  const network = gpt2Network(model, emitterOf, dtype)
  const size = numberBytes(network.graph.initializers)
  const outside = externalData ?? size > largestInside
  if (!outside && size > largestMessage) {
    const reason =
      `the model's numbers take ${(size / 1e9).toFixed(1)} GB and a single ONNX file holds at most 2; ` +
      `leave the option "externalData" out, or set it to true`
    return yield* new ModelFileError({ path, reason })
  }
  const dataPath = outside ? yield* unusedDataPath(path) : undefined
  const location = dataPath === undefined ? undefined : basename(dataPath)
  const encoded = encodeModel(network, { config: JSON.stringify(model.config) }, location)
  const written = {
    path,
    dataPath,
    bytes: encoded.modelBytes + encoded.dataBytes,
    nodes: network.graph.nodes.length,
    opset: operatorSetVersion
  }
  yield* dataPath === undefined ? writeModel(path, encoded) : writeBoth(path, dataPath, encoded)
  yield* removeOtherData(path, location)
  return written
})

/** The emitter of each weight, by name; fails for the first weight that has none. */
const emittersFor = Effect.fnUntraced(function* (
  model: Gpt2,
  known: WeightEmitters
): Effect.fn.Return<(name: string) => WeightEmitter, EmitterMissing> {
  const found = new Map<string, WeightEmitter>()
  for (const [name, { format }] of Object.entries(model.weights)) {
    if (!Object.hasOwn(known, format))
      return yield* new EmitterMissing({ weight: name, format, known: Object.keys(known) })
    found.set(name, known[format])
  }
  return (name) => found.get(name)!
})

const writeModel = (path: string, { prefix, tensors, suffix }: EncodedModel) =>
  writeAtomically(
    path,
    Effect.fnUntraced(function* (append) {
      yield* append(prefix)
      for (const { head, initializer, offset } of tensors) {
        yield* append(head)
        if (offset === undefined) yield* appendNumbers(path, initializer, append)
      }
      yield* append(suffix)
    })
  )

const writeData = (path: string, { tensors }: EncodedModel) =>
  writeAtomically(
    path,
    Effect.fnUntraced(function* (append) {
      let end = 0
      for (const { initializer, offset, bytes } of tensors) {
        if (offset === undefined) continue
        yield* append(new Uint8Array(offset - end))
        yield* appendNumbers(path, initializer, append)
        end = offset + bytes
      }
    })
  )

/**
 * The numbers under a name that no export uses, then the model that refers to them: the model's rename is what makes the new
 * export the one at `path`, and where it is not reached the numbers go again.
 */
const writeBoth = (path: string, dataPath: string, encoded: EncodedModel) =>
  // The model itself is small here; cut off after its rename, it would lose its numbers.
  Effect.uninterruptibleMask((restore) =>
    restore(writeData(dataPath, encoded)).pipe(
      Effect.andThen(writeModel(path, encoded)),
      Effect.onError(() =>
        FileSystem.FileSystem.use((fileSystem) => Effect.ignore(fileSystem.remove(dataPath, { force: true })))
      )
    )
  )

/** `<path>.data`, or where an earlier export's is there, `<path>.1.data`, ... */
const unusedDataPath = Effect.fnUntraced(function* (path: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const isTaken = (name: string) => Effect.orElseSucceed(fileSystem.exists(name), () => false)
  let candidate = `${path}.data`
  for (let count = 1; yield* isTaken(candidate); count++) candidate = `${path}.${count}.data`
  return candidate
})

/** Removes the numbers of earlier exports to this path, which nothing refers to any more. */
const removeOtherData = Effect.fnUntraced(
  function* (path: string, current: string | undefined) {
    const fileSystem = yield* FileSystem.FileSystem
    const { basename, dirname, join, resolve } = yield* Path.Path
    const directory = dirname(resolve(path))
    const name = basename(path)
    const isData = (entry: string) =>
      entry.startsWith(`${name}.`) && /^(\d+\.)?data$/.test(entry.slice(name.length + 1))
    const entries = yield* fileSystem.readDirectory(directory)
    for (const entry of entries)
      if (entry !== current && isData(entry))
        yield* fileSystem.remove(join(directory, entry), { force: true })
  },
  (removal) => Effect.ignore(removal)
)

const appendNumbers = Effect.fnUntraced(function* (
  path: string,
  { name, type, numbers }: Initializer,
  append: Append
): Effect.fn.Return<void, ModelFileError | TensorError, Backend> {
  if (ArrayBuffer.isView(numbers)) return yield* append(bytesOf(numbers))
  const values = yield* Tensor.toArray(numbers)
  for (let start = 0; start < values.length; start += chunkElements) {
    const part = values.subarray(start, start + chunkElements)
    const floats = part instanceof Float32Array ? part : new Float32Array(part)
    const problem = problemOf(floats, type)
    if (problem !== undefined) return yield* new ModelFileError({ path, tensor: name, reason: problem })
    yield* append(bytesOf(type === "float16" ? float16FromFloat32(floats) : floats))
  }
})

/** Where rounding to float16 gives infinity. */
const float16Overflow = 65520

const problemOf = (values: Float32Array, type: Initializer["type"]): string | undefined => {
  for (const value of values) {
    if (!Number.isFinite(value)) return `holds ${value}, and a model with that computes nothing of use`
    if (type === "float16" && Math.abs(value) >= float16Overflow)
      return `its value ${value} is too large for float16; export as float32`
  }
  return undefined
}

// Little-endian, like the machine: see SafeTensors.
const bytesOf = (data: ArrayBufferView): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
