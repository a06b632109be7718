import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { key } from "../../src/Random/index.ts"
import { TensorTrainOptionError, TensorTrains } from "../../src/TensorTrain/index.ts"
import { assertClose } from "../assertClose.ts"
import {
  byDefinition,
  distance,
  graded,
  lengthOf,
  Modes,
  onTrains,
  Seed,
  Size,
  skewness
} from "./onTrains.ts"

describe("TensorTrains.round", () => {
  it.effect.prop(
    "changes the tensor by no more than the tolerance",
    { modes: Modes, seed: Seed, digits: Size(0, 12) },
    ({ modes, seed, digits }) =>
      onTrains(
        Effect.gen(function* () {
          const trains = yield* TensorTrains
          const exact = yield* trains.fromDense(
            { values: graded(seed, modes), shape: modes },
            { tolerance: 0 }
          )
          const train = yield* trains.add(exact, yield* trains.scale(exact, -0.75))
          const values = byDefinition(train)
          const tolerance = 10 ** -digits
          const rounded = yield* trains.round(train, { tolerance })
          assert.isAtMost(distance(byDefinition(rounded), values), (tolerance + 1e-14) * lengthOf(values))
          rounded.ranks.forEach((rank, k) => assert.isAtMost(rank, train.ranks[k]))
        })
      )
  )

  it.effect.prop(
    "undoes an addition and a product with ones",
    { seed: Seed, rank: Size(1, 4) },
    ({ seed, rank }) =>
      onTrains(
        Effect.gen(function* () {
          const trains = yield* TensorTrains
          const train = yield* trains.random([4, 3, 5, 4], rank, key(seed))
          const doubled = yield* trains.round(yield* trains.add(train, train))
          assert.deepStrictEqual(doubled.ranks, train.ranks)
          assertClose(
            byDefinition(doubled),
            byDefinition(train).map((value) => 2 * value),
            1e-9
          )
        })
      )
  )

  it.effect("discards as many singular values as the tolerance allows, and not one more", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        // Singular values 1, 1/2, 1/4, 1/8: without the last one, two and three the relative errors are .1085, .2425 and .4975.
        const diagonal = new Float64Array(16).map((_, e) => (e % 5 === 0 ? 2 ** (-e / 5) : 0))
        const exact = yield* trains.fromDense({ values: diagonal, shape: [4, 4] })
        for (const [tolerance, rank] of [
          [0.108, 4],
          [0.109, 3],
          [0.242, 3],
          [0.243, 2],
          [0.497, 2],
          [0.498, 1],
          [2, 1]
        ]) {
          assert.strictEqual((yield* trains.round(exact, { tolerance })).largestRank, rank)
          const direct = yield* trains.fromDense({ values: diagonal, shape: [4, 4] }, { tolerance })
          assert.strictEqual(direct.largestRank, rank)
        }
      })
    )
  )

  it.effect("a difference that vanishes has rank 1, and a largest rank is kept", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const train = yield* trains.random([4, 3, 5, 4], 4, key(2))
        const zero = yield* trains.round(yield* trains.scale(train, 0))
        assert.deepStrictEqual(zero.ranks, [1, 1, 1, 1, 1])
        assert.strictEqual((yield* trains.round(train, { tolerance: 0, maxRank: 2 })).largestRank, 2)
        assert.instanceOf(yield* Effect.flip(trains.round(train, { maxRank: 0.5 })), TensorTrainOptionError)
      })
    )
  )

  it.effect("orthogonal cores on both sides of any core, and the same tensor", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const train = yield* trains.random([4, 3, 5, 4], 3, key(4))
        for (let centre = 0; centre < 4; centre++) {
          const turned = yield* trains.orthogonalise(train, centre)
          assertClose(byDefinition(turned), byDefinition(train), 1e-12)
          for (let k = centre + 1; k < 4; k++)
            assert.isBelow(skewness(turned.cores[k], turned.ranks[k]), 1e-12)
          for (let k = 0; k < centre; k++) {
            const columns = turned.ranks[k + 1]
            const transposed = turned.cores[k].map((_, e, core) => {
              const height = core.length / columns
              return core[(e % height) * columns + Math.floor(e / height)]
            })
            assert.isBelow(skewness(transposed, columns), 1e-12)
          }
        }
        assert.instanceOf(yield* Effect.flip(trains.orthogonalise(train, 4)), TensorTrainOptionError)
      })
    )
  )

  it.effect("a train whose cores have extreme scales that cancel is rounded as any other", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const train = yield* trains.random([3, 3, 3, 3], 2, key(5))
        const scales = [1e200, 1e200, 1e-200, 1e-200]
        const extreme = yield* trains.fromCores(
          train.cores.map((core, k) => ({
            values: core.map((value) => value * scales[k]),
            shape: [train.ranks[k], 3, train.ranks[k + 1]]
          }))
        )
        assertClose(byDefinition(yield* trains.round(extreme)), byDefinition(train), 1e-10)
        assert.closeTo((yield* trains.norm(extreme)) / lengthOf(byDefinition(train)), 1, 1e-10)
      })
    )
  )
})
