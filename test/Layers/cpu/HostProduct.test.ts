import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { hostProduct } from "../../../src/Layers/cpu/HostProduct.ts"
import { matrixFactorizations } from "../../../src/Layers/host/MatrixFactorizations.ts"
import { OutOfMemory } from "../../../src/Tensor/index.ts"
import { assertClose } from "../../assertClose.ts"
import { randomNumbers } from "../../randomNumbers.ts"
import { engine } from "./engines.ts"

describe("hostProduct", () => {
  it.effect("is the product of plain loops, and lends its memory only", () =>
    Effect.gen(function* () {
      const { dispatch, memory } = yield* engine(2, { limitBytes: 2 ** 27 })
      const multiply = hostProduct(dispatch)
      for (const [m, k, n] of [
        [1, 1, 1],
        [3, 5, 2],
        [1, 40, 9],
        [40, 1, 7],
        [37, 41, 1],
        [200, 130, 170],
        [2, 3, 0],
        [2, 0, 3]
      ]) {
        const [a, b] = [
          Float64Array.from(randomNumbers(m * k, 1)),
          Float64Array.from(randomNumbers(k * n, 2))
        ]
        assertClose(multiply(a, b, m, k, n), matrixFactorizations.multiply(a, b, m, k, n), 1e-13)
        assert.strictEqual(memory.liveBuffers, 0)
      }
    })
  )

  it.effect("gives back what it had where the memory is too small", () =>
    Effect.gen(function* () {
      const { dispatch, memory } = yield* engine(1, { limitBytes: 2 ** 20 })
      const [a, b] = [new Float64Array(40_000), new Float64Array(60_000)]
      assert.throws(() => hostProduct(dispatch)(a, b, 200, 200, 300), OutOfMemory)
      assert.strictEqual(memory.liveBuffers, 0)
    })
  )
})
