import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Matrix, SingularValueDecomposition } from "ml-matrix"
import { key } from "../../src/Random/index.ts"
import { NumericalError, ShapeError, Tensor } from "../../src/Tensor/index.ts"
import { randomTrain, TensorTrainOptionError, TensorTrains } from "../../src/TensorTrain/index.ts"
import {
  byDefinition,
  distance,
  graded,
  lengthOf,
  Modes,
  normals,
  onTrains,
  Seed,
  Size,
  sizeOf,
  skewness
} from "./onTrains.ts"

/** The rank that the k-th unfolding needs where each of the d - 1 may discard its share. */
const unfoldingRank = (
  values: Float64Array,
  modes: ReadonlyArray<number>,
  k: number,
  tolerance: number
): number => {
  const rows = sizeOf(modes.slice(0, k))
  const columns = values.length / rows
  const unfolding = new Matrix(
    Array.from({ length: rows }, (_, i) => Array.from(values.subarray(i * columns, (i + 1) * columns)))
  )
  const { diagonal } = new SingularValueDecomposition(unfolding, { autoTranspose: true })
  const share = (tolerance * lengthOf(values)) ** 2 / (modes.length - 1)
  let [rank, discarded] = [diagonal.length, 0]
  while (rank > 1 && discarded + diagonal[rank - 1] ** 2 <= share) discarded += diagonal[--rank] ** 2
  return rank
}

describe("TensorTrains.fromDense", () => {
  it.effect.prop(
    "misses the tensor by no more than the tolerance",
    { modes: Modes, seed: Seed, digits: Size(0, 12) },
    ({ modes, seed, digits }) =>
      onTrains(
        Effect.gen(function* () {
          const trains = yield* TensorTrains
          const values = graded(seed, modes)
          const tolerance = 10 ** -digits
          const train = yield* trains.fromDense({ values, shape: modes }, { tolerance })
          const error = distance(byDefinition(train), values)
          assert.isAtMost(error, (tolerance + 1e-14) * lengthOf(values))
          assert.deepStrictEqual(train.modes, modes)
        })
      )
  )

  it.effect("tall unfoldings keep the tolerance too, where singular values fall from 1 to 1e-13", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const modes = [40, 6, 8]
        const values = new Float64Array(sizeOf(modes))
        for (let i = 0; i < 40; i++)
          for (let j = 0; j < 6; j++)
            for (let k = 0; k < 8; k++) values[(i * 6 + j) * 8 + k] = 1 / (1 + i + j + k)
        const storages: Array<number> = []
        for (const tolerance of [1e-2, 1e-5, 1e-8, 1e-11, 0]) {
          const train = yield* trains.fromDense({ values, shape: modes }, { tolerance })
          const error = distance(byDefinition(train), values) / lengthOf(values)
          assert.isAtMost(error, tolerance + 1e-14, `tolerance ${tolerance}`)
          for (const k of [1, 2]) {
            assert.isBelow(skewness(train.cores[k], train.ranks[k]), 1e-12)
            if (tolerance > 0) assert.isAtMost(train.ranks[k], unfoldingRank(values, modes, k, tolerance))
          }
          storages.push(train.storedParameters)
        }
        assert.deepStrictEqual(
          storages,
          storages.toSorted((a, b) => a - b)
        )
        assert.strictEqual(new Set(storages).size, 5)
      })
    )
  )

  it.effect("wide unfoldings of many rows keep it too, whether their singular values are alike or not", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const shape = [130, 150]
        const planted = byDefinition(randomTrain(shape, 20, key(3)))
        const noise = normals(4, planted.length)
        // In the second the singular values fall from 1 to 1e-9, where a Gram matrix shows nothing but rounding.
        const smooth = planted.map((_, e) => 1 / (1 + Math.floor(e / 150) + (e % 150)))
        for (const values of [planted.map((value, e) => value + 1e-3 * noise[e]), smooth]) {
          for (const tolerance of [0.3, 1e-2, 1e-6, 0]) {
            const train = yield* trains.fromDense({ values, shape }, { tolerance })
            const error = distance(byDefinition(train), values) / lengthOf(values)
            assert.isAtMost(error, tolerance + 1e-14)
            assert.isBelow(skewness(train.cores[1], train.ranks[1]), 1e-12)
            if (tolerance > 0)
              assert.isAtMost(train.ranks[1], unfoldingRank(values, shape, 1, tolerance), `${tolerance}`)
          }
        }
      })
    )
  )

  it.effect.prop("finds planted ranks", { seed: Seed, ranks: Size(1, 4) }, ({ seed, ranks }) =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const planted = yield* trains.random([4, 5, 3, 6], ranks, key(seed))
        const train = yield* trains.fromDense({ values: byDefinition(planted), shape: planted.modes })
        assert.deepStrictEqual(train.ranks, planted.ranks)
      })
    )
  )

  it.effect(
    "with a largest rank it is as near as the truncation of one unfolding, where there is but one",
    () =>
      onTrains(
        Effect.gen(function* () {
          const trains = yield* TensorTrains
          const values = normals(5, 9 * 7)
          const errors: Array<number> = []
          for (const maxRank of [1, 3, 6, 7]) {
            const train = yield* trains.fromDense({ values, shape: [9, 7] }, { tolerance: 0, maxRank })
            assert.strictEqual(train.largestRank, maxRank)
            errors.push(distance(byDefinition(train), values))
          }
          assert.isBelow(errors[3], 1e-13)
          assert.isTrue(errors.every((error, i) => i === 0 || error < errors[i - 1]))
        })
      )
  )

  it.effect("ranks of their own are kept at each unfolding", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const dense = { values: normals(6, 4 * 5 * 6 * 3), shape: [4, 5, 6, 3] }
        for (const maxRank of [
          [2, 5, 1],
          [4, 3, 2]
        ]) {
          const train = yield* trains.fromDense(dense, { tolerance: 0, maxRank })
          assert.deepStrictEqual(train.ranks, [1, ...maxRank, 1])
          const exact = yield* trains.fromDense(dense, { tolerance: 0 })
          const rounded = yield* trains.round(exact, { tolerance: 0, maxRank })
          assert.deepStrictEqual(rounded.ranks, train.ranks)
          assert.isBelow(distance(byDefinition(rounded), byDefinition(train)), 1e-10)
        }
        for (const maxRank of [[2, 5], [2, 0, 1], [2, 1.5, 1], 2.5]) {
          const error = yield* Effect.flip(trains.fromDense(dense, { maxRank }))
          assert.instanceOf(error, TensorTrainOptionError)
          assert.include(error.message, "at least 1")
        }
      })
    )
  )

  it.effect("zeros, one mode, and tensors of any scale", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const zero = yield* trains.fromDense({ values: new Float64Array(24), shape: [2, 3, 4] })
        assert.deepStrictEqual(zero.ranks, [1, 1, 1, 1])
        assert.isTrue(byDefinition(zero).every((value) => value === 0))
        const vector = yield* trains.fromDense({ values: [1, 2, 3], shape: [3] })
        assert.deepStrictEqual([...vector.cores[0]], [1, 2, 3])
        const tensor = yield* trains.fromDense(yield* Tensor.fromArray([1, 2, 3, 4], [2, 2]))
        assert.isBelow(distance(byDefinition(tensor), [1, 2, 3, 4]), 1e-13)
        const values = graded(4, [3, 4, 5])
        for (const scale of [1e-280, 1e-160, 1e160, 1e280]) {
          const scaled = values.map((value) => value * scale)
          const train = yield* trains.fromDense({ values: scaled, shape: [3, 4, 5] }, { tolerance: 1e-4 })
          const back = byDefinition(train).map((value) => value / scale)
          assert.isAtMost(distance(back, values), 1e-4 * lengthOf(values))
        }
      })
    )
  )

  it.effect("what is no tensor, and what is no tolerance, is refused", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const values = [1, 2, 3, Number.NaN, 5, 6]
        const nan = yield* Effect.flip(trains.fromDense({ values, shape: [2, 3] }))
        assert.instanceOf(nan, NumericalError)
        assert.include(nan.message, "element [1, 0] is NaN")
        for (const shape of [[], [2, 0], [2, 2], [2, 1.5]])
          assert.instanceOf(yield* Effect.flip(trains.fromDense({ values, shape })), ShapeError)
        const fine = { values: [1, 2], shape: [2] }
        for (const accuracy of [{ tolerance: -1 }, { tolerance: Number.NaN }, { maxRank: 0 }])
          assert.instanceOf(yield* Effect.flip(trains.fromDense(fine, accuracy)), TensorTrainOptionError)
      })
    )
  )
})
