import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Threads } from "../../../src/Layers/cpu/Threads.ts"
import { control } from "../../../src/Layers/cpu/Control.ts"
import type { Engine } from "../../../src/Layers/cpu/Job.ts"
import { KernelError } from "../../../src/Tensor/index.ts"
import { engine } from "./engines.ts"

const kernelError = (body: () => void): KernelError => {
  try {
    body()
  } catch (error) {
    if (error instanceof KernelError) return error
    throw error
  }
  assert.fail("nothing failed")
}

const workersEnded = (until: () => boolean) =>
  Effect.promise(async () => {
    while (!until()) await new Promise((resolve) => setImmediate(resolve))
  })

describe("Threads", () => {
  it.effect("does every part once, with more threads than processors and changing counts of parts", () =>
    Effect.gen(function* () {
      const { memory, threads, dispatch } = yield* engine(6, { limitBytes: 2 ** 24 })
      const n = 64
      const [x, one] = [memory.allocate(4 * n).address, memory.allocate(64).address]
      memory.float32.fill(0, x / 4, x / 4 + n)
      memory.float32[one / 4] = 1
      // x += 1 in place: a part that is done twice, or late, shows.
      const add = [dispatch.kernel("binary_add", "float32"), 3, n, x, 4, one, 0, x, 4, 1, 1, 0, 0, 0]
      for (let i = 1; i <= 4000; i++) {
        threads.run("byRows", [2, 16, 64, 3, 32][i % 5], add)
        if (!memory.float32.subarray(x / 4, x / 4 + n).every((value) => value === i))
          assert.fail(`after ${i} jobs: ${memory.float32.slice(x / 4, x / 4 + n)}`)
        // Workers come when the event loop has started them, and then also between jobs.
        if (i % 500 === 0) yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      }
      assert.strictEqual(threads.started, 5)
    })
  )

  it.effect("turns what fails in any thread into a KernelError, and goes on afterwards", () =>
    Effect.gen(function* () {
      const { memory, threads, dispatch } = yield* engine(3, { limitBytes: 2 ** 24 })
      const negate = dispatch.kernel("unary_negate", "float32")
      const x = memory.allocate(4096).address
      memory.float32.fill(1, x / 4, x / 4 + 1024)
      // Far beyond the memory: a trap in whichever thread comes to it.
      const outside = [negate, 2, 1024, 2 ** 31, 2 ** 20, 2 ** 31, 2 ** 20]
      const inside = [negate, 2, 1024, x, 4, x, 4]
      for (let i = 0; i < 300; i++) {
        const error = kernelError(() => threads.run("byRows", i % 3 === 0 ? 1 : 8, outside))
        assert.strictEqual(error.kernel, "byRows")
        threads.run("byRows", 8, inside)
        assert.isTrue(
          memory.float32.subarray(x / 4, x / 4 + 1024).every((value) => value === (i % 2 ? 1 : -1))
        )
      }
    })
  )

  it.effect("turns a worker's failure into a KernelError where the calling thread's parts succeed", () =>
    Effect.gen(function* () {
      const { memory, dispatch } = yield* engine(1, { limitBytes: 2 ** 24 })
      let calls = 0
      // Here kernel 0 waits until a worker, whose kernel 0 traps on these addresses, has done a part.
      const patient: Engine = {
        ...dispatch.engine,
        table: [
          () => {
            const words = memory.int32
            for (let i = 0; Atomics.load(words, control.completed) === calls && i < 2000; i++)
              Atomics.wait(words, 0, 0, 5)
            calls = Atomics.load(words, control.completed) + 1
          }
        ]
      }
      const threads = yield* Effect.acquireRelease(
        Effect.sync(() => new Threads(2, memory, patient, undefined)),
        (pool) => Effect.promise(() => pool.stop())
      )
      const error = kernelError(() => {
        for (let i = 0; i < 50; i++)
          threads.run("byRows", 4, [0, 3, 4, 2 ** 31, 0, 2 ** 31, 0, 2 ** 31, 0, 1, 1, 1, 1, 1])
      })
      assert.include(error.reason, "worker")
    })
  )

  it.effect("starts no worker for little work, and none with one thread", () =>
    Effect.gen(function* () {
      const two = yield* engine(2, { limitBytes: 2 ** 26 })
      const one = yield* engine(1, { limitBytes: 2 ** 26 })
      two.kernels.fill(1, [1000], "float32")
      const small = two.kernels.fill(1, [64, 64], "float32")
      const x = { shape: [64, 64], dtype: "float32", storage: { buffer: small, references: 1 } } as const
      two.kernels.binary("add", x, x, x.shape)
      two.kernels.matmul(x, x, { transposeA: false, transposeB: false, bias: undefined })
      assert.strictEqual(two.threads.started, 0)
      const large = (kernels: typeof one.kernels) =>
        kernels.unary("exp", {
          shape: [1_000_000],
          dtype: "float32",
          storage: { buffer: kernels.fill(1, [1_000_000], "float32"), references: 1 }
        })
      large(one.kernels)
      assert.strictEqual(one.threads.started, 0)
      large(two.kernels)
      assert.strictEqual(two.threads.started, 1)
    })
  )

  it.effect("stops its workers, and works on in the calling thread", () =>
    Effect.gen(function* () {
      const { memory, threads, dispatch } = yield* engine(3, { limitBytes: 2 ** 24 })
      const x = memory.allocate(4096).address
      const negate = [dispatch.kernel("unary_negate", "float32"), 2, 1024, x, 4, x, 4]
      threads.run("byRows", 8, negate)
      assert.strictEqual(threads.started, 2)
      yield* Effect.promise(() => threads.stop())
      yield* workersEnded(() => threads.started === 0)
      memory.float32.fill(1, x / 4, x / 4 + 1024)
      threads.run("byRows", 8, negate)
      assert.strictEqual(memory.float32[x / 4 + 1023], -1)
      assert.strictEqual(threads.started, 0)
    })
  )
})
