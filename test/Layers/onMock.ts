import { assert } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { Mock, MockControls, type MockOptions } from "../../src/Layers/Mock.ts"
import type { Backend } from "../../src/Tensor/index.ts"

/** Runs a program on a fresh mock in a scope of its own, and then proves that it left no buffer live. */
export const onMock = <A, E>(
  program: Effect.Effect<A, E, Backend | MockControls | Scope.Scope>,
  options?: MockOptions
): Effect.Effect<A, E> =>
  Effect.gen(function* () {
    const mock = yield* MockControls
    const exit = yield* Effect.exit(Effect.scoped(program))
    assert.deepStrictEqual(yield* mock.live, { buffers: 0, bytes: 0 })
    return yield* exit
  }).pipe(Effect.provide(Mock.layer(options)))
