import { KernelError, OutOfMemory } from "../../Tensor/Errors.ts"
import type { Buffer, Shape, Tensor, TypedArray } from "../../Tensor/Tensor.ts"

/** One kernel that was asked for, and the shapes of the tensors it was given. */
export interface LoggedKernel {
  readonly kernel: string
  readonly shapes: ReadonlyArray<Shape>
}

/** Elements in the memory of this process. */
class HostBuffer {
  readonly values: TypedArray
  released = false
  constructor(values: TypedArray) {
    this.values = values
  }
}

/** Older entries of the log are dropped beyond this, so that a long training does not fill the memory. */
const logCapacity = 100_000

/**
 * The mock's bookkeeping: which buffers are live, which kernels ran, and which faults are planted. A buffer that is
 * released twice or read after its release throws a plain `Error`, which ends the program as a defect: it is a bug in the
 * code under test, not a failure that a caller should handle.
 */
export class Ledger {
  readonly name: string
  liveBuffers = 0
  liveBytes = 0
  peakBytes = 0
  kernels = 0
  log: Array<LoggedKernel> = []
  byteLimit = Infinity
  /** Kernels still to run until the one that fails or gives NaN, itself included; 0 where none is planted. */
  untilFailure = 0
  untilNaN = 0

  constructor(name: string) {
    this.name = name
  }

  /** Enters a kernel in the log. Throws the planted `KernelError` where its turn has come; true: it is to give NaN. */
  begin(kernel: string, inputs: ReadonlyArray<Tensor>): boolean {
    this.kernels++
    if (this.log.length >= logCapacity) this.log = this.log.slice(logCapacity / 2)
    this.log.push({ kernel, shapes: inputs.map((x) => x.shape) })
    if (this.untilFailure > 0 && --this.untilFailure === 0)
      throw new KernelError({ backend: this.name, kernel, reason: `planted in kernel ${this.kernels}` })
    return this.untilNaN > 0 && --this.untilNaN === 0
  }

  /** All or none of the arrays as live buffers. */
  store(...arrays: ReadonlyArray<TypedArray>): Array<Buffer> {
    const bytes = arrays.reduce((total, values) => total + values.byteLength, 0)
    if (this.liveBytes + bytes > this.byteLimit)
      throw new OutOfMemory({
        backend: this.name,
        requestedBytes: bytes,
        liveBytes: this.liveBytes,
        limitBytes: this.byteLimit
      })
    this.liveBuffers += arrays.length
    this.liveBytes += bytes
    this.peakBytes = Math.max(this.peakBytes, this.liveBytes)
    return arrays.map((values) => new HostBuffer(values))
  }

  /** The elements of a live buffer, not copied. */
  valuesOf(buffer: Buffer): TypedArray {
    if (!(buffer instanceof HostBuffer)) throw new Error(`${this.name}: a buffer of another backend`)
    if (buffer.released) throw new Error(`${this.name}: a buffer was read after its release`)
    return buffer.values
  }

  release(buffer: Buffer): void {
    const { byteLength } = this.valuesOf(buffer)
    this.liveBuffers--
    this.liveBytes -= byteLength
    if (buffer instanceof HostBuffer) buffer.released = true
  }
}
