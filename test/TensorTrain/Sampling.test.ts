import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { key } from "../../src/Random/index.ts"
import { NumericalError } from "../../src/Tensor/index.ts"
import {
  hadamard,
  ones,
  scale,
  subtract,
  TensorTrainOptionError,
  TensorTrains
} from "../../src/TensorTrain/index.ts"
import { byDefinition, onTrains, sizeOf } from "./onTrains.ts"

const modes = [3, 4, 2, 3]
const count = 20_000

/** How often each element was drawn. */
const histogram = (indices: Int32Array): Float64Array => {
  const counts = new Float64Array(sizeOf(modes))
  for (let row = 0; row < indices.length; row += modes.length)
    counts[modes.reduce((at, size, k) => at * size + indices[row + k], 0)]++
  return counts
}

/** Pearson's statistic, and its 99.99 % quantile (Wilson and Hilferty): a false alarm in one of 10 000 keys, and the key is fixed. */
const chiSquare = (counts: Float64Array, probabilities: Float64Array) => {
  let [statistic, cells] = [0, 0]
  counts.forEach((observed, e) => {
    const expected = count * probabilities[e]
    if (expected === 0) assert.strictEqual(observed, 0)
    else {
      statistic += (observed - expected) ** 2 / expected
      cells++
    }
  })
  const freedom = cells - 1
  const quantile = freedom * (1 - 2 / (9 * freedom) + 3.719 * Math.sqrt(2 / (9 * freedom))) ** 3
  return { statistic, quantile }
}

const normalised = (weights: Float64Array): Float64Array => {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return weights.map((weight) => weight / total)
}

describe("TensorTrains.sample", () => {
  it.effect("draws in proportion to the squares, and to the elements where none is negative", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const train = yield* trains.random(modes, 3, key(2))
        const squares = byDefinition(train).map((value) => value * value)
        const cases = [
          { source: train, density: "square" as const },
          { source: hadamard(train, train), density: "modulus" as const }
        ]
        for (const { source, density } of cases) {
          const probabilities = normalised(squares)
          const { indices, logProbabilities } = yield* trains.sample(source, { count, density, key: key(5) })
          const { statistic, quantile } = chiSquare(histogram(indices), probabilities)
          assert.isBelow(statistic, quantile, density)
          for (let row = 0; row < 100; row++) {
            const at = modes.reduce((place, size, k) => place * size + indices[row * modes.length + k], 0)
            assert.closeTo(logProbabilities[row], Math.log(probabilities[at]), 1e-8)
          }
        }
      })
    )
  )

  it.effect("the same key draws the same", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const train = yield* trains.random(modes, 2, key(3))
        const draws = []
        for (const seed of [1, 1, 2]) draws.push(yield* trains.sample(train, { count: 50, key: key(seed) }))
        assert.deepStrictEqual(draws[0], draws[1])
        assert.notDeepEqual(draws[0].indices, draws[2].indices)
      })
    )
  )

  it.effect("the logarithms of the probabilities stay finite where the probabilities would not", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const uniform = ones(Array.from({ length: 400 }, () => 10))
        for (const density of ["square", "modulus"] as const) {
          const { logProbabilities } = yield* trains.sample(scale(uniform, 1e-100), {
            count: 3,
            density,
            key: key(1)
          })
          for (const value of logProbabilities) assert.closeTo(value, -400 * Math.log(10), 1e-6)
        }
      })
    )
  )

  it.effect("zeros, sums of zero and counts of none are refused", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const train = yield* trains.random(modes, 2, key(3))
        const zero = scale(train, 0)
        for (const density of ["square", "modulus"] as const)
          assert.instanceOf(
            yield* Effect.flip(trains.sample(zero, { count: 3, density, key: key(1) })),
            NumericalError
          )
        assert.instanceOf(
          yield* Effect.flip(
            trains.sample(subtract(ones(modes), ones(modes)), { count: 1, density: "modulus", key: key(1) })
          ),
          NumericalError
        )
        for (const wrong of [0, 1.5])
          assert.instanceOf(
            yield* Effect.flip(trains.sample(train, { count: wrong, key: key(1) })),
            TensorTrainOptionError
          )
      })
    )
  )
})
