import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Fiber, Stream } from "effect"
import { key } from "../../../src/Random/index.ts"
import {
  Environments,
  exactValue,
  Mdp,
  type Outcome,
  Policy,
  policyValue,
  Uvip
} from "../../../src/UVIP/index.ts"
import { distance } from "../fixtures.ts"

describe("Uvip.exact", () => {
  it.effect("gives the measured excesses over V* of FrozenLake 4x4 and of the chain", () =>
    Effect.gen(function* () {
      const uvip = yield* Uvip
      const problems = [
        [yield* Environments.frozenLake({ discount: 0.9, reward: 10 }), [3.512, 0.907, 0]],
        [yield* Environments.chain(), [0.0417, 0.1424, 0]]
      ] as const
      for (const [mdp, expected] of problems) {
        const { values: best } = yield* exactValue(mdp)
        const f = yield* policyValue(mdp, Policy.uniform(mdp))
        const found = yield* Effect.forEach(["independent", "shared", "comonotone"] as const, (coupling) =>
          Effect.map(uvip.exact(mdp, f, { coupling }), ({ values }) => distance(values, best))
        )
        found.forEach((excess, c) => {
          assert.closeTo(excess, expected[c], 5e-4)
        })
      }
    }).pipe(Effect.provide(Uvip.layer))
  )

  it.effect("streams a sweep at a time and ends where asked", () =>
    Effect.gen(function* () {
      const uvip = yield* Uvip
      const mdp = yield* Environments.chain()
      const infos = yield* Stream.runCollect(uvip.exactStream(mdp, new Float64Array(15), { tolerance: 1e-6 }))
      const list = Chunk.isChunk(infos) ? Chunk.toReadonlyArray(infos) : infos
      const last = list[list.length - 1]
      assert.strictEqual(last.sweep, list.length)
      assert.isAtMost(last.width, 1e-6)
      assert.isTrue(list.slice(0, -1).every(({ width }) => width > 1e-6))
    }).pipe(Effect.provide(Uvip.layer))
  )

  it.effect("can be interrupted between sweeps", () =>
    Effect.gen(function* () {
      const uvip = yield* Uvip
      const mdp = yield* Environments.garnet({
        states: 50,
        actions: 2,
        branching: 3,
        discount: 0.99999999,
        key: key(1)
      })
      // A width that rounding never lets it reach, and more sweeps than anyone would wait for.
      const endless = { tolerance: 0, maxSweeps: Infinity }
      const cyclic = yield* Mdp.make({
        states: 2,
        actions: 1,
        discount: 0.99999999,
        outcomes: (state): ReadonlyArray<Outcome> => [[1 - state, 1, state]]
      })
      for (const problem of [mdp, cyclic]) {
        const fiber = yield* Effect.forkChild(uvip.exact(problem, new Float64Array(problem.states), endless))
        yield* Effect.yieldNow
        yield* Fiber.interrupt(fiber)
      }
    }).pipe(Effect.provide(Uvip.layer))
  )

  it.effect("refuses a reference that is none", () =>
    Effect.gen(function* () {
      const uvip = yield* Uvip
      const mdp = yield* Environments.chain()
      const short = yield* Effect.flip(uvip.exact(mdp, new Float64Array(3)))
      assert.match(short.message, /the reference has 3 values for 15 states/)
      const broken = yield* Effect.flip(uvip.exact(mdp, new Float64Array(15).fill(Number.NaN, 4, 5)))
      assert.match(broken.message, /state 4: its reference value is NaN/)
    }).pipe(Effect.provide(Uvip.layer))
  )

  it.effect("certifies a policy: the optimal one has no gap", () =>
    Effect.gen(function* () {
      const uvip = yield* Uvip
      const mdp = yield* Environments.frozenLake({ discount: 0.9 })
      const { values } = yield* exactValue(mdp, { tolerance: 1e-13 })
      const uniform = yield* uvip.certify(mdp, Policy.uniform(mdp))
      const optimal = yield* uvip.certify(mdp, Policy.greedy(mdp, values))
      assert.isBelow(optimal.maxGap, 1e-9)
      assert.isAtLeast(uniform.maxGap, distance(uniform.value, values) - 1e-9)
      assert.strictEqual(uniform.confidence, 1)
    }).pipe(Effect.provide(Uvip.layer))
  )
})
