import { OutOfMemory } from "../../Tensor/Errors.ts"

const pageBytes = 65_536
/** The last page of the 4 GiB stays unused: kernels compute the address behind a buffer's end, which must not wrap to 0. */
const mostPages = 65_535
const initialPages = 256
const alignment = 64
/** The first bytes are never handed out: the threads' control block lies there, and 0 stays an invalid address. */
export const reservedBytes = 65_536

/** Where a buffer lies in the memory; bytes as asked for. */
export interface Block {
  readonly address: number
  readonly bytes: number
}

/**
 * All buffers of the CPU backend in one shared WebAssembly memory, so that SIMD kernels, worker threads and a BLAS called by
 * FFI work on the same bytes. Freed blocks are first kept by exact size, which is what a training step asks for again;
 * when none fits they are merged with their neighbours and cut anew, and only then does the memory grow.
 */
export class Memory {
  readonly memory: WebAssembly.Memory
  readonly limitBytes: number
  liveBuffers = 0
  liveBytes = 0
  #top = reservedBytes
  /** Addresses of idle blocks by size; no list is empty. */
  readonly #bySize = new Map<number, Array<number>>()
  #idleBytes = 0
  #idleBlocks = 0
  /** Blocks that have become idle since neighbours were last joined. */
  #unjoined = 0
  #float32: Float32Array
  #float64: Float64Array
  #int32: Int32Array
  #bytes: Uint8Array

  constructor(limitBytes = pageBytes * mostPages) {
    const pages = Math.max(2, Math.min(Math.ceil(limitBytes / pageBytes), mostPages))
    this.limitBytes = Math.min(limitBytes, pageBytes * mostPages)
    // A shared memory reserves its whole range up front, so that its base address stays where it is when it grows.
    this.memory = new WebAssembly.Memory({
      initial: Math.min(initialPages, pages),
      maximum: pages,
      shared: true
    })
    const buffer = this.memory.buffer
    this.#float32 = new Float32Array(buffer)
    this.#float64 = new Float64Array(buffer)
    this.#int32 = new Int32Array(buffer)
    this.#bytes = new Uint8Array(buffer)
  }

  get float32(): Float32Array {
    return this.#float32
  }
  get float64(): Float64Array {
    return this.#float64
  }
  get int32(): Int32Array {
    return this.#int32
  }
  get bytes(): Uint8Array {
    return this.#bytes
  }

  /** A block of at least so many bytes, whose content is arbitrary; `OutOfMemory` where none fits below the limit. */
  allocate(bytes: number): Block {
    const rounded = Math.max(alignment, Math.ceil(bytes / alignment) * alignment)
    const address =
      this.#takeExact(rounded) ??
      this.#takeIdle(rounded) ??
      this.#takeTop(rounded) ??
      this.#takeAfterJoining(rounded)
    if (address === undefined)
      throw new OutOfMemory({
        backend: "cpu",
        requestedBytes: bytes,
        liveBytes: this.liveBytes,
        limitBytes: this.limitBytes
      })
    this.liveBuffers++
    this.liveBytes += rounded
    return { address, bytes: rounded }
  }

  release(block: Block): void {
    this.liveBuffers--
    this.liveBytes -= block.bytes
    this.#unjoined++
    this.#keep(block.address, block.bytes)
  }

  #keep(address: number, bytes: number): void {
    const same = this.#bySize.get(bytes)
    if (same === undefined) this.#bySize.set(bytes, [address])
    else same.push(address)
    this.#idleBytes += bytes
    this.#idleBlocks++
  }

  #takeExact(bytes: number): number | undefined {
    const same = this.#bySize.get(bytes)
    const address = same?.pop()
    if (same === undefined || address === undefined) return undefined
    if (same.length === 0) this.#bySize.delete(bytes)
    this.#idleBytes -= bytes
    this.#idleBlocks--
    return address
  }

  /** Cuts up what lies idle where that is much of the memory; below that, growing costs less than fragments do. */
  #takeIdle(bytes: number): number | undefined {
    if (this.#idleBytes <= bytes || this.#idleBytes <= this.#top / 4) return undefined
    // Joining walks over all idle blocks: it waits until it can be charged to the releases since the last time.
    if (4 * this.#unjoined >= this.#idleBlocks) this.#join()
    return this.#takeSmallest(bytes)
  }

  /** Fresh memory above everything that was handed out. */
  #takeTop(bytes: number): number | undefined {
    const end = this.#top + bytes
    if (end > this.limitBytes || (end > this.memory.buffer.byteLength && !this.#grow(end))) return undefined
    const address = this.#top
    this.#top = end
    return address
  }

  /** The last resort; joining may also have lowered the top. */
  #takeAfterJoining(bytes: number): number | undefined {
    if (this.#unjoined > 0) this.#join()
    return this.#takeSmallest(bytes) ?? this.#takeTop(bytes)
  }

  /** The smallest idle block that holds so many bytes; the rest of it stays idle. */
  #takeSmallest(bytes: number): number | undefined {
    let best = Infinity
    for (const size of this.#bySize.keys()) if (size >= bytes && size < best) best = size
    const address = best === Infinity ? undefined : this.#takeExact(best)
    if (address !== undefined && best > bytes) this.#keep(address + bytes, best - bytes)
    return address
  }

  /** Whether the memory now reaches to `needed`; it grows by a quarter at least where the system gives that much. */
  #grow(needed: number): boolean {
    const current = this.memory.buffer.byteLength
    for (const target of [Math.max(needed, Math.min(this.limitBytes, current * 1.25)), needed]) {
      try {
        this.memory.grow(Math.ceil((target - current) / pageBytes))
      } catch {
        continue
      }
      const buffer = this.memory.buffer
      this.#float32 = new Float32Array(buffer)
      this.#float64 = new Float64Array(buffer)
      this.#int32 = new Int32Array(buffer)
      this.#bytes = new Uint8Array(buffer)
      return true
    }
    return false
  }

  /** Makes one block of neighbouring idle blocks, and gives what lies idle at the top back to it. */
  #join(): void {
    const idle = [...this.#bySize]
      .flatMap(([size, addresses]) => addresses.map((address) => ({ address, bytes: size })))
      .toSorted((a, b) => a.address - b.address)
    const joined: Array<{ address: number; bytes: number }> = []
    for (const block of idle) {
      const last = joined.at(-1)
      if (last !== undefined && last.address + last.bytes === block.address) last.bytes += block.bytes
      else joined.push(block)
    }
    const topmost = joined.at(-1)
    if (topmost !== undefined && topmost.address + topmost.bytes === this.#top) {
      this.#top = topmost.address
      joined.pop()
    }
    this.#bySize.clear()
    this.#idleBytes = 0
    this.#idleBlocks = 0
    this.#unjoined = 0
    for (const block of joined) this.#keep(block.address, block.bytes)
  }
}
