import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { NumericalError, ShapeError } from "../../src/Tensor/index.ts"
import { TensorTrain, TensorTrains } from "../../src/TensorTrain/index.ts"
import { onTrains } from "./onTrains.ts"

const core = (...shape: ReadonlyArray<number>) => ({
  values: new Float64Array(shape.reduce((all, size) => all * size, 1)).fill(1),
  shape
})

describe("TensorTrain", () => {
  it("counts what it stores", () => {
    const train = new TensorTrain([2, 3], [1, 2, 1], [new Float64Array(4), new Float64Array(6)])
    assert.strictEqual(train.storedParameters, 10)
    assert.strictEqual(train.largestRank, 2)
  })

  it.effect("cores that do not fit together are refused, and the message says which", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const cases = [
          { cores: [], says: "at least one mode" },
          { cores: [core(1, 0, 1)], says: "at least 1" },
          { cores: [core(1, 2, 3), core(2, 2, 1)], says: "core 0 ends with rank 3" },
          { cores: [core(2, 2)], says: "each core must be" },
          { cores: [{ ...core(1, 2, 1), values: [1] }], says: "core 0 must be [1, 2, 1], 2 numbers, not 1" },
          { cores: [core(2, 2, 1)], says: "the first and the last rank" },
          { cores: [core(1, 2, 0), core(0, 2, 1)], says: "at least 1" }
        ]
        for (const { cores, says } of cases) {
          const error = yield* Effect.flip(trains.fromCores(cores))
          assert.instanceOf(error, ShapeError)
          assert.include(error.message, says)
        }
      })
    )
  )

  it.effect("NaN is refused with its place", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const values = Float64Array.of(1, 2, 3, Number.NaN)
        const error = yield* Effect.flip(trains.fromCores([{ values, shape: [1, 2, 2] }, core(2, 2, 1)]))
        assert.instanceOf(error, NumericalError)
        assert.include(error.message, "core 0 has NaN at [0, 1, 1]")
      })
    )
  )
})
