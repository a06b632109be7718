import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { timeSlice } from "../../src/Iteration/TimeSlice.ts"

describe("timeSlice", () => {
  it.effect("lets another fiber run and interrupt the loop it stands in", () =>
    Effect.gen(function* () {
      let turns = 0
      const pause = timeSlice(0)
      const loop = Effect.gen(function* () {
        for (;;) {
          turns++
          yield* pause
        }
      })
      const fiber = yield* Effect.forkChild(loop)
      yield* Effect.yieldNow
      yield* Fiber.interrupt(fiber)
      assert.isAbove(turns, 0)
    })
  )

  it.effect("does not yield before its time has passed", () =>
    Effect.gen(function* () {
      const order: Array<string> = []
      const pause = timeSlice(Infinity)
      yield* Effect.forkChild(Effect.sync(() => order.push("other")))
      for (let i = 0; i < 100; i++) yield* pause
      order.push("loop")
      yield* Effect.yieldNow
      assert.deepStrictEqual(order, ["loop", "other"])
    })
  )
})
