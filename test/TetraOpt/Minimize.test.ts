import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Stream } from "effect"
import { key } from "../../src/Random/index.ts"
import {
  type BatchObjective,
  minimize,
  minimizeStream,
  Parameter,
  type Points,
  pointwise,
  Space
} from "../../src/TetraOpt/index.ts"

const plane = Space.make({ x: Parameter.float(-5, 5), y: Parameter.float(-5, 5) })

const bowl = ({ count, values }: Points<unknown>) =>
  Float64Array.from({ length: count }, (_, i) => (values[2 * i] - 1) ** 2 + (values[2 * i + 1] + 2) ** 2)

describe("minimize", () => {
  it.effect("finds a minimum, and says what it took", () =>
    Effect.gen(function* () {
      const { configuration, value, evaluations, failed, ended, candidates } = yield* minimize(
        bowl,
        yield* plane,
        { evaluations: 2000, key: key(3) }
      )
      assert.isBelow(value, 1e-20)
      assert.closeTo(configuration.x, 1, 1e-9)
      assert.closeTo(configuration.y, -2, 1e-9)
      assert.deepStrictEqual([evaluations, failed, ended], [2000, 0, "evaluations"])
      assert.deepStrictEqual(candidates[0], { configuration, value })
      assert.isTrue(candidates.every((one, i) => i === 0 || one.value >= candidates[i - 1].value))
      assert.isAbove(candidates.length, 1)
    })
  )

  it.effect("takes functions of one configuration, and effects", () =>
    Effect.gen(function* () {
      const space = yield* plane
      const options = { evaluations: 1500, key: key(4) }
      const whole = yield* minimize(bowl, space, options)
      const single = yield* minimize(
        pointwise(({ x, y }) => (x - 1) ** 2 + (y + 2) ** 2),
        space,
        options
      )
      const effect = yield* minimize((points) => Effect.as(Effect.yieldNow, bowl(points)), space, options)
      assert.deepStrictEqual(single, whole)
      assert.deepStrictEqual(effect, whole)
    })
  )

  it.effect(
    "gives logarithmic, whole and categorical parameters their values, and leaves out what does not exist",
    () =>
      Effect.gen(function* () {
        const space = yield* Space.make({
          rate: Parameter.float(1e-6, 1, { scale: "log" }),
          layers: Parameter.int(1, 30),
          optimizer: Parameter.categorical(["adam", "sgd", "lion"]),
          momentum: Parameter.conditional(Parameter.float(0, 1), { optimizer: ["sgd"] })
        })
        const { configuration, value } = yield* minimize(
          pointwise(({ rate, layers, optimizer, momentum }) => {
            assert.strictEqual(momentum === undefined, optimizer !== "sgd")
            return (
              Math.log10(rate / 3e-4) ** 2 +
              (layers - 7) ** 2 +
              (momentum === undefined ? 1 : (momentum - 0.9) ** 2)
            )
          }),
          space,
          { evaluations: 5000 }
        )
        assert.isBelow(value, 1e-8)
        assert.strictEqual(configuration.layers, 7)
        assert.strictEqual(configuration.optimizer, "sgd")
        assert.closeTo(configuration.rate, 3e-4, 1e-6)
        const { values } = yield* Effect.map(minimizeOnce(space), (points) => points)
        assert.isTrue(values.every((v, e) => !Number.isNaN(v) || e % 4 === 3))
      })
  )

  it.effect("holds to constraints", () =>
    Effect.gen(function* () {
      const space = yield* Space.make({ a: Parameter.int(0, 100), b: Parameter.int(0, 100) }, [
        { name: "a + b is 117 at most", holds: ({ a, b }) => a + b <= 117 }
      ])
      const { configuration, value } = yield* minimize(
        pointwise(({ a, b }) => {
          assert.isAtMost(a + b, 117)
          return -2 * a - b
        }),
        space,
        { evaluations: 1000 }
      )
      assert.strictEqual(value, -217)
      assert.deepStrictEqual(configuration, { a: 100, b: 17 })
      const impossible = yield* Space.make({ a: Parameter.int(0, 100) }, [
        { name: "never", holds: () => false }
      ])
      const error = yield* Effect.flip(
        minimize(
          pointwise(() => 0),
          impossible,
          { evaluations: 10 }
        )
      )
      assert.strictEqual(
        error.message,
        "none of 0 trials gave a finite value; the last: none was asked for, because the constraints exclude all that were drawn"
      )
    })
  )

  it.effect("ends at its target, or where all points have been asked", () =>
    Effect.gen(function* () {
      const reached = yield* minimize(bowl, yield* plane, { evaluations: 100_000, target: 1e-3 })
      assert.strictEqual(reached.ended, "target")
      assert.isBelow(reached.evaluations, 2000)
      const small = yield* Space.make({ a: Parameter.int(1, 7), b: Parameter.categorical([true, false]) })
      const all = yield* minimize(
        pointwise(({ a, b }) => (b ? a : a + 0.5)),
        small,
        { evaluations: 100_000 }
      )
      assert.deepStrictEqual([all.evaluations, all.ended, all.value], [14, "exhausted", 1])
    })
  )

  it.effect("counts values that are not finite, throws and failures as failed points", () =>
    Effect.gen(function* () {
      const space = yield* plane
      let batches = 0
      const { value, failed, evaluations } = yield* minimize(
        (points) => {
          batches++
          if (batches % 5 === 1) throw new Error("no licence")
          if (batches % 5 === 2) return Effect.fail("no worker")
          return bowl(points).map((v, i) => (i % 7 === 3 ? Number.NaN : v))
        },
        space,
        { evaluations: 10_000 }
      )
      assert.strictEqual(evaluations, 10_000)
      assert.isBelow(value, 1e-6)
      assert.isAbove(failed, 1000)
    })
  )

  it.effect("fails where nothing succeeds, and says why the last point failed", () =>
    Effect.gen(function* () {
      const space = yield* plane
      const message = (objective: BatchObjective<unknown, unknown>) =>
        Effect.map(Effect.flip(minimize(objective, space, { evaluations: 30 })), (error) => error.message)
      const none = "none of 30 trials gave a finite value; the last: "
      assert.strictEqual(
        yield* message(() => {
          throw new Error("no licence")
        }),
        `${none}threw no licence`
      )
      assert.strictEqual(
        yield* message(({ count }) => new Float64Array(count).fill(Infinity)),
        `${none}was Infinity`
      )
      assert.strictEqual(yield* message(({ count }) => new Float64Array(count).fill(NaN)), `${none}was NaN`)
      assert.strictEqual(
        yield* message(
          pointwise(() => {
            throw new Error("off")
          })
        ),
        `${none}threw off`
      )
    })
  )

  it.effect("refuses budgets and targets that are none, and wrong counts of values", () =>
    Effect.gen(function* () {
      const space = yield* plane
      for (const evaluations of [0, -1, 2.5, Number.NaN, Infinity]) {
        const error = yield* Effect.flip(minimize(bowl, space, { evaluations }))
        assert.strictEqual(
          error.message,
          `evaluations must be a whole number, at least 1, not ${evaluations}`
        )
      }
      const target = yield* Effect.flip(minimize(bowl, space, { evaluations: 5, target: Number.NaN }))
      assert.strictEqual(target.message, "target must be a number, not NaN")
      const count = yield* Effect.flip(minimize(() => [1, 2, 3], space, { evaluations: 4 }))
      assert.strictEqual(count.message, "the function under minimisation gave 3 values for 4 points")
    })
  )

  it.effect("streams where it is, to the end that a run has", () =>
    Effect.gen(function* () {
      const space = yield* plane
      const options = { evaluations: 20_000, key: key(6) }
      const infos = yield* Stream.runCollect(minimizeStream(bowl, space, options))
      const last = infos[infos.length - 1]
      const run = yield* minimize(bowl, space, options)
      assert.strictEqual(last.evaluations, 20_000)
      assert.strictEqual(last.ended, "evaluations")
      assert.deepStrictEqual(last.best, { configuration: run.configuration, value: run.value })
      assert.isTrue(infos.every((info, i) => (info.ended === undefined) === i < infos.length - 1))
      assert.isTrue(infos.every((info, i) => i === 0 || info.evaluations > infos[i - 1].evaluations))
      const failed = yield* Stream.runCollect(
        minimizeStream(({ count }) => new Float64Array(count).fill(Number.NaN), space, { evaluations: 100 })
      )
      assert.strictEqual(failed[failed.length - 1].failed, 100)
      assert.isUndefined(failed[failed.length - 1].best)
    })
  )

  it.effect("can be interrupted in the midst of it", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(minimize(bowl, yield* plane, { evaluations: 1e12 }))
      yield* Effect.yieldNow
      const exit = yield* Effect.andThen(Fiber.interrupt(fiber), Fiber.await(fiber))
      assert.isTrue(Exit.hasInterrupts(exit))
    })
  )
})

/** The points of the first batch. */
const minimizeOnce = <A>(space: Space<A>) =>
  Effect.gen(function* () {
    let first: Points<A> | undefined
    yield* minimize(
      (points) => {
        first ??= { ...points, values: points.values.slice() }
        return new Float64Array(points.count)
      },
      space,
      { evaluations: 50 }
    )
    return first ?? assert.fail("no batch")
  })
