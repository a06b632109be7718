import { assert, describe, it } from "@effect/vitest"
import { instantiateKernels, kernelsModule } from "../../../src/Layers/wasm/Kernels.ts"

describe("kernels.wasm", () => {
  it("imports a memory and nothing else, and exports functions only", () => {
    assert.deepStrictEqual(
      WebAssembly.Module.imports(kernelsModule()).map(({ module, name, kind }) => [module, name, kind]),
      [["env", "memory", "memory"]]
    )
    assert.isTrue(WebAssembly.Module.exports(kernelsModule()).every(({ kind }) => kind === "function"))
  })

  it("leaves the memory alone when it is instantiated", () => {
    const memory = new WebAssembly.Memory({ initial: 4, maximum: 65536, shared: true })
    const bytes = new Uint8Array(memory.buffer).fill(0x5a)
    instantiateKernels(memory)
    assert.isTrue(bytes.every((byte) => byte === 0x5a))
  })

  it("works up to the last byte of 4 GiB", () => {
    // Address space only: pages that are never touched take no memory.
    const memory = new WebAssembly.Memory({ initial: 65536, maximum: 65536, shared: true })
    const kernels = instantiateKernels(memory)
    const n = 37
    const end = 2 ** 32
    const [x, out] = [end - 8 * n, end - 4 * n]
    new Float32Array(memory.buffer, x, n).forEach((_, i, array) => {
      array[i] = i
    })
    kernels.unary_square_f32(x, out, n)
    kernels.binary_add_f32(out, x, out, 1, n, 0, 1, 0, 1)
    const expected = Array.from({ length: n }, (_, i) => i * i + i)
    assert.deepStrictEqual(Array.from(new Float32Array(memory.buffer, out, n)), expected)
    kernels.reduce_sum_f32(out, x, 1, n, 1, n, 1)
    assert.strictEqual(
      new Float32Array(memory.buffer, x, 1)[0],
      expected.reduce((a, b) => a + b)
    )
    kernels.softmax_f32(out, out, 1, n)
    kernels.gemm_f32(0, 0, 1, 1, n, 1, x, n, out, 1, 0, out, 1, 0)
  })
})
