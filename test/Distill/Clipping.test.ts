import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { clipByGlobalNorm } from "../../src/Distill/Clipping.ts"
import { onMock } from "../Layers/onMock.ts"
import { compute, Tensor } from "../../src/Tensor/index.ts"

// Norms 6 and 8: together 10.
const gradients = Effect.all({
  a: Tensor.fromArray([2, 4, 4], [3, 1]),
  b: Tensor.fromArray([8])
})

const clip = (count: number, limit: number | undefined) =>
  Effect.gen(function* () {
    const tensors = yield* gradients
    const { norm, scale } = yield* compute((t) => clipByGlobalNorm(t, tensors, count, limit))
    return { norm: yield* Tensor.toNumber(norm), scale: yield* Tensor.toNumber(scale) }
  }).pipe(onMock)

describe("clipByGlobalNorm", () => {
  it.effect("scales down what is longer than the limit", () =>
    Effect.gen(function* () {
      const { norm, scale } = yield* clip(1, 2.5)
      assert.strictEqual(norm, 10)
      assert.closeTo(scale, 0.25, 1e-12)
    })
  )

  it.effect("leaves shorter gradients as they are, and all where there is no limit", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* clip(1, 11)).scale, 1)
      assert.strictEqual((yield* clip(1, undefined)).scale, 1)
    })
  )

  it.effect("takes the mean of summed gradients, and its norm", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* clip(4, 5), { norm: 2.5, scale: 0.25 })
      const { scale } = yield* clip(4, 1)
      assert.closeTo(scale, 0.1, 1e-12)
    })
  )
})
