import { Effect, type FileSystem, type Path, type Scope } from "effect"
import { type Append, writeAtomically } from "./AtomicFile.ts"
import { ModelFileError } from "./Errors.ts"
import {
  bfloat16FromFloat32,
  float16FromFloat32,
  float32FromBFloat16,
  float32FromFloat16
} from "./HalfPrecision.ts"
import { openRegularFile, readTextAt, type RegularFile } from "./RegularFile.ts"
import {
  describeLayout,
  encodeHeader,
  maximumHeaderBytes,
  parseHeader,
  type TensorLayout,
  type TensorSpan
} from "./SafeTensorsHeader.ts"
import {
  arrayTypeOf,
  dtypeOfArray,
  elementCount,
  type FloatingDType,
  isFloating,
  type StoredDType,
  type TensorData
} from "./StoredDType.ts"

/** Elements that are converted, or checked, between two steps of a read or write. */
const chunkElements = 1 << 20

/**
 * A named array, its elements read only when asked for: from the file it lies in, or from wherever its maker
 * says. `read` yields `product(shape)` elements in row-major order; float16 and bfloat16 are `Float32Array`,
 * bool is 0 and 1 in a `Uint8Array`.
 */
export interface NamedTensor<E = never, R = never> extends TensorLayout {
  readonly read: Effect.Effect<TensorData, E, R>
}

/** A safetensors file that is open until its scope ends. */
export interface SafeTensorsFile {
  readonly path: string
  readonly metadata: ReadonlyMap<string, string>
  /**
   * The tensors in the order of their data, by name. Reading one from the disk takes memory for that one
   * only.
   */
  readonly tensors: ReadonlyMap<string, NamedTensor<ModelFileError>>
  /** The elements of one tensor; fails with `ModelFileError` where there is none of that name. */
  readonly read: (name: string) => Effect.Effect<TensorData, ModelFileError>
  /** The elements of a float32, float16 or bfloat16 tensor; fails with `ModelFileError` for other types. */
  readonly readFloat32: (name: string) => Effect.Effect<Float32Array, ModelFileError>
}

/**
 * Opens a safetensors file: reads its header, checks it whole, and leaves the data on the disk until it is
 * asked for. Fails with `ModelFileError` for everything that is not a sound file; holds the file open until
 * the scope ends.
 *
 * @example
 * const file = yield* SafeTensors.open("gpt2/model.safetensors")
 * const embedding = yield* file.readFloat32("wte.weight") // Float32Array of 50257 * 768
 */
export const open = Effect.fn("SafeTensors.open")(function* (
  path: string
): Effect.fn.Return<SafeTensorsFile, ModelFileError, FileSystem.FileSystem | Scope.Scope> {
  const file = yield* openRegularFile(path)
  const prefix = new Uint8Array(8)
  if (file.size < 8) {
    return yield* new ModelFileError({
      path,
      reason: `has ${file.size} bytes; a safetensors file has at least 10`
    })
  }
  yield* file.readInto(prefix, 0)
  const headerBytes = Number(new DataView(prefix.buffer).getBigUint64(0, true))
  if (headerBytes > maximumHeaderBytes || headerBytes > file.size - 8) {
    const reason =
      `says that its header has ${headerBytes} bytes, but the file has ${file.size} and a header at most ` +
      `${maximumHeaderBytes}; it was cut short, or is not a safetensors file`
    return yield* new ModelFileError({ path, reason })
  }
  const dataStart = 8 + headerBytes
  const header = yield* readTextAt(file, 8, headerBytes)
  const { metadata, spans } = yield* parseHeader(path, header, file.size - dataStart)

  const tensors = new Map(
    spans.map((span) => {
      const { name, dtype, shape } = span
      return [name, { name, dtype, shape, read: readSpan(file, span, dataStart) }]
    })
  )
  return { path, metadata, tensors, ...readersOf(path, tensors) }
})

/** Reading by name from a collection of tensors; `path` is what an error for an unknown name blames. */
export const readersOf = (
  path: string,
  tensors: ReadonlyMap<string, NamedTensor<ModelFileError>>
): Pick<SafeTensorsFile, "read" | "readFloat32"> => {
  const find = (name: string): Effect.Effect<NamedTensor<ModelFileError>, ModelFileError> => {
    const tensor = tensors.get(name)
    if (tensor !== undefined) return Effect.succeed(tensor)
    return new ModelFileError({
      path,
      tensor: name,
      reason: `there is no such tensor among the ${tensors.size} here`
    })
  }
  const read = (name: string) => Effect.flatMap(find(name), (tensor) => tensor.read)
  const readFloat32 = Effect.fnUntraced(function* (name: string) {
    const tensor = yield* find(name)
    const data = isFloating(tensor.dtype) ? yield* tensor.read : undefined
    if (data instanceof Float32Array) return data
    const reason = `is ${tensor.dtype}, where float32, float16 or bfloat16 is needed`
    return yield* new ModelFileError({ path, tensor: name, reason })
  })
  return { read, readFloat32 }
}

const readSpan = Effect.fnUntraced(function* (
  file: RegularFile,
  span: TensorSpan,
  dataStart: number
): Effect.fn.Return<TensorData, ModelFileError> {
  const { name, dtype, begin, end } = span
  const { path } = file
  const fill = (target: TensorData | Uint16Array, offset: number) =>
    Effect.mapError(
      file.readInto(bytesOf(target), dataStart + begin + offset),
      ({ reason, cause }) => new ModelFileError({ path, tensor: name, reason, cause })
    )
  const length = elementCount(span.shape) ?? 0
  const data = yield* Effect.try({
    try: (): TensorData => new (arrayTypeOf(dtype))(length),
    catch: (cause) =>
      new ModelFileError({
        path,
        tensor: name,
        reason: `its ${end - begin} bytes do not fit in memory`,
        cause
      })
  })
  if (data instanceof Float32Array && (dtype === "float16" || dtype === "bfloat16")) {
    const widen = dtype === "float16" ? float32FromFloat16 : float32FromBFloat16
    const buffer = new Uint16Array(Math.min(length, chunkElements))
    for (let done = 0; done < length; done += chunkElements) {
      const halves = buffer.subarray(0, length - done)
      yield* fill(halves, 2 * done)
      widen(halves, data.subarray(done, done + halves.length))
    }
    return data
  }
  yield* fill(data, 0)
  if (data instanceof Uint8Array && dtype === "bool") yield* checkBooleans(path, name, data)
  return data
})

// Typed arrays have the machine's byte order and the file is little-endian: like WebAssembly's memory, which
// the kernels share with JavaScript, this takes a little-endian machine for granted.
const bytesOf = (data: ArrayBufferView): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

const checkBooleans = Effect.fnUntraced(function* (path: string, tensor: string, data: Uint8Array) {
  for (let done = 0; done < data.length; done += chunkElements) {
    const wrong = data.subarray(done, done + chunkElements).find((byte) => byte > 1)
    if (wrong !== undefined) {
      const reason = `is bool but holds the byte ${wrong}; only 0 and 1 are allowed`
      return yield* new ModelFileError({ path, tensor, reason })
    }
    yield* Effect.yieldNow
  }
})

/**
 * A tensor whose elements are already in memory; stored in its array's own type unless `dtype` says
 * otherwise.
 */
export const fromArray = (
  name: string,
  shape: TensorLayout["shape"],
  data: TensorData,
  dtype: StoredDType = dtypeOfArray(data)
): NamedTensor => ({ name, dtype, shape, read: Effect.succeed(data) })

export interface WriteOptions {
  /** Strings to keep in the header. transformers wants `{ format: "pt" }`. */
  readonly metadata?: Readonly<Record<string, string>> | undefined
  /** Store every float32, float16 and bfloat16 tensor in this type; other types keep theirs. */
  readonly dtype?: FloatingDType | undefined
}

/**
 * Writes a safetensors file, one tensor at a time: each is read when its turn comes and may be freed after.
 * Values are rounded to the nearest of the type they are stored in, ties to even. The file appears at `path`
 * complete or not at all, and a file that was there stays until then. Fails with `ModelFileError` where the
 * disk does, where a tensor's data does not match its dtype and shape, and for finite values beyond the
 * stored type (65504 for float16); and as the tensors' own `read` does.
 *
 * @example
 * yield* SafeTensors.write("half.safetensors", [...file.tensors.values()], { dtype: "float16" })
 */
export const write = Effect.fn("SafeTensors.write")(function* <E = never, R = never>(
  path: string,
  tensors: ReadonlyArray<NamedTensor<E, R>>,
  options: WriteOptions = {}
): Effect.fn.Return<void, ModelFileError | E, FileSystem.FileSystem | Path.Path | R> {
  const stored = tensors.map((tensor) =>
    options.dtype !== undefined && isFloating(tensor.dtype) ? { ...tensor, dtype: options.dtype } : tensor
  )
  const header = yield* encodeHeader(path, stored, options.metadata ?? {})
  const byName = new Map(stored.map((tensor) => [tensor.name, tensor]))
  yield* writeAtomically(
    path,
    Effect.fnUntraced(function* (append) {
      yield* append(header.bytes)
      for (const span of header.spans) {
        const data = yield* byName.get(span.name)!.read
        yield* appendTensor(path, span, data, append)
      }
    })
  )
})

const appendTensor = Effect.fnUntraced(function* (
  path: string,
  { name, dtype, shape }: TensorLayout,
  data: TensorData,
  append: Append
): Effect.fn.Return<void, ModelFileError> {
  const fail = (reason: string) => new ModelFileError({ path, tensor: name, reason })
  const arrayType = arrayTypeOf(dtype)
  const length = elementCount(shape)
  if (!(data instanceof arrayType) || data.length !== length) {
    return yield* fail(
      `${describeLayout({ dtype, shape })} is written from a ${arrayType.name} of ${length} elements, ` +
        `but its data is a ${data.constructor.name} of ${data.length}`
    )
  }
  if (data instanceof Float32Array && (dtype === "float16" || dtype === "bfloat16")) {
    const narrow = dtype === "float16" ? float16FromFloat32 : bfloat16FromFloat32
    const infinity = dtype === "float16" ? 0x7c00 : 0x7f80
    const buffer = new Uint16Array(Math.min(length, chunkElements))
    for (let done = 0; done < length; done += chunkElements) {
      const values = data.subarray(done, done + chunkElements)
      const halves = narrow(values, buffer.subarray(0, values.length))
      const lost = firstOverflow(values, halves, infinity)
      if (lost !== undefined) {
        return yield* fail(`its value ${lost} is too large for ${dtype}; store it as float32`)
      }
      yield* append(bytesOf(halves))
    }
    return
  }
  if (data instanceof Uint8Array && dtype === "bool") yield* checkBooleans(path, name, data)
  yield* append(bytesOf(data))
})

/** The first finite value whose rounded bits are those of infinity. */
const firstOverflow = (values: Float32Array, halves: Uint16Array, infinity: number): number | undefined => {
  for (let i = 0; i < halves.length; i++) {
    if ((halves[i] & 0x7fff) === infinity && Number.isFinite(values[i])) return values[i]
  }
  return undefined
}
