import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Schema } from "effect"
import { key } from "../../../src/Random/index.ts"
import { ShapeError } from "../../../src/Tensor/index.ts"
import {
  type BatchFunction,
  evaluate,
  EvaluationBudgetError,
  EvaluationError,
  pointwise,
  TensorTrainOptionError,
  TensorTrains
} from "../../../src/TensorTrain/index.ts"
import { allIndices, byDefinition, distance, lengthOf, onTrains } from "../onTrains.ts"

const hilbert = pointwise((index) => 1 / (1 + index.reduce((sum, i) => sum + i, 0)))

/** A batch function that counts how often it is asked, and for what. */
const counted = <E, R>(batchFunction: BatchFunction<E, R>) => {
  const seen = new Map<string, number>()
  const batches: Array<number> = []
  const asked: BatchFunction<E, R> = (batch) => {
    batches.push(batch.count)
    const dimensions = batch.indices.length / batch.count
    for (let row = 0; row < batch.count; row++) {
      const name = batch.indices.subarray(row * dimensions, (row + 1) * dimensions).join()
      seen.set(name, (seen.get(name) ?? 0) + 1)
    }
    return batchFunction(batch)
  }
  return { asked, seen, batches }
}

const broken: BatchFunction = () => {
  throw new RangeError("no batches today")
}

describe("TensorTrains.fromFunction", () => {
  it.effect("recovers planted trains of any rank, to rounding", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        for (const rank of [1, 2, 4])
          for (const seed of [1, 2]) {
            const planted = yield* trains.random([6, 5, 7, 4, 6], rank, key(seed))
            const { asked, batches } = counted(({ indices }) => Effect.sync(() => evaluate(planted, indices)))
            const found = yield* trains.fromFunction(planted.modes, asked, { tolerance: 1e-9 })
            assert.strictEqual(found.ended, "tolerance")
            assert.deepStrictEqual(found.train.ranks, planted.ranks)
            const expected = byDefinition(planted)
            assert.isBelow(distance(byDefinition(found.train), expected), 1e-9 * lengthOf(expected))
            assert.strictEqual(
              found.evaluations,
              batches.reduce((sum, count) => sum + count, 0)
            )
          }
      })
    )
  )

  it.effect("reaches the tolerance on a function of no finite rank, on all elements", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const modes = [8, 8, 8, 8]
        const indices = allIndices(modes)
        const expected = yield* hilbert({ count: indices.length / 4, indices })
        for (const tolerance of [1e-3, 1e-6, 1e-9]) {
          const { train, validationError, ended } = yield* trains.fromFunction(modes, hilbert, { tolerance })
          assert.strictEqual(ended, "tolerance")
          assert.isAtMost(validationError, tolerance)
          // The sample's error is a random number about the true one.
          assert.isBelow(distance(byDefinition(train), expected), 3 * tolerance * lengthOf(expected))
        }
      })
    )
  )

  it.effect("never asks for a row twice, and not beyond the budget", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const modes = [10, 10, 10, 10, 10, 10]
        for (const maxEvaluations of [700, 2000, 5000]) {
          const { asked, seen } = counted(hilbert)
          const found = yield* trains.fromFunction(modes, asked, { tolerance: 1e-12, maxEvaluations })
          assert.strictEqual(found.ended, "budget")
          assert.isAtMost(seen.size, maxEvaluations)
          assert.strictEqual(found.evaluations, seen.size)
          assert.isTrue([...seen.values()].every((times) => times === 1))
        }
      })
    )
  )

  it.effect("a largest rank and a largest batch are kept", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const { asked, batches } = counted(hilbert)
        const options = { tolerance: 1e-12, maxRank: 2, batchSize: 37 }
        const { train, ended } = yield* trains.fromFunction([6, 6, 6, 6], asked, options)
        assert.isAtMost(train.largestRank, 2)
        assert.strictEqual(ended, "stalled")
        assert.isAtMost(Math.max(...batches), 37)
      })
    )
  )

  it.effect("finds what random starts miss: a narrow peak that the validation points show", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const modes = [12, 12, 12]
        const peaked = pointwise(([i, j, k]) => 1e-3 + (i === 7 && j > 2 && j < 9 && k === 4 ? 1 : 0))
        const { train, ended } = yield* trains.fromFunction(modes, peaked, { validationPoints: 1000 })
        assert.strictEqual(ended, "tolerance")
        assert.closeTo(evaluate(train, Int32Array.of(7, 5, 4))[0], 1.001, 1e-6)
        assert.closeTo(evaluate(train, Int32Array.of(7, 1, 4))[0], 1e-3, 1e-6)
      })
    )
  )

  it.effect("one mode, modes of size one, constants and zeros", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const vector = yield* trains.fromFunction([5], hilbert)
        assert.isBelow(distance(vector.train.cores[0], [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5]), 1e-14)
        const thin = yield* trains.fromFunction([1, 4, 1, 3, 1], hilbert)
        assert.closeTo(evaluate(thin.train, Int32Array.of(0, 3, 0, 2, 0))[0], 1 / 6, 1e-9)
        for (const value of [0, 2.5]) {
          const { train, ended } = yield* trains.fromFunction(
            [3, 4, 5],
            pointwise(() => value)
          )
          assert.strictEqual(ended, "tolerance")
          assert.deepStrictEqual(train.ranks, [1, 1, 1, 1])
          assert.isTrue(byDefinition(train).every((element) => Math.abs(element - value) < 1e-12))
        }
      })
    )
  )

  it.effect("the same key asks the same, and gives the same", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const runs = []
        for (const seed of [1, 1, 2])
          runs.push(yield* trains.fromFunction([9, 9, 9, 9], hilbert, { key: key(seed) }))
        assert.deepStrictEqual(runs[0].train, runs[1].train)
        assert.deepStrictEqual(runs[0].history, runs[1].history)
        assert.notDeepEqual(runs[0].train, runs[2].train)
      })
    )
  )

  it.effect("a function that fails, throws, or gives NaN or too few values fails with that", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        class Refused extends Schema.TaggedError<Refused>()("Refused", {}) {}
        const modes = [4, 4, 4]
        const refused = yield* Effect.flip(trains.fromFunction(modes, () => Effect.fail(new Refused())))
        assert.instanceOf(refused, Refused)
        const thrown = yield* Effect.flip(
          trains.fromFunction(
            modes,
            pointwise(([i]) => {
              if (i === 3) throw new RangeError("no value at 3")
              return i
            })
          )
        )
        assert.instanceOf(thrown, EvaluationError)
        assert.match(thrown.message, /at \[3, \d, \d\] threw no value at 3/)
        const nan = yield* Effect.flip(
          trains.fromFunction(
            modes,
            pointwise(([, j]) => Math.log(j - 1))
          )
        )
        assert.instanceOf(nan, EvaluationError)
        assert.match(nan.message, /at \[\d, [01], \d\] is (NaN|-Infinity)/)
        const whole = yield* Effect.flip(trains.fromFunction(modes, broken))
        assert.instanceOf(whole, EvaluationError)
        assert.match(whole.message, /threw no batches today/)
        const short = yield* Effect.flip(trains.fromFunction(modes, () => Effect.succeed([1])))
        assert.instanceOf(short, ShapeError)
        assert.include(short.message, "1 values for a batch")
      })
    )
  )

  it.effect("a budget that ends in the first sweep, and options out of range, are refused", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const modes = [10, 10, 10, 10]
        for (const budget of [1, 260]) {
          const error = yield* Effect.flip(trains.fromFunction(modes, hilbert, { maxEvaluations: budget }))
          assert.instanceOf(error, EvaluationBudgetError)
          assert.include(error.message, `budget of ${budget} evaluations`)
        }
        const wrong = [
          { tolerance: 0 },
          { tolerance: Number.NaN },
          { maxRank: 0 },
          { maxEvaluations: 0 },
          { maxHalfSweeps: 0 },
          { startingRank: 0 },
          { kick: -1 },
          { growth: Number.POSITIVE_INFINITY },
          { validationPoints: 0 },
          { batchSize: 1.5 }
        ]
        for (const options of wrong) {
          const error = yield* Effect.flip(trains.fromFunction(modes, hilbert, options))
          assert.instanceOf(error, TensorTrainOptionError)
          assert.include(error.message, `${Object.keys(options)[0]} must be`)
        }
        for (const empty of [[], [3, 0], [2.5]])
          assert.instanceOf(yield* Effect.flip(trains.fromFunction(empty, hilbert)), ShapeError)
      })
    )
  )

  it.live("stops when it is interrupted in the middle", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const endless = trains.fromFunction(
          Array.from({ length: 30 }, () => 30),
          pointwise((index) => Math.sin(index.reduce((sum, i, k) => sum + i * i * (k + 1), 0))),
          { tolerance: 1e-15, maxEvaluations: 1e9 }
        )
        const fiber = yield* Effect.forkChild(endless)
        yield* Effect.yieldNow
        yield* Fiber.interrupt(fiber)
        assert.isTrue(Exit.isFailure(yield* Fiber.await(fiber)))
      })
    )
  )
})
