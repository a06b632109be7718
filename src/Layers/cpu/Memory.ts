import { OutOfMemory } from "../../Tensor/Errors.ts"

const pageBytes = 65_536
const maximumPages = 65_536
const alignment = 64
/** The first bytes are never handed out: the threads' control block lives there, and 0 stays an invalid address. */
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
  readonly #bySize = new Map<number, Array<number>>()
  #cachedBytes = 0
  #float32: Float32Array
  #float64: Float64Array
  #int32: Int32Array
  #bytes: Uint8Array

  constructor(limitBytes = pageBytes * maximumPages) {
    this.limitBytes = Math.min(limitBytes, pageBytes * maximumPages)
    // Reserving the whole address range up front keeps the base address where it is when the memory grows.
    this.memory = new WebAssembly.Memory({ initial: 256, maximum: maximumPages, shared: true })
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

  allocate(bytes: number): Block {
    const rounded = Math.max(alignment, Math.ceil(bytes / alignment) * alignment)
    const address = this.#takeCached(rounded) ?? this.#takeTop(rounded) ?? this.#takeMerged(rounded)
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
    this.#cache(block.address, block.bytes)
  }

  #cache(address: number, bytes: number): void {
    const same = this.#bySize.get(bytes)
    if (same === undefined) this.#bySize.set(bytes, [address])
    else same.push(address)
    this.#cachedBytes += bytes
  }

  #takeCached(bytes: number): number | undefined {
    const address = this.#bySize.get(bytes)?.pop()
    if (address !== undefined) this.#cachedBytes -= bytes
    return address
  }

  /** Fresh memory; only while what lies idle is a small part of what is in use, or else merging comes first. */
  #takeTop(bytes: number): number | undefined {
    if (this.#cachedBytes > bytes && this.#cachedBytes > this.#top / 4) {
      const merged = this.#takeMerged(bytes)
      if (merged !== undefined) return merged
    }
    const end = this.#top + bytes
    if (end > this.limitBytes) return undefined
    if (end > this.memory.buffer.byteLength) this.#grow(end)
    const address = this.#top
    this.#top = end
    return address
  }

  #grow(needed: number): void {
    const current = this.memory.buffer.byteLength
    const target = Math.min(this.limitBytes, Math.max(needed, current * 1.25))
    const pages = Math.ceil((target - current) / pageBytes)
    try {
      this.memory.grow(pages)
    } catch {
      throw new OutOfMemory({
        backend: "cpu",
        requestedBytes: pages * pageBytes,
        liveBytes: this.liveBytes,
        limitBytes: current
      })
    }
    const buffer = this.memory.buffer
    this.#float32 = new Float32Array(buffer)
    this.#float64 = new Float64Array(buffer)
    this.#int32 = new Int32Array(buffer)
    this.#bytes = new Uint8Array(buffer)
  }

  /** Joins neighbouring idle blocks and takes the smallest that fits; the rest of it stays idle. */
  #takeMerged(bytes: number): number | undefined {
    const idle = [...this.#bySize]
      .flatMap(([size, addresses]) => addresses.map((address) => ({ address, bytes: size })))
      .toSorted((a, b) => a.address - b.address)
    const merged: Array<{ address: number; bytes: number }> = []
    for (const block of idle) {
      const last = merged.at(-1)
      if (last !== undefined && last.address + last.bytes === block.address) last.bytes += block.bytes
      else merged.push(block)
    }
    const topmost = merged.at(-1)
    if (topmost !== undefined && topmost.address + topmost.bytes === this.#top) {
      this.#top = topmost.address
      merged.pop()
    }
    this.#bySize.clear()
    this.#cachedBytes = 0
    let best: { address: number; bytes: number } | undefined
    for (const block of merged)
      if (block.bytes >= bytes && (best === undefined || block.bytes < best.bytes)) best = block
    for (const block of merged) {
      if (block !== best) this.#cache(block.address, block.bytes)
      else if (block.bytes > bytes) this.#cache(block.address + bytes, block.bytes - bytes)
    }
    if (best !== undefined) return best.address
    // Merging may have lowered the top of the memory.
    const end = this.#top + bytes
    if (end > this.memory.buffer.byteLength) return undefined
    const address = this.#top
    this.#top = end
    return address
  }
}
