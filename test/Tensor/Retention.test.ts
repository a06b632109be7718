import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Mock } from "../../src/Layers/Mock.ts"
import { compute, Tensor } from "../../src/Tensor/index.ts"

setFlagsFromString("--expose-gc")
const collectGarbage = runInNewContext("gc") as () => void

/** A tensor, and a weak hold on an array that the body which made it closes over. */
const made = Effect.gen(function* () {
  const numbers = new Float64Array(1 << 16).fill(3)
  const x = yield* compute((t) => t.full([2], numbers[0]))
  return { x, numbers: new WeakRef(numbers) }
})

describe("a tensor", () => {
  it.effect("keeps nothing of the body that made it", () =>
    Effect.gen(function* () {
      const { x, numbers } = yield* made
      // A weak reference holds its target until the turn in which it was made is over.
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      collectGarbage()
      assert.isUndefined(numbers.deref())
      assert.deepStrictEqual(Array.from(yield* Tensor.toArray(x)), [3, 3])
    }).pipe(Effect.provide(Mock.layer()))
  )
})
