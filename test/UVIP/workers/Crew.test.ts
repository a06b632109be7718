import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Stream } from "effect"
import { key } from "../../../src/Random/index.ts"
import {
  actingAtRandom,
  type ActingPolicy,
  Environments,
  linearActing,
  moduleSimulator,
  nearestDesign,
  simulatorOf,
  UvipOptionError,
  Uvip,
  uniformPoints
} from "../../../src/UVIP/index.ts"

const url = new URL("./warehouse.ts", import.meta.url)

const leaning = linearActing({
  stateSize: 4,
  actions: 2,
  weights: Float64Array.of(0, 0, 0, 0, 0, 0.1, 0.2, 1, 0.3, 0),
  scale: Float64Array.of(1, 1, 1, 1)
})

const box = [
  [-1, 1],
  [-1, 1],
  [-0.1, 0.1],
  [-1, 1]
] as const

const alwaysFirst: ActingPolicy = { act: (_, rows, __, into) => into.fill(0, 0, rows) }

describe("worker threads", () => {
  it.live("make no difference to any number: a module's simulator, by every method", () =>
    Effect.gen(function* () {
      const uvip = yield* Uvip
      const source = yield* moduleSimulator(url, { options: { shelves: 6 } })
      for (const method of ["paper", "sorted", "max-of-means", "piloted"] as const) {
        const at = (threads: number) => uvip.sampled(source, { method, draws: 300, key: key(1), threads })
        const alone = yield* at(1)
        assert.deepStrictEqual(yield* at(2), alone)
        assert.deepStrictEqual(yield* at(3), alone)
      }
      const policy = actingAtRandom(2)
      const certificate = (threads: number) =>
        uvip.certifyBySampling(source, policy, { draws: 200, episodes: 50, key: key(2), threads })
      assert.deepStrictEqual(yield* certificate(2), yield* certificate(1))
      const infos = yield* Stream.runCollect(
        uvip.sampledStream(source, { draws: 300, key: key(1), threads: 2 })
      )
      assert.deepStrictEqual(
        infos.map(({ replication }) => replication),
        [2, 4, 6, 8, 10]
      )
    }).pipe(Effect.provide(Uvip.layer))
  )

  it.live("nor of an MDP's simulator, nor in continuous states above a policy", () =>
    Effect.gen(function* () {
      const uvip = yield* Uvip
      const lake = simulatorOf(yield* Environments.frozenLake({ discount: 0.9 }))
      const sampled = (threads: number) => uvip.sampled(lake, { draws: 200, key: key(1), threads })
      assert.deepStrictEqual(yield* sampled(2), yield* sampled(1))
      const points = uniformPoints(box, 12, key(1))
      const design = yield* nearestDesign({ points, stateSize: 4, neighbours: 2 })
      for (const policy of [leaning, actingAtRandom(2)]) {
        const certificate = (threads: number) =>
          uvip.certifyBySampling(Environments.cartPole({ discount: 0.7 }), policy, {
            design,
            baseline: policy,
            draws: 20,
            episodes: 20,
            key: key(3),
            threads
          })
        assert.deepStrictEqual(yield* certificate(2), yield* certificate(1))
      }
    }).pipe(Effect.provide(Uvip.layer))
  )

  it.live("are refused what they could not make for themselves", () =>
    Effect.gen(function* () {
      const uvip = yield* Uvip
      const source = yield* moduleSimulator(url, { options: { shelves: 6 } })
      const options = { draws: 50, episodes: 5, key: key(1), threads: 2 }
      // Another simulator than the one that the module makes.
      const changed = { ...source, sample: source.sample }
      assert.match(
        (yield* Effect.flip(uvip.sampled(changed, options))).message,
        /threads must be 1 for the simulator warehouse, .* moduleSimulator/
      )
      assert.match(
        (yield* Effect.flip(uvip.certifyBySampling(source, alwaysFirst, options))).message,
        /threads must be 1 for a policy that is a function/
      )
      assert.match(
        (yield* Effect.flip(uvip.sampled(source, { ...options, threads: 0 }))).message,
        /threads must be a whole number of at least 1, not 0/
      )
      for (const [name, file] of [
        ["noSimulator", url],
        ["absent", url],
        ["default", new URL("./absent.ts", import.meta.url)]
      ] as const) {
        const error = yield* Effect.flip(moduleSimulator(file, { name }))
        assert.instanceOf(error, UvipOptionError)
        assert.match(error.message, new RegExp(`export "${name}" of .* must be a function that gives`))
      }
    }).pipe(Effect.provide(Uvip.layer))
  )

  it.live.each([
    ["throw", /^simulator warehouse, state 3, action 0: the shelf fell over$/],
    ["exit", /^worker threads: .*exited with code: 7/],
    ["load", /the robots are asleep/]
  ] as const)("report what goes wrong in them: %s", ([fault, message]) =>
    Effect.gen(function* () {
      const uvip = yield* Uvip
      const source = yield* moduleSimulator(url, { options: { shelves: 6, fault } })
      const error = yield* Effect.flip(uvip.sampled(source, { draws: 50, key: key(1), threads: 2 }))
      assert.match(error.message, message)
    }).pipe(Effect.provide(Uvip.layer))
  )

  it.live("stop when they are interrupted", () =>
    Effect.gen(function* () {
      const uvip = yield* Uvip
      const source = yield* moduleSimulator(url, { options: { shelves: 6 } })
      const begun = yield* Deferred.make<void>()
      const fiber = yield* uvip
        .sampledStream(source, { draws: 100, plan: { replications: 1e9 }, key: key(1), threads: 2 })
        .pipe(
          Stream.runForEach(() => Deferred.succeed(begun, undefined)),
          Effect.forkChild
        )
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(fiber)
      assert.isTrue(Exit.isFailure(yield* Fiber.await(fiber)))
    }).pipe(Effect.provide(Uvip.layer))
  )
})
