import { DTypeError, ShapeError } from "../../Tensor/Errors.ts"
import { bytesPerElement, type DType, type Shape, sizeOf, type Tensor } from "../../Tensor/Tensor.ts"
import { broadcastLayout, joinDimensions } from "./Broadcast.ts"
import { type Engine, kernelNames } from "./Job.ts"
import { copyRows, type JobName } from "./Jobs.ts"
import { type Block, type Memory, reservedBytes } from "./Memory.ts"
import { mostParts, type Threads } from "./Threads.ts"

/** How wasm kernels call the element types. */
export const suffixes = { float32: "f32", float64: "f64", int32: "i32" } as const

/** Elements that make a part worth another thread. */
export const elementwiseGrain = 16_384
const largestRank = 8
/** Descriptions of strided copies, one for each part, at the end of the control block: [sizes, from, to], int32. */
const copyMetaStride = 128
const copyMeta = reservedBytes - mostParts * copyMetaStride

export const addressOf = (x: Tensor): number => (x.storage.buffer as Block).address

/** Where an operand's first row lies, and the bytes from row to row (0: the same one). */
export type Row = readonly [address: number, bytesPerRow: number]

/** A count of rows along the last axis, and their length. */
export const lastAxis = (x: Tensor): readonly [count: number, columns: number] => [
  sizeOf(x.shape.slice(0, -1)),
  x.shape[x.shape.length - 1] ?? 1
]

/** x as rows of `columns` elements. */
export const rowsOf = (x: Tensor, columns: number): Row => [addressOf(x), columns * bytesPerElement(x.dtype)]

/** What kernels are called with: memory to allocate from, and threads that share the rows of a job. */
export class Dispatch {
  readonly memory: Memory
  readonly engine: Engine
  readonly #threads: Threads
  readonly #numbers: ReadonlyMap<string, number>

  constructor(memory: Memory, engine: Engine, threads: Threads) {
    this.memory = memory
    this.engine = engine
    this.#threads = threads
    this.#numbers = new Map(kernelNames(engine.kernels).map((name, i) => [name, i]))
  }

  /** The number of a wasm kernel for an element type; `DTypeError` where there is none. */
  kernel(operation: string, dtype: DType): number {
    const number = this.#numbers.get(`${operation}_${suffixes[dtype]}`)
    if (number === undefined)
      throw new DTypeError({ operation, expected: ["float32", "float64"], actual: dtype })
    return number
  }

  /** The number of a kernel that moves elements of a size, whatever they mean. */
  mover(operation: string, dtype: DType): number {
    return this.#numbers.get(`${operation}_${dtype === "float64" ? 64 : 32}`) as number
  }

  /** How many parts are worth their while for so much work that can be cut into `most` pieces. */
  parts(work: number, grain: number, most?: number, perThread?: number): number {
    return this.#threads.parts(work, grain, most, perThread)
  }

  run(job: JobName, parts: number, values: ReadonlyArray<number>): void {
    this.#threads.run(job, parts, values)
  }

  allocate(shape: Shape, dtype: DType): Block {
    return this.memory.allocate(sizeOf(shape) * bytesPerElement(dtype))
  }

  /** A buffer that `body` fills; freed again where it cannot. */
  filled(shape: Shape, dtype: DType, body: (out: number) => void): Block {
    const block = this.allocate(shape, dtype)
    try {
      body(block.address)
    } catch (error) {
      this.memory.release(block)
      throw error
    }
    return block
  }

  /** Several buffers that `body` fills; all are freed again where it cannot, or one does not fit. */
  filledAll<const Shapes extends ReadonlyArray<Shape>>(
    shapes: Shapes,
    dtype: DType,
    body: (...addresses: { -readonly [Index in keyof Shapes]: number }) => void
  ): { -readonly [Index in keyof Shapes]: Block } {
    const blocks: Array<Block> = []
    try {
      for (const shape of shapes) blocks.push(this.allocate(shape, dtype))
      body(
        ...(blocks.map(({ address }) => address) as unknown as { -readonly [Index in keyof Shapes]: number })
      )
    } catch (error) {
      for (const block of blocks) this.memory.release(block)
      throw error
    }
    return blocks as { -readonly [Index in keyof Shapes]: Block }
  }

  /** Lends so many bytes. */
  lend<A>(bytes: number, body: (address: number) => A): A {
    const block = this.memory.allocate(bytes)
    try {
      return body(block.address)
    } finally {
      this.memory.release(block)
    }
  }

  /**
   * kernel(addresses..., rows, rest...) with the rows shared out; `work` in elements. "byNumberedRows" also passes the
   * first row, before the rest.
   */
  rows(
    kernel: number,
    pointers: ReadonlyArray<Row>,
    count: number,
    rest: ReadonlyArray<number>,
    work: number,
    job: "byRows" | "byNumberedRows" = "byRows"
  ): void {
    if (count === 0) return
    const parts = this.parts(work, elementwiseGrain, count)
    this.run(job, parts, [kernel, pointers.length, count, ...pointers.flat(), ...rest])
  }

  /** kernel(fixed..., columnStart, columnEnd) with the columns shared out. */
  columns(kernel: number, columns: number, fixed: ReadonlyArray<number>, work: number): void {
    this.run("byColumns", this.parts(work, 2 * elementwiseGrain, columns), [kernel, columns, ...fixed])
  }

  /** out[index] = x[index] under two sets of element strides; `from` and `to` are addresses. */
  copy(
    sizes: Shape,
    dtype: DType,
    from: number,
    fromStrides: ReadonlyArray<number>,
    to: number,
    toStrides: ReadonlyArray<number>
  ): void {
    if (sizeOf(sizes) === 0) return
    const layout = joinDimensions(sizes, [fromStrides, toStrides])
    const rank = layout.sizes.length
    if (rank > largestRank)
      throw new ShapeError({
        operation: "copy",
        reason: `more than ${largestRank} dimensions`,
        shapes: [sizes]
      })
    const [x, out] = layout.strides
    const bytes = bytesPerElement(dtype)
    const outer = layout.sizes[0]
    const parts = this.parts(sizeOf(sizes), 2 * elementwiseGrain, outer)
    const words = this.memory.int32
    for (let part = 0; part < parts; part++) {
      const meta = (copyMeta + part * copyMetaStride) / 4
      words.set(layout.sizes, meta)
      words[meta] = copyRows(outer, part, parts)
      words.set(x, meta + rank)
      words.set(out, meta + 2 * rank)
    }
    const steps = [x[0] * bytes, out[0] * bytes]
    this.run("copy", parts, [
      this.mover("copy", dtype),
      from,
      to,
      copyMeta,
      copyMetaStride,
      rank,
      outer,
      ...steps
    ])
  }

  broadcastTo(x: Tensor, shape: Shape): Block {
    return this.filled(shape, x.dtype, (out) => {
      const layout = broadcastLayout(shape, [x.shape, shape])
      this.copy(layout.sizes, x.dtype, addressOf(x), layout.strides[0], out, layout.strides[1])
    })
  }

  /** Lends x broadcast to a shape in full; nothing is copied where it has that size. */
  lendBroadcast<A>(x: Tensor, shape: Shape, body: (address: number) => A): A {
    if (sizeOf(x.shape) === sizeOf(shape)) return body(addressOf(x))
    const copy = this.broadcastTo(x, shape)
    try {
      return body(copy.address)
    } finally {
      this.memory.release(copy)
    }
  }

  /** `ShapeError` where an index lies outside [lowest, limit). */
  checkIndices(operation: string, indices: Tensor, limit: number, lowest = 0): void {
    const start = addressOf(indices) / 4
    const words = this.memory.int32
    const count = sizeOf(indices.shape)
    for (let i = 0; i < count; i++) {
      const index = words[start + i]
      if (index < lowest || index >= limit)
        throw new ShapeError({
          operation,
          reason: `index ${index} at position ${i} is outside [0, ${limit})`,
          shapes: [indices.shape]
        })
    }
  }
}
