import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { layer as cpu, type CpuOptions } from "../../../src/Layers/Cpu.ts"
import type { FloatDType } from "../../../src/Tensor/Backend.ts"
import { upload } from "../../../src/Tensor/Host.ts"
import { compute, type Operations, Tensor } from "../../../src/Tensor/index.ts"
import {
  type Shape,
  sizeOf,
  type Tensor as TensorValue,
  type TypedArray
} from "../../../src/Tensor/Tensor.ts"
import { relativeDifference } from "../../assertClose.ts"
import { randomNumbers } from "../../randomNumbers.ts"
import { systemBlas } from "./engines.ts"

type Inputs = (shape: Shape, low?: number, high?: number) => TensorValue

/** Work large enough to be shared, with sizes that no vector, tile or count of parts divides. */
const work: Readonly<Record<string, (t: Operations, x: Inputs) => TensorValue>> = {
  "products by rows": (t, x) => t.matmul(x([517, 131]), x([131, 67])),
  "products by columns": (t, x) => t.matmul(x([67, 131]), x([131, 517])),
  "products of transposes": (t, x) =>
    t.matmul(x([131, 217]), x([193, 131]), { transposeA: true, transposeB: true }),
  "weight gradients": (t, x) => t.matmul(x([999, 97]), x([999, 193]), { transposeA: true }),
  "batches of products": (t, x) => t.matmul(x([3, 97, 131]), x([3, 131, 97])),
  "products just past the grain": (t, x) => t.matmul(x([200, 100]), x([100, 51])),
  "matrix by vector": (t, x) => t.matmul(x([5001, 401]), x([401, 1])),
  "vector by matrix": (t, x) => t.matmul(x([1, 401]), x([401, 5001])),
  "outer products": (t, x) => t.matmul(x([2003, 1]), x([1, 1999])),
  "linear layers": (t, x) => t.linear(x([7, 73, 131]), x([131, 77]), x([77])),
  attention: (t, x) => t.attention(x([3, 67, 3 * 96]), 6),
  gelu: (t, x) => t.gelu(x([100_003], -6, 6)),
  exp: (t, x) => t.exp(x([100_003], -6, 6)),
  log: (t, x) => t.log(x([100_003], 0.1, 6)),
  tanh: (t, x) => t.tanh(x([100_003], -6, 6)),
  sigmoid: (t, x) => t.sigmoid(x([100_003], -6, 6)),
  sin: (t, x) => t.sin(x([100_003], -60, 60)),
  addition: (t, x) => t.add(x([100_003]), x([100_003])),
  "broadcast rows": (t, x) => t.divide(x([317, 331]), x([331], 1, 2)),
  "broadcast columns": (t, x) => t.multiply(x([317, 331]), x([317, 1])),
  "broadcast in three dimensions": (t, x) => t.add(x([41, 1, 67]), x([1, 43, 67])),
  dropout: (t, x) => t.dropout(x([100_003]), 0.3, [5, 6]),
  "sums of rows": (t, x) => t.sum(x([331, 517]), { axes: [1] }),
  "sums of columns": (t, x) => t.sum(x([331, 517]), { axes: [0] }),
  "sums in the middle": (t, x) => t.sum(x([13, 331, 57]), { axes: [1] }),
  "sums of all": (t, x) => t.sum(x([331, 517])),
  maxima: (t, x) => t.max(x([331, 517]), { axes: [0] }),
  transposes: (t, x) => t.transpose(x([43, 47, 59]), [2, 0, 1]),
  softmax: (t, x) => t.softmax(x([331, 517])),
  "layer norm": (t, x) => t.layerNorm(x([331, 517]), x([517]), x([517])),
  "gradients of a block": (t, x) => {
    const p = { qkv: x([64, 192]), gain: x([64]), bias: x([64]), table: x([311, 64]) }
    const indices = upload(t.region, Int32Array.from(randomNumbers(512, 4, 0, 311).map(Math.floor)), [4, 128])
    const { gradients } = t.valueAndGradients(p, () => {
      const h = t.layerNorm(t.gather(p.table, indices), p.gain, p.bias)
      const y = t.dropout(t.attention(t.matmul(h, p.qkv), 4), 0.1, [1, 2])
      const logits = t.matmul(y, p.table, { transposeB: true })
      return { value: t.mean(t.crossEntropy(logits, indices)) }
    })
    return t.concatenate(
      Object.values(gradients).map((gradient) => t.reshape(gradient, [sizeOf(gradient.shape)])),
      0
    )
  }
}

const resultsOf = (options: CpuOptions, dtype: FloatDType, names = Object.keys(work)) =>
  Effect.gen(function* () {
    const results: Record<string, TypedArray> = {}
    for (const name of names) {
      const body = work[name]
      const x = yield* compute((t) => {
        let seed = 0
        return body(t, (shape, low, high) =>
          upload(t.region, randomNumbers(sizeOf(shape), ++seed, low, high), shape, dtype)
        )
      })
      results[name] = yield* Tensor.toArray(x)
    }
    return results
  }).pipe(Effect.scoped, Effect.provide(cpu(options)))

const sameBits = (a: TypedArray, b: TypedArray): boolean =>
  a.length === b.length && a.every((value, i) => Object.is(value, b[i]))

describe("the threads of the CPU", () => {
  for (const [dtype, counts] of [
    ["float32", [2, 4]],
    ["float64", [3]]
  ] as const)
    it.effect(`give the same bits by wasm, however many they are, in ${dtype}`, () =>
      Effect.gen(function* () {
        const single = yield* resultsOf({ engine: "wasm", threads: 1 }, dtype)
        for (const threads of counts) {
          const shared = yield* resultsOf({ engine: "wasm", threads }, dtype)
          for (const name of Object.keys(work))
            assert.isTrue(sameBits(shared[name], single[name]), `${name} with ${threads} threads`)
        }
      })
    )

  it.effect.skipIf(systemBlas() === undefined)("give the same numbers by BLAS to rounding", () =>
    Effect.gen(function* () {
      const single = yield* resultsOf({ engine: "blas", threads: 1 }, "float32")
      const shared = yield* resultsOf({ engine: "blas", threads: 3 }, "float32")
      for (const name of Object.keys(work))
        assert.isBelow(relativeDifference(shared[name], single[name]), 1e-5, name)
    })
  )

  it.effect("of two backends in one process do not disturb each other", () =>
    Effect.gen(function* () {
      const names = ["products by rows", "gelu", "sums of columns"]
      const expected = yield* resultsOf({ threads: 2 }, "float32", names)
      const [first, second] = yield* Effect.all(
        [
          resultsOf({ threads: 2 }, "float32", names),
          resultsOf({ threads: 2, engine: "wasm" }, "float32", names)
        ],
        { concurrency: 2 }
      )
      for (const name of names) {
        assert.isTrue(sameBits(first[name], expected[name]), name)
        assert.isBelow(relativeDifference(second[name], expected[name]), 1e-5, name)
      }
    })
  )
})
