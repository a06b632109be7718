import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Kernels } from "../../../src/Tensor/Backend.ts"
import { DTypeError, OutOfMemory, ShapeError } from "../../../src/Tensor/index.ts"
import { type DType, type Shape, sizeOf, type Tensor, type TypedArray } from "../../../src/Tensor/Tensor.ts"
import { randomNumbers } from "../../randomNumbers.ts"
import { engine } from "./engines.ts"
import { thrownBy } from "../../thrownBy.ts"

const tensor = (shape: Shape, dtype: DType, buffer: object): Tensor => ({
  shape,
  dtype,
  storage: { buffer, references: 1 }
})

const put = (
  kernels: Kernels,
  values: TypedArray,
  shape: Shape = [values.length],
  dtype: DType = "float32"
) => tensor(shape, dtype, kernels.upload(values, dtype))

describe("Dispatch", () => {
  it.effect("gives back what a kernel had allocated where there is none for the element type", () =>
    Effect.gen(function* () {
      const { kernels, memory } = yield* engine(1, { limitBytes: 2 ** 24 })
      const qkv = put(kernels, new Int32Array(24), [1, 2, 12], "int32")
      const row = put(kernels, new Int32Array(12), [12], "int32")
      const statistics = put(kernels, new Int32Array(2), [1, 2], "int32")
      const rows = tensor([2, 12], "int32", qkv.storage.buffer)
      const scores = put(kernels, new Int32Array(8), [1, 2, 2, 2], "int32")
      const gradient = put(kernels, new Int32Array(8), [1, 2, 4], "int32")
      const { liveBuffers } = memory
      for (const body of [
        () => kernels.attention(qkv, 2, true),
        () => kernels.attention(qkv, 2, false),
        () => kernels.attentionGradient(qkv, scores, gradient, 2),
        () => kernels.layerNorm(qkv, row, row, 1e-5),
        () => kernels.layerNormGradient(qkv, row, statistics, statistics, qkv),
        () => kernels.crossEntropy(rows, put(kernels, Int32Array.of(0, 1), [2], "int32")),
        () => kernels.divergence(rows, rows, 1),
        () => kernels.softmax(rows),
        () => kernels.unary("exp", rows),
        () => kernels.dropout(rows, 0.5, [1, 2])
      ])
        assert.instanceOf(thrownBy(body), DTypeError)
      // The targets of the cross-entropy are the test's own.
      assert.strictEqual(memory.liveBuffers, liveBuffers + 1)
    })
  )

  it.effect("gives back everything where memory runs out at any allocation of a kernel", () =>
    Effect.gen(function* () {
      // Every limit lets the kernel come a little further.
      let succeeded = 0
      for (let kibibytes = 200; kibibytes < 1200; kibibytes += 20) {
        const { kernels, memory } = yield* engine(1, { limitBytes: 1024 * kibibytes })
        const qkv = put(kernels, randomNumbers(24_576, 1), [2, 64, 192])
        const { liveBuffers } = memory
        try {
          const [out, probabilities] = kernels.attention(qkv, 4, true)
          if (probabilities === undefined) assert.fail("the probabilities were to be kept")
          const shape = [2, 4, 64, 64]
          try {
            kernels.release(
              kernels.attentionGradient(
                qkv,
                tensor(shape, "float32", probabilities),
                tensor([2, 64, 64], "float32", out),
                4
              )
            )
            succeeded++
          } finally {
            kernels.release(out)
            kernels.release(probabilities)
          }
        } catch (error) {
          assert.instanceOf(error, OutOfMemory)
        }
        assert.strictEqual(memory.liveBuffers, liveBuffers)
      }
      assert.isAbove(succeeded, 5)
      assert.isBelow(succeeded, 50)
    })
  )

  it.effect("describes the copies of 64 threads without touching the buffers", () =>
    Effect.gen(function* () {
      const { kernels, dispatch, threads } = yield* engine(64, { limitBytes: 2 ** 27 })
      // The calling thread does all parts: starting 63 workers would take seconds.
      yield* Effect.promise(() => threads.stop())
      const size = 2900
      const values = new Float32Array(size * size).map((_, i) => i)
      // The first buffer lies right behind the control block.
      const x = put(kernels, values, [size, size])
      const y = tensor([size, size], "float32", kernels.transpose(x, [1, 0]))
      const z = yield* kernels.download(tensor([size, size], "float32", kernels.transpose(y, [1, 0])))
      assert.isTrue(z.every((value, i) => value === values[i]))
      assert.isAbove(dispatch.parts(size * size, 32_768), 250)
    })
  )

  it.effect("copies up to eight dimensions that cannot be joined, and refuses more", () =>
    Effect.gen(function* () {
      const { kernels, memory } = yield* engine(1, { limitBytes: 2 ** 24 })
      for (const rank of [8, 9]) {
        const shape = Array.from({ length: rank }, () => 2)
        const x = put(kernels, randomNumbers(sizeOf(shape), 1), shape)
        const reversed = [...shape.keys()].toReversed()
        if (rank === 8) {
          const once = tensor(shape, "float32", kernels.transpose(x, reversed))
          const twice = tensor(shape, "float32", kernels.transpose(once, reversed))
          assert.deepStrictEqual(yield* kernels.download(twice), yield* kernels.download(x))
        } else {
          const { liveBuffers } = memory
          assert.instanceOf(
            thrownBy(() => kernels.transpose(x, reversed)),
            ShapeError
          )
          assert.strictEqual(memory.liveBuffers, liveBuffers)
        }
      }
    })
  )

  it.effect("fails for tensors of 2^31 elements or more, and takes none where a size is 0", () =>
    Effect.gen(function* () {
      const { kernels, memory } = yield* engine(2, { limitBytes: 2 ** 24 })
      const one = put(kernels, Float32Array.of(1))
      const column = put(kernels, new Float32Array(1), [1, 1])
      for (const shape of [[2 ** 31], [2 ** 16, 2 ** 16], [2 ** 20, 2 ** 20, 2 ** 20]]) {
        for (const body of [
          () => kernels.fill(0, shape, "float32"),
          () => kernels.broadcastTo(one, shape),
          () => kernels.binary("add", one, one, shape),
          () => kernels.pad(column, [2 ** 16, 2 ** 16], [0, 0])
        ])
          assert.instanceOf(thrownBy(body), OutOfMemory)
      }
      const empty = put(kernels, new Float32Array(0), [0, 2 ** 31])
      kernels.transpose(empty, [1, 0])
      kernels.binary("add", empty, empty, empty.shape)
      kernels.unary("exp", empty)
      assert.isBelow(memory.liveBytes, 10_000)
    })
  )
})
