import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TensorTrains } from "../../../src/TensorTrain/index.ts"
import { distance, lengthOf, normals, onTrains } from "../onTrains.ts"

const modesOf = (count: number, size: number) => Array.from({ length: count }, () => size)

describe("long unfoldings", () => {
  it.effect("small modes that are split off together keep the tolerance and the ranks of one by one", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const values = Float64Array.from(
          { length: 2 ** 16 },
          (_, e) => Math.sin(e / 500) + 1e-4 * Math.sqrt(e)
        )
        for (const tolerance of [0.1, 1e-5, 1e-11]) {
          const train = yield* trains.fromDense({ values, shape: modesOf(16, 2) }, { tolerance })
          const error = distance(yield* trains.toDense(train), values)
          assert.isAtMost(error, tolerance * lengthOf(values))
          // No rank can be cut any further.
          const again = yield* trains.round(train, { tolerance: tolerance / 100 })
          assert.deepStrictEqual(train.ranks, again.ranks)
        }
        const bounded = yield* trains.fromDense(
          { values, shape: modesOf(16, 2) },
          { tolerance: 1e-11, maxRank: 3 }
        )
        assert.strictEqual(bounded.largestRank, 3)
        const zero = yield* trains.fromDense({ values: new Float64Array(2 ** 16), shape: modesOf(16, 2) })
        assert.deepStrictEqual(zero.ranks, modesOf(17, 1))
      })
    )
  )

  it.effect("one whose sample does not show all of its directions keeps the tolerance too", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        // Rank 2 in nearly all rows; three rows of their own, which no sample of half as many rows as columns must meet.
        const [rows, columns] = [2000, 48]
        const values = new Float64Array(rows * columns)
        const own = normals(1, 3 * columns)
        for (let i = 0; i < rows; i++)
          for (let j = 0; j < columns; j++) values[i * columns + j] = Math.cos((i - j) / 100)
        for (const [at, row] of [7, 901, 1813].entries())
          values.set(own.subarray(at * columns, (at + 1) * columns), row * columns)
        for (const tolerance of [0.5, 1e-4, 1e-10]) {
          const train = yield* trains.fromDense({ values, shape: [rows, columns] }, { tolerance })
          assert.isAtMost(distance(yield* trains.toDense(train), values), tolerance * lengthOf(values))
          if (tolerance < 0.01) assert.strictEqual(train.ranks[1], 5)
        }
      })
    )
  )

  it.effect("what the squares of a Gram matrix cannot show is looked for all the same", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        // One direction, and a billionth of noise: its square is below the rounding of the first one's.
        for (const columns of [2, 3, 5])
          for (let seed = 1; seed <= 8; seed++) {
            const rows = 6000
            const numbers = normals(seed, rows * (columns + 1) + columns)
            const [left, right] = [numbers.subarray(0, rows), numbers.subarray(rows, rows + columns)]
            const values = numbers
              .slice(rows + columns)
              .map((noise, e) => left[Math.floor(e / columns)] * right[e % columns] + 1e-9 * noise)
            const tolerance = 1e-12
            const train = yield* trains.fromDense({ values, shape: [rows, columns] }, { tolerance })
            assert.isAtMost(distance(yield* trains.toDense(train), values), tolerance * lengthOf(values))
          }
      })
    )
  )
})
