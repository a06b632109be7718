import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { key } from "../../src/Random/index.ts"
import {
  add,
  evaluate,
  ones,
  scale,
  TensorTrain,
  TensorTrainOptionError,
  TensorTrains
} from "../../src/TensorTrain/index.ts"
import { byDefinition, Modes, onTrains, Seed, Size } from "./onTrains.ts"

/** 1 at one index, 0 elsewhere. */
const unit = (modes: ReadonlyArray<number>, index: ReadonlyArray<number>): TensorTrain =>
  new TensorTrain(
    modes,
    Array.from({ length: modes.length + 1 }, () => 1),
    modes.map((size, k) => new Float64Array(size).map((_, i) => (i === index[k] ? 1 : 0)))
  )

describe("TensorTrains.extrema", () => {
  it.effect.prop(
    "are the true ones where the beam holds all partial indices",
    { modes: Modes, rank: Size(1, 4), seed: Seed },
    ({ modes, rank, seed }) =>
      onTrains(
        Effect.gen(function* () {
          const trains = yield* TensorTrains
          const train = yield* trains.random(modes, rank, key(seed))
          const values = byDefinition(train)
          const { maximum, minimum } = yield* trains.extrema(train, { beam: 4 ** 5 })
          assert.closeTo(maximum.value, Math.max(...values), 1e-10)
          assert.closeTo(minimum.value, Math.min(...values), 1e-10)
          assert.strictEqual(evaluate(train, maximum.index)[0], maximum.value)
          assert.strictEqual(evaluate(train, minimum.index)[0], minimum.value)
        })
      )
  )

  it.effect("in 10^30 elements a peak and a pit are found, whichever is larger", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const modes = Array.from({ length: 30 }, () => 10)
        const [high, low] = [modes.map((_, k) => (3 * k) % 10), modes.map((_, k) => (7 * k + 1) % 10)]
        for (const [peak, pit, level] of [
          [5, -3, 0],
          [2, -4, 0],
          [4, -1, 1e-13]
        ] as const) {
          const train = [scale(unit(modes, high), peak), scale(unit(modes, low), pit)].reduce(
            add,
            scale(ones(modes), level)
          )
          const { maximum, minimum } = yield* trains.extrema(train, { beam: 20 })
          assert.deepStrictEqual([...maximum.index], high)
          assert.deepStrictEqual([...minimum.index], low)
          assert.closeTo(maximum.value, peak, 1e-9)
          assert.closeTo(minimum.value, pit, 1e-9)
        }
      })
    )
  )

  it.effect(
    "random trains of 65 536 elements: at least 18 of 20 largest, and 18 of 20 smallest, with a beam of 100",
    () =>
      onTrains(
        Effect.gen(function* () {
          const trains = yield* TensorTrains
          const modes = Array.from({ length: 8 }, () => 4)
          const hits = [0, 0]
          for (let seed = 0; seed < 20; seed++) {
            const train = yield* trains.random(modes, 3, key(seed))
            const values = yield* trains.toDense(train)
            const [largest, smallest] = values.reduce(
              ([high, low], value) => [Math.max(high, value), Math.min(low, value)],
              [0, 0]
            )
            const { maximum, minimum } = yield* trains.extrema(train)
            if (Math.abs(maximum.value - largest) < 1e-10) hits[0]++
            if (Math.abs(minimum.value - smallest) < 1e-10) hits[1]++
          }
          assert.isAtLeast(Math.min(...hits), 18)
        })
      )
  )

  it.effect("even with a beam of one, no change of a single index is better", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        for (let seed = 0; seed < 10; seed++) {
          const train = yield* trains.random([5, 4, 6, 5, 4], 4, key(seed))
          const { maximum, minimum } = yield* trains.extrema(train, { beam: 1 })
          for (let k = 0; k < 5; k++)
            for (let i = 0; i < train.modes[k]; i++) {
              const [up, down] = [maximum.index.slice(), minimum.index.slice()]
              up[k] = i
              down[k] = i
              assert.isAtMost(evaluate(train, up)[0], maximum.value)
              assert.isAtLeast(evaluate(train, down)[0], minimum.value)
            }
        }
      })
    )
  )

  it.effect("zeros have extrema, and a beam of none is refused", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const { maximum, minimum } = yield* trains.extrema(scale(ones([3, 2]), 0))
        assert.deepStrictEqual([Math.abs(maximum.value), Math.abs(minimum.value)], [0, 0])
        for (const beam of [0, 2.5])
          assert.instanceOf(
            yield* Effect.flip(trains.extrema(ones([3, 2]), { beam })),
            TensorTrainOptionError
          )
      })
    )
  )
})
