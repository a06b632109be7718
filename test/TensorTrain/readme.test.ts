import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { key } from "../../src/Random/index.ts"
import { evaluate, pointwise, TensorTrains } from "../../src/TensorTrain/index.ts"
import { blocksMissing } from "../readmeBlocks.ts"
import { onTrains } from "./onTrains.ts"

// What follows is in the README, letter by letter.
const program = Effect.gen(function* () {
  const trains = yield* TensorTrains
  const modes = Array.from({ length: 8 }, () => 20)
  // Index rows come in batches; `pointwise` makes a batch function of a function of one row.
  const bell = pointwise((index) => Math.exp(-index.reduce((sum, i) => sum + (i / 19 - 0.5) ** 2, 0)))
  const fit = yield* trains.fromFunction(modes, bell, { tolerance: 1e-8, key: key(1) })
  const mean = (yield* trains.sum(fit.train)) / 20 ** 8
  // Ranks add up in sums and multiply in products, until they are rounded away.
  const square = yield* trains.round(yield* trains.hadamard(fit.train, fit.train), { tolerance: 1e-6 })
  const variance = (yield* trains.sum(square)) / 20 ** 8 - mean ** 2
  const { maximum } = yield* trains.extrema(fit.train)
  const { indices } = yield* trains.sample(fit.train, { count: 100, density: "modulus", key: key(2) })
  return { fit, mean, variance, maximum, indices }
})

describe("the README's example", () => {
  it("is this one", () => {
    assert.deepStrictEqual(blocksMissing("src/TensorTrain/README.md", import.meta.filename), [])
  })

  it.effect("finds the moments, the peak and samples of a product of eight bells", () =>
    onTrains(
      Effect.gen(function* () {
        const { fit, mean, variance, maximum, indices } = yield* program
        assert.strictEqual(fit.ended, "tolerance")
        assert.deepStrictEqual(
          fit.train.ranks,
          Array.from({ length: 9 }, () => 1)
        )
        const bells = Array.from({ length: 20 }, (_, i) => Math.exp(-((i / 19 - 0.5) ** 2)))
        const average = (power: number) => bells.reduce((sum, value) => sum + value ** power, 0) / 20
        assert.closeTo(mean / average(1) ** 8, 1, 1e-7)
        assert.closeTo(variance, average(2) ** 8 - average(1) ** 16, 1e-6)
        assert.closeTo(maximum.value, Math.exp(-8 * (0.5 / 19) ** 2), 1e-7)
        assert.isTrue(maximum.index.every((i) => i === 9 || i === 10))
        assert.isTrue(evaluate(fit.train, indices).every((value) => value > 0))
      })
    )
  )
})
