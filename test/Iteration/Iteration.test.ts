import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { type Iteration, run, stream } from "../../src/Iteration/index.ts"

/** Newton's method for the square root of 2, so many steps. */
const newton = (steps: number): Iteration<{ readonly step: number; readonly x: number }, number> => ({
  init: Effect.succeed({ step: 0, x: 1 }),
  step: ({ step, x }) => {
    const next = { step: step + 1, x: x / 2 + 1 / x }
    return Effect.succeed([next, next.x])
  },
  isDone: ({ step }) => step >= steps
})

describe("Iteration", () => {
  it.effect("run ends where the stream's last info was, and observes the same", () =>
    Effect.gen(function* () {
      const observed: Array<number> = []
      const { step, x } = yield* run(newton(5), (info) => Effect.sync(() => observed.push(info)))
      const streamed = yield* Stream.runCollect(stream(newton(5)))
      assert.strictEqual(step, 5)
      assert.closeTo(x, Math.SQRT2, 1e-15)
      assert.deepStrictEqual(observed, [...streamed])
      assert.strictEqual(observed[4], x)
    })
  )

  it.effect("a state that is done is not stepped from", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* run(newton(0)), { step: 0, x: 1 })
      assert.deepStrictEqual([...(yield* Stream.runCollect(stream(newton(0))))], [])
    })
  )

  it.effect("is finished once, after the last info, and not where it was stopped early", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const iteration = {
        ...newton(2),
        finish: ({ step }: { readonly step: number }) => Effect.sync(() => log.push(`finished ${step}`))
      }
      const observe = () => Effect.sync(() => log.push("info"))
      yield* run(iteration, observe)
      yield* Stream.runForEach(stream(iteration), observe)
      yield* Stream.runForEach(Stream.take(stream(iteration), 1), observe)
      assert.deepStrictEqual(log, ["info", "info", "finished 2", "info", "info", "finished 2", "info"])
    })
  )

  it.effect("what belongs to the scope lasts as long as the stream", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const held = Effect.acquireRelease(
        Effect.sync(() => log.push("held")),
        () => Effect.sync(() => log.push("released"))
      )
      const { init, step, isDone } = newton(2)
      const infos = stream({ init: Effect.andThen(held, init), step, isDone })
      yield* Stream.runForEach(infos, () => Effect.sync(() => log.push("info")))
      assert.deepStrictEqual(log, ["held", "info", "info", "released"])
    })
  )

  it.live("both can be interrupted between steps", () =>
    Effect.gen(function* () {
      const endless = newton(Number.POSITIVE_INFINITY)
      for (const forever of [run(endless), Stream.runDrain(stream(endless))]) {
        const fiber = yield* Effect.forkChild(forever)
        yield* Effect.yieldNow
        yield* Fiber.interrupt(fiber)
      }
    })
  )
})
