import { assert } from "@effect/vitest"
import { instantiateKernels, type Kernels } from "../../../src/Layers/wasm/Kernels.ts"

export const floats = ["f32", "f64"] as const
export type Float = (typeof floats)[number]
export type ElementType = Float | "i32"
type Elements = Float32Array | Float64Array | Int32Array

const bytesOf = { f32: 4, f64: 8, i32: 4 } as const
const guardBytes = 64
const guard = 0xa5

/**
 * A shared memory in which arrays lie between guards, one element off the vector alignment, so that a test sees writes
 * outside of a kernel's range.
 */
export class Arena {
  readonly memory = new WebAssembly.Memory({ initial: 512, maximum: 65536, shared: true })
  readonly kernels: Kernels = instantiateKernels(this.memory)
  private readonly bytes = new Uint8Array(this.memory.buffer)
  private readonly guards: Array<number> = []
  private next = 0
  private state = 12345

  /** Forgets all arrays. */
  reset(): void {
    this.next = 0
    this.guards.length = 0
    this.protect()
  }

  private protect(): void {
    this.bytes.fill(guard, this.next, this.next + guardBytes)
    this.guards.push(this.next)
    this.next += guardBytes
  }

  /** Fails where a byte between two arrays was written. */
  checkGuards(): void {
    for (const start of this.guards)
      for (let i = start; i < start + guardBytes; i++)
        if (this.bytes[i] !== guard) assert.fail(`byte ${i}, between two arrays, was written`)
  }

  /** The address of n elements that hold the guard's bytes. */
  allocate(type: ElementType, n: number): number {
    if (this.next === 0) this.reset()
    const pointer = this.next + bytesOf[type]
    this.bytes.fill(guard, this.next, pointer + n * bytesOf[type])
    this.next = pointer + n * bytesOf[type]
    this.protect()
    this.next = Math.ceil(this.next / 64) * 64
    return pointer
  }

  /** The address of a copy of the values. */
  put(type: ElementType, values: ArrayLike<number>): number {
    const pointer = this.allocate(type, values.length)
    this.view(type, pointer, values.length).set(values)
    return pointer
  }

  view(type: ElementType, pointer: number, n: number): Elements {
    const { buffer } = this.memory
    if (type === "f32") return new Float32Array(buffer, pointer, n)
    // Only float32 and int32 may lie at an odd multiple of four.
    return type === "f64" ? new Float64Array(buffer, pointer, n) : new Int32Array(buffer, pointer, n)
  }

  /** The elements at an address. */
  read(type: ElementType, pointer: number, n: number): Array<number> {
    return Array.from(this.view(type, pointer, n))
  }

  /** n numbers in [low, high), as the type holds them. */
  random(type: ElementType, n: number, low = -2, high = 2): Array<number> {
    return Array.from({ length: n }, () => {
      this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0
      const x = low + ((high - low) * this.state) / 4294967296
      return type === "f32" ? Math.fround(x) : type === "i32" ? Math.floor(x) : x
    })
  }
}

/** The allowance for a result of this type: units times its rounding error. */
export const rounding = (type: Float, units: number): number => units * (type === "f32" ? 2 ** -24 : 2 ** -53)

/** |actual - expected| <= tolerance * max(|expected|, floor) in every element; NaN and infinities exactly. */
export const assertClose = (
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  floor = 0,
  what = ""
): void => {
  assert.strictEqual(actual.length, expected.length, what)
  for (let i = 0; i < expected.length; i++) {
    if (Object.is(actual[i], expected[i])) continue
    const bound = tolerance * Math.max(Math.abs(expected[i]), floor)
    if (!(Math.abs(actual[i] - expected[i]) <= bound))
      assert.fail(`${what} element ${i}: ${actual[i]}, expected ${expected[i]} within ${bound}`)
  }
}
