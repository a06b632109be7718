import type { Kernels } from "./Backend.ts"
import { UseAfterFree } from "./Errors.ts"
import { type Buffer, type DType, type Shape, Storage, type Tensor } from "./Tensor.ts"

/** One differentiable operation that was carried out: its output, and how a gradient of it becomes gradients of its inputs. */
export interface TapeNode {
  readonly output: Tensor
  readonly inputs: ReadonlyArray<Tensor>
  /** One gradient an input; undefined where the input has none (indices). */
  readonly backward: (gradient: Tensor) => ReadonlyArray<Tensor | undefined>
  /** Tensors made by the forward pass for `backward` alone. */
  readonly saved: ReadonlyArray<Tensor>
}

/** What a reverse-mode pass remembers: the nodes in order, and which tensors depend on a parameter. */
export interface Tape {
  readonly nodes: Array<TapeNode>
  readonly tracked: Set<Tensor>
}

export const releaseTensor = (kernels: Kernels, x: Tensor): void => {
  if (x.storage.references > 0 && --x.storage.references === 0) kernels.release(x.storage.buffer)
}

/**
 * A stretch of synchronous tensor work. Every tensor made in it belongs to it, and is freed when it ends unless it is
 * handed out. Operations in `ops/` take the region as their first argument; `compute` makes and ends regions.
 */
export class Region {
  readonly kernels: Kernels
  tape: Tape | undefined
  /** False while gradients are computed: rules may ask what is tracked, but add nothing to the tape. */
  recording = false
  readonly #owned = new Set<Tensor>()
  /** What the innermost `tidy` has made so far. */
  #frame: Array<Tensor> | undefined

  constructor(kernels: Kernels) {
    this.kernels = kernels
  }

  make(shape: Shape, dtype: DType, buffer: Buffer): Tensor {
    return this.#own({ shape, dtype, storage: new Storage(buffer) })
  }

  /** Another tensor over the same elements. */
  alias(x: Tensor, shape: Shape): Tensor {
    x.storage.references++
    return this.#own({ shape, dtype: x.dtype, storage: x.storage })
  }

  #own(x: Tensor): Tensor {
    this.#owned.add(x)
    this.#frame?.push(x)
    return x
  }

  /** Fails with `UseAfterFree` where a tensor's memory is gone. */
  check(operation: string, ...tensors: ReadonlyArray<Tensor>): void {
    for (const x of tensors) {
      if (x.storage.references === 0) throw new UseAfterFree({ operation, shape: x.shape })
    }
  }

  record(
    output: Tensor,
    inputs: ReadonlyArray<Tensor>,
    backward: TapeNode["backward"],
    saved: ReadonlyArray<Tensor> = []
  ): Tensor {
    const tape = this.tape
    if (tape !== undefined && this.recording && inputs.some((x) => tape.tracked.has(x))) {
      tape.tracked.add(output)
      tape.nodes.push({ output, inputs, backward, saved })
    } else {
      for (const x of saved) this.release(x)
    }
    return output
  }

  isTracked(x: Tensor): boolean {
    return this.tape?.tracked.has(x) ?? false
  }

  /** Frees a tensor of this region before the region ends; others are left alone. */
  release(x: Tensor): void {
    if (this.#owned.delete(x)) releaseTensor(this.kernels, x)
  }

  /** Ends the region: frees all it owns but `kept`, and returns those of `kept` that were its own. */
  handOut(kept: ReadonlyArray<Tensor>): ReadonlyArray<Tensor> {
    const own = kept.filter((x) => this.#owned.delete(x))
    for (const x of this.#owned) releaseTensor(this.kernels, x)
    this.#owned.clear()
    return own
  }

  /** Frees what `body` makes and does not return. */
  tidy<A>(body: () => A): A {
    const outer = this.#frame
    const made: Array<Tensor> = []
    this.#frame = made
    try {
      const result = body()
      const kept = new Set(tensorsIn(result))
      for (const x of made) {
        if (kept.has(x)) outer?.push(x)
        else this.release(x)
      }
      return result
    } finally {
      this.#frame = outer
    }
  }
}

const isTensor = (value: object): value is Tensor =>
  "storage" in value && (value as { readonly storage: unknown }).storage instanceof Storage

/** The tensors in a value made of arrays, maps and plain records. */
export const tensorsIn = (value: unknown, found: Array<Tensor> = []): Array<Tensor> => {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return found
  if (isTensor(value)) found.push(value)
  else if (Array.isArray(value)) for (const item of value) tensorsIn(item, found)
  else if (value instanceof Map) for (const item of value.values()) tensorsIn(item, found)
  else if (Object.getPrototypeOf(value) === Object.prototype)
    for (const item of Object.values(value)) tensorsIn(item, found)
  return found
}
