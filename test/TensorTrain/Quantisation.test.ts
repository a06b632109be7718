import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { key } from "../../src/Random/index.ts"
import { ShapeError } from "../../src/Tensor/index.ts"
import { evaluate, fromDigits, toDigits, TensorTrain, TensorTrains } from "../../src/TensorTrain/index.ts"
import { assertClose } from "../assertClose.ts"
import { allIndices, byDefinition, distance, lengthOf, onTrains, Seed, Size } from "./onTrains.ts"

describe("quantised trains", () => {
  it.effect.prop(
    "hold the same elements at the digits of the indices, the least significant first, and come back",
    { seed: Seed, rank: Size(1, 3), digits: Size(2, 12) },
    ({ seed, rank, digits }) =>
      onTrains(
        Effect.gen(function* () {
          const trains = yield* TensorTrains
          for (const [base, modes, counts] of [
            [2, [8, 2, 4], [3, 1, 2]],
            [3, [9, 3, 27], [2, 1, 3]]
          ] as const) {
            const train = yield* trains.random(modes, rank, key(seed))
            const tolerance = 10 ** -digits
            const quantised = yield* trains.quantise(train, base, { tolerance })
            assert.deepStrictEqual(
              quantised.modes,
              Array.from({ length: 6 }, () => base)
            )
            const indices = allIndices(modes)
            const values = evaluate(quantised, toDigits(indices, counts, base))
            const expected = byDefinition(train)
            const allowed = (tolerance + 1e-13) * lengthOf(expected)
            assert.isAtMost(distance(values, expected), allowed)
            assert.deepStrictEqual(fromDigits(toDigits(indices, counts, base), counts, base), indices)
            const back = yield* trains.dequantise(quantised, counts)
            assert.deepStrictEqual(back.modes, [...modes])
            assert.isAtMost(distance(byDefinition(back), expected), allowed)
          }
        })
      )
  )

  it("digits are counted from the least significant", () => {
    assert.deepStrictEqual([...toDigits(Int32Array.of(6, 1), [3, 2], 2)], [0, 1, 1, 1, 0])
  })

  it.effect("an exponential has rank 1 and a sine rank 2 in 2^12 points", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const size = 2 ** 12
        const functions = [
          { rank: 1, of: (x: number) => Math.exp(-3 * x) },
          { rank: 2, of: (x: number) => Math.sin(40 * x) }
        ]
        for (const { rank, of } of functions) {
          const values = new Float64Array(size).map((_, i) => of(i / size))
          const train = new TensorTrain([size], [1, 1], [values])
          const quantised = yield* trains.quantise(train, 2, { tolerance: 1e-10 })
          assert.strictEqual(quantised.largestRank, rank)
          assertClose(yield* trains.toDense(yield* trains.dequantise(quantised, [12])), values, 1e-9)
        }
      })
    )
  )

  it.effect("modes that are no power, and digits that do not add up, are refused", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const train = yield* trains.random([4, 6], 2, key(1))
        const error = yield* Effect.flip(trains.quantise(train))
        assert.instanceOf(error, ShapeError)
        assert.include(error.message, "mode size 6 is no power of 2")
        for (const base of [1, 0, 2.5])
          assert.instanceOf(yield* Effect.flip(trains.quantise(train, base)), ShapeError)
        const digits = yield* trains.random([2, 2, 2], 2, key(1))
        for (const counts of [[2], [2, 2], [3, 0], [1.5, 1.5]])
          assert.instanceOf(yield* Effect.flip(trains.dequantise(digits, counts)), ShapeError)
        assert.instanceOf(yield* Effect.flip(trains.dequantise(train, [1, 1])), ShapeError)
      })
    )
  )
})
