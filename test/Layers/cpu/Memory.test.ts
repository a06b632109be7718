import { assert, describe, it } from "@effect/vitest"
import { type Block, Memory, reservedBytes } from "../../../src/Layers/cpu/Memory.ts"
import { makeEngine } from "../../../src/Layers/cpu/Engine.ts"
import { instantiateKernels } from "../../../src/Layers/wasm/Kernels.ts"
import { OutOfMemory } from "../../../src/Tensor/index.ts"
import { randomNumbers } from "../../randomNumbers.ts"

const mebibyte = 2 ** 20

const outOfMemory = (body: () => unknown): OutOfMemory => {
  try {
    body()
  } catch (error) {
    if (error instanceof OutOfMemory) return error
    throw error
  }
  assert.fail("did not run out of memory")
}

/** Live blocks in order of address lie aligned, one behind the other, above the control block and below the limit. */
const checkLayout = (memory: Memory, live: ReadonlyArray<Block>): void => {
  let end = reservedBytes
  for (const block of live.toSorted((a, b) => a.address - b.address)) {
    assert.isAtLeast(block.address, end)
    assert.strictEqual(block.address % 64, 0)
    end = block.address + block.bytes
  }
  assert.isAtMost(end, Math.min(memory.limitBytes, memory.memory.buffer.byteLength))
}

describe("Memory", () => {
  it("keeps live blocks apart under any sequence of allocations and releases", () => {
    for (let seed = 1; seed <= 20; seed++) {
      // Small limits run out now and then, which must not harm what is live.
      const memory = new Memory(seed % 2 === 0 ? mebibyte : 64 * mebibyte)
      const live: Array<Block> = []
      const random = randomNumbers(4000, seed, 0, 1)
      let expectedBytes = 0
      for (let i = 0; i < random.length; i += 2) {
        if (live.length > 0 && random[i] < 0.48) {
          const [block] = live.splice(Math.floor(random[i + 1] * live.length), 1)
          memory.release(block)
          expectedBytes -= block.bytes
        } else {
          const bytes = Math.floor(10 ** (1 + 4 * random[i + 1]))
          try {
            const block = memory.allocate(bytes)
            assert.isAtLeast(block.bytes, bytes)
            live.push(block)
            expectedBytes += block.bytes
          } catch (error) {
            assert.instanceOf(error, OutOfMemory)
          }
        }
        if (i % 100 === 0) checkLayout(memory, live)
      }
      checkLayout(memory, live)
      assert.deepStrictEqual([memory.liveBuffers, memory.liveBytes], [live.length, expectedBytes])
      for (const block of live) memory.release(block)
      assert.deepStrictEqual([memory.liveBuffers, memory.liveBytes], [0, 0])
      // Nothing was lost to fragments: the whole is to be had again, in one piece.
      memory.allocate(memory.limitBytes - reservedBytes)
    }
  })

  it("does not grow in a steady state, whatever the order of releases", () => {
    const memory = new Memory()
    const random = randomNumbers(10_000, 3, 0, 1)
    let next = 0
    const sizes = Array.from({ length: 60 }, () => 1000 + Math.floor(3e5 * random[next++]))
    const step = () => {
      const live = sizes.map((bytes) => memory.allocate(bytes))
      while (live.length > 0) memory.release(live.splice(Math.floor(random[next++] * live.length), 1)[0])
    }
    for (let i = 0; i < 3; i++) step()
    const { byteLength } = memory.memory.buffer
    for (let i = 0; i < 100; i++) step()
    assert.strictEqual(memory.memory.buffer.byteLength, byteLength)
  })

  it("makes large blocks of small ones, also where the limit leaves no other way", () => {
    const memory = new Memory(4 * mebibyte)
    const small = Array.from({ length: 63 }, () => memory.allocate(mebibyte / 16))
    outOfMemory(() => memory.allocate(mebibyte))
    for (const block of small.slice(8, 24)) memory.release(block)
    const large = memory.allocate(mebibyte)
    assert.strictEqual(large.address, small[8].address)
    memory.release(large)
    assert.strictEqual(memory.allocate(mebibyte / 2).address, small[8].address)
  })

  it("takes a block where joining lowered the top, though the memory must grow for it", () => {
    const memory = new Memory(64 * mebibyte)
    const [first, second] = [memory.allocate(8 * mebibyte), memory.allocate(4 * mebibyte)]
    memory.release(first)
    memory.release(second)
    const whole = memory.allocate(63 * mebibyte)
    assert.strictEqual(whole.address, reservedBytes)
  })

  it("says what was asked for, and works again after releases", () => {
    const limit = mebibyte + 1000
    const memory = new Memory(limit)
    const block = memory.allocate(600_000)
    const error = outOfMemory(() => memory.allocate(500_000))
    assert.deepStrictEqual(
      [error.requestedBytes, error.liveBytes, error.limitBytes],
      [500_000, block.bytes, limit]
    )
    assert.include(error.message, "500000")
    assert.strictEqual(memory.liveBuffers, 1)
    memory.release(block)
    checkLayout(memory, [memory.allocate(500_000), memory.allocate(400_000)])
  })

  it("refuses sizes that no memory holds", () => {
    const memory = new Memory(mebibyte)
    for (const bytes of [2 ** 32, 2 ** 33, 2 ** 60, Infinity]) outOfMemory(() => memory.allocate(bytes))
    assert.strictEqual(memory.liveBuffers, 0)
  })

  it("never hands out the last bytes of the 4 GiB, where the address behind a buffer would be 0", () => {
    const memory = new Memory(2 ** 40)
    assert.isBelow(memory.limitBytes, 2 ** 32)
  })

  it("allocates and joins without looking at all idle blocks each time", () => {
    const memory = new Memory(512 * mebibyte)
    const blocks = Array.from({ length: 100_000 }, () => memory.allocate(1024))
    // Every second block stays live: nothing can be joined, and nothing that is idle fits.
    for (let i = 0; i < blocks.length; i += 2) memory.release(blocks[i])
    const large = Array.from({ length: 10_000 }, (_, i) => memory.allocate(2048 + 64 * (i % 50)))
    checkLayout(memory, large)
  })

  it("hands out addresses above 2 GiB, where kernels and products work as below", () => {
    const memory = new Memory()
    const kernels = instantiateKernels(memory.memory)
    const filler = memory.allocate(2 ** 31 + 2 ** 27)
    const n = 100
    const [x, y, z] = [memory.allocate(4 * n), memory.allocate(4 * n), memory.allocate(4 * n)]
    assert.isAbove(x.address, 2 ** 31)
    memory.float32.set(
      Array.from({ length: n }, (_, i) => i),
      x.address / 4
    )
    kernels.unary_negate_f32(x.address, y.address, n)
    kernels.binary_add_f32(x.address, y.address, z.address, 1, n, n, 1, n, 1)
    for (let i = 0; i < n; i++) {
      assert.strictEqual(memory.float32[y.address / 4 + i], -i)
      assert.strictEqual(memory.float32[z.address / 4 + i], 0)
    }
    const engine = makeEngine(kernels, undefined)
    const space = memory.allocate(engine.workspaceBytes(4, 10, 10, 10))
    engine.gemm(4, 0, 0, 10, 10, 10, x.address, 10, y.address, 10, 0, z.address, 10, space.address)
    for (let i = 0; i < 10; i++)
      for (let j = 0; j < 10; j++) {
        let sum = 0
        for (let p = 0; p < 10; p++) sum -= (10 * i + p) * (10 * p + j)
        assert.strictEqual(memory.float32[z.address / 4 + 10 * i + j], sum)
      }
    memory.release(filler)
  })
})
