import { isTensorError, KernelError, OutOfMemory, type ShapeError } from "../../Tensor/Errors.ts"
import {
  arrayFor,
  type Buffer,
  bytesPerElement,
  type Shape,
  sizeOf,
  stridesOf,
  type Tensor,
  type TypedArray
} from "../../Tensor/Tensor.ts"
import { offsetsOf } from "../reference/HostArray.ts"
import type { Attributes, Engine, TensorInfo } from "./Engine.ts"

/** The least and the greatest element, as far as the host knows without asking; `exact` where both occur. */
export interface Bounds {
  readonly least: number
  readonly greatest: number
  readonly exact: boolean
}

/**
 * tfjs gives a row to one workgroup: few long rows would leave most of a GPU without work, so they are reduced in parts, and then the parts. (A sum
 * of 2^24 numbers took 12 ms on an H200.)
 */
const longestRow = 1 << 14
const mostParts = 1 << 10

/** Into how many parts of equal length a long row can be cut; 1 where it has no divisor. */
const partsOf = (columns: number): number => {
  let parts = mostParts
  while (columns % parts !== 0) parts--
  return parts
}

/** Data on the device that a tensor owns. */
export class DeviceBuffer {
  readonly info: TensorInfo
  readonly bytes: number
  /** Of int32 elements, where known: indices are checked against them, since the device does not say what it read. */
  readonly bounds: Bounds | undefined
  released = false

  constructor(info: TensorInfo, bounds: Bounds | undefined) {
    this.info = info
    this.bytes = bytesPerElement(info.dtype === "float32" ? "float32" : "int32") * sizeOf(info.shape)
    this.bounds = bounds
  }
}

/** A check that only the device could make: true (1) where it failed. */
interface PendingCheck {
  readonly failed: TensorInfo
  readonly error: ShapeError
}

/** An engine with the bookkeeping that its kernels share: which buffers are live, and which checks are still to be read. */
export class Device {
  readonly engine: Engine
  #buffers = 0
  #bytes = 0
  #pending: Array<PendingCheck> = []

  constructor(engine: Engine) {
    this.engine = engine
  }

  get live(): { readonly buffers: number; readonly bytes: number } {
    return { buffers: this.#buffers, bytes: this.#bytes }
  }

  /** Throws `OutOfMemory` where a buffer of this shape has no room. */
  requireRoom(shape: Shape): void {
    const bytes = 4 * sizeOf(shape)
    const { name, largestBufferBytes, limitBytes } = this.engine
    if (bytes > largestBufferBytes || this.#bytes + bytes > limitBytes)
      throw new OutOfMemory({
        backend: name,
        requestedBytes: bytes,
        liveBytes: this.#bytes,
        limitBytes: Math.min(largestBufferBytes, limitBytes)
      })
  }

  /** Throws what the device has complained of. */
  requireWell(kernel: string): void {
    const failure = this.engine.takeFailure()
    if (failure === undefined) return
    if (failure.kind === "out-of-memory")
      throw new OutOfMemory({
        backend: this.engine.name,
        requestedBytes: 0,
        liveBytes: this.#bytes,
        limitBytes: this.#bytes
      })
    throw new KernelError({ backend: this.engine.name, kernel, reason: failure.reason })
  }

  own(info: TensorInfo, bounds?: Bounds): DeviceBuffer {
    const buffer = new DeviceBuffer(info, bounds)
    this.#buffers++
    this.#bytes += buffer.bytes
    return buffer
  }

  bufferOf(buffer: Buffer): DeviceBuffer {
    if (!(buffer instanceof DeviceBuffer)) throw new Error(`${this.engine.name}: a buffer of another backend`)
    if (buffer.released) throw new Error(`${this.engine.name}: a buffer was used after its release`)
    return buffer
  }

  release(buffer: Buffer): void {
    const own = this.bufferOf(buffer)
    own.released = true
    this.#buffers--
    this.#bytes -= own.bytes
    this.engine.dispose(own.info)
  }

  /** Puts off a check to the next read; `failed` is a scalar that the device now owns. */
  defer(failed: TensorInfo, error: ShapeError): void {
    this.#pending.push({ failed, error })
  }

  /** Reads the checks that were put off; rejects with the first that failed. */
  async settle(): Promise<void> {
    const pending = this.#pending
    this.#pending = []
    let first: ShapeError | undefined
    for (const { failed, error } of pending) {
      const [value] = await this.engine.read(failed).finally(() => this.engine.dispose(failed))
      if (value !== 0) first ??= error
    }
    if (first !== undefined) throw first
  }

  /** The buffer of a result of this shape that `body` works out; of no elements, without it. */
  result(
    kernel: string,
    shape: Shape,
    dtype: "float32" | "int32",
    body: (pass: Pass) => TensorInfo,
    bounds?: Bounds
  ): DeviceBuffer {
    this.requireRoom(shape)
    const info =
      sizeOf(shape) === 0 ? this.engine.upload(arrayFor(dtype, 0), shape, dtype) : this.pass(kernel, body)
    return this.own(info, bounds)
  }

  /** One kernel of ours: `body` may make what it likes; all but what it returns is freed. */
  pass(kernel: string, body: (pass: Pass) => TensorInfo): TensorInfo {
    return this.passes(kernel, (pass) => [body(pass)])[0]
  }

  passes(kernel: string, body: (pass: Pass) => ReadonlyArray<TensorInfo>): ReadonlyArray<TensorInfo> {
    this.requireWell(kernel)
    const pass = new Pass(this)
    try {
      return pass.end(body(pass))
    } catch (cause) {
      pass.end([])
      if (isTensorError(cause)) throw cause
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new KernelError({ backend: this.engine.name, kernel, reason })
    }
  }
}

/** The kernels of tfjs, with what they make in the course of one of ours. */
export class Pass {
  readonly device: Device
  readonly #made: Array<TensorInfo> = []

  constructor(device: Device) {
    this.device = device
  }

  /** Frees all that was made but the results; a result that is an input as it came becomes another handle of the same data. */
  end(results: ReadonlyArray<TensorInfo>): ReadonlyArray<TensorInfo> {
    const kept = results.map((info) =>
      this.#made.includes(info) ? info : this.run("Reshape", { x: info }, { shape: info.shape })
    )
    for (const info of this.#made) if (!kept.includes(info)) this.device.engine.dispose(info)
    this.#made.length = 0
    return kept
  }

  has(kernel: string): boolean {
    return this.device.engine.has(kernel)
  }

  run(
    kernel: string,
    inputs: Readonly<Record<string, TensorInfo>> | ReadonlyArray<TensorInfo>,
    attributes: Attributes = {}
  ): TensorInfo {
    const info = this.device.engine.run(kernel, inputs, attributes)
    this.#made.push(info)
    return info
  }

  upload(values: TypedArray, shape: Shape): TensorInfo {
    const info = this.device.engine.upload(values, shape, values instanceof Int32Array ? "int32" : "float32")
    this.#made.push(info)
    return info
  }

  /** A tensor of the library, in its own shape or another of as many elements. */
  view(x: Tensor, shape: Shape = x.shape): TensorInfo {
    return this.reshape(this.device.bufferOf(x.storage.buffer).info, shape)
  }

  reshape(x: TensorInfo, shape: Shape): TensorInfo {
    const same = x.shape.length === shape.length && x.shape.every((size, i) => size === shape[i])
    return same ? x : this.run("Reshape", { x }, { shape })
  }

  fill(value: number, shape: Shape = [], dtype: "float32" | "int32" = "float32"): TensorInfo {
    this.device.requireRoom(shape)
    return this.run("Fill", {}, { shape, value, dtype })
  }

  unary(kernel: string, x: TensorInfo): TensorInfo {
    return this.run(kernel, { x })
  }

  binary(kernel: string, a: TensorInfo, b: TensorInfo): TensorInfo {
    return this.run(kernel, { a, b })
  }

  add = (a: TensorInfo, b: TensorInfo): TensorInfo => this.binary("Add", a, b)
  subtract = (a: TensorInfo, b: TensorInfo): TensorInfo => this.binary("Sub", a, b)
  multiply = (a: TensorInfo, b: TensorInfo): TensorInfo => this.binary("Multiply", a, b)
  divide = (a: TensorInfo, b: TensorInfo): TensorInfo => this.binary("RealDiv", a, b)

  /** x times a number. */
  scale(x: TensorInfo, factor: number): TensorInfo {
    if (factor === 1) return x
    return this.has("Scale") ? this.run("Scale", { x }, { factor }) : this.multiply(x, this.fill(factor))
  }

  cast(x: TensorInfo, dtype: "float32" | "int32"): TensorInfo {
    return x.dtype === dtype ? x : this.run("Cast", { x }, { dtype })
  }

  /** Sum over some axes, kept with size 1. */
  sum(x: TensorInfo, axes: ReadonlyArray<number>): TensorInfo {
    const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
    if (sizeOf(x.shape) === 0) return this.fill(0, kept, x.dtype === "float32" ? "float32" : "int32")
    return this.reshape(this.reduce("Sum", x, axes), kept)
  }

  /** Maximum along the last axis, kept with size 1. */
  maximumOfRows(x: TensorInfo): TensorInfo {
    const last = x.shape.length - 1
    return this.reshape(this.reduce("Max", x, [last]), [...x.shape.slice(0, -1), 1])
  }

  broadcast(x: TensorInfo, shape: Shape): TensorInfo {
    const sizes = [...Array.from({ length: shape.length - x.shape.length }, () => 1), ...x.shape]
    const repeats = shape.map((size, axis) => (sizes[axis] === size ? 1 : size))
    const same = repeats.every((count) => count === 1)
    return same ? this.reshape(x, shape) : this.run("Tile", { x: this.reshape(x, sizes) }, { reps: repeats })
  }

  /** a where the condition, of the type "bool", holds, else b; all of one shape. */
  select(condition: TensorInfo, t: TensorInfo, e: TensorInfo): TensorInfo {
    return this.run("Select", { condition, t, e })
  }

  transpose(x: TensorInfo, permutation: ReadonlyArray<number>): TensorInfo {
    if (permutation.every((axis, i) => axis === i)) return x
    // tfjs's kernel for WebGPU takes all elements for float32.
    if (x.dtype !== "float32") return this.#transposeByGather(x, permutation)
    return this.run("Transpose", { x }, { perm: permutation })
  }

  #transposeByGather(x: TensorInfo, permutation: ReadonlyArray<number>): TensorInfo {
    const shape = permutation.map((axis) => x.shape[axis])
    const strides = stridesOf(x.shape)
    const places = offsetsOf(
      shape,
      permutation.map((axis) => strides[axis])
    )
    const flat = this.reshape(x, [sizeOf(shape)])
    const indices = this.upload(places, [places.length])
    return this.reshape(this.run("GatherV2", { x: flat, indices }, { axis: 0, batchDims: 0 }), shape)
  }

  /** Sum, Max or Min over some axes, which are dropped. */
  reduce(kernel: "Sum" | "Max" | "Min", x: TensorInfo, axes: ReadonlyArray<number>): TensorInfo {
    const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis))
    const shape = kept.map((axis) => x.shape[axis])
    const permutation = [...kept, ...axes]
    const inOrder = permutation.every((axis, i) => axis === i)
    const rows = sizeOf(shape)
    const columns = sizeOf(axes.map((axis) => x.shape[axis]))
    const options = { keepDims: false, [kernel === "Max" ? "reductionIndices" : "axis"]: [1] }
    let lines = inOrder ? x : this.transpose(x, permutation)
    const parts = rows < mostParts && columns > longestRow ? partsOf(columns) : 1
    if (parts > 1)
      lines = this.run(kernel, { x: this.reshape(lines, [rows * parts, columns / parts]) }, options)
    return this.reshape(
      this.run(kernel, { x: this.reshape(lines, [rows, parts > 1 ? parts : columns]) }, options),
      shape
    )
  }

  slice(x: TensorInfo, begin: ReadonlyArray<number>, size: Shape): TensorInfo {
    return this.run("Slice", { x }, { begin, size })
  }

  concatenate(parts: ReadonlyArray<TensorInfo>, axis: number): TensorInfo {
    // TensorFlow's kernel wants two at least.
    return parts.length === 1 ? parts[0] : this.run("Concat", parts, { axis })
  }

  /** op(a) op(b) over the last two of three dimensions; one of the batches may be 1. */
  product(a: TensorInfo, b: TensorInfo, transposeA = false, transposeB = false): TensorInfo {
    return this.run("BatchMatMul", { a, b }, { transposeA, transposeB })
  }
}
