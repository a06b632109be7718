import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { key } from "../../src/Random/index.ts"
import { type Backend, NumericalError, ShapeError } from "../../src/Tensor/index.ts"
import {
  addConstant,
  dot,
  ones,
  randomTrain,
  scale,
  TensorTrain,
  TensorTrains
} from "../../src/TensorTrain/index.ts"
import { assertClose } from "../assertClose.ts"
import { allIndices, byDefinition, lengthOf, Modes, onTrains, Seed, Size } from "./onTrains.ts"

describe("arithmetic of trains", () => {
  it.effect.prop(
    "is that of the dense tensors",
    { modes: Modes, rankA: Size(1, 3), rankB: Size(1, 3), seed: Seed },
    ({ modes, rankA, rankB, seed }) =>
      onTrains(
        Effect.gen(function* () {
          const trains = yield* TensorTrains
          const a = yield* trains.random(modes, rankA, key(seed))
          const b = yield* trains.random(modes, rankB, key(seed + 1))
          const [x, y] = [byDefinition(a), byDefinition(b)]
          assertClose(yield* trains.toDense(a), x)
          assertClose(yield* trains.evaluate(a, allIndices(modes)), x)
          assertClose(
            byDefinition(yield* trains.add(a, b)),
            x.map((value, e) => value + y[e])
          )
          assertClose(
            byDefinition(yield* trains.subtract(a, b)),
            x.map((value, e) => value - y[e]),
            1e-10
          )
          assertClose(
            byDefinition(yield* trains.hadamard(a, b)),
            x.map((value, e) => value * y[e])
          )
          assertClose(
            byDefinition(yield* trains.scale(a, -2.5)),
            x.map((value) => -2.5 * value)
          )
          assertClose(
            byDefinition(addConstant(a, 3)),
            x.map((value) => value + 3)
          )
          const product = x.reduce((total, value, e) => total + value * y[e], 0)
          assert.closeTo(yield* trains.dot(a, b), product, 1e-10 * (1 + lengthOf(x) * lengthOf(y)))
          assert.closeTo(yield* trains.norm(a), lengthOf(x), 1e-10 * lengthOf(x))
          const total = x.reduce((sum, value) => sum + value, 0)
          assert.closeTo(yield* trains.sum(a), total, 1e-10 * (1 + lengthOf(x) * Math.sqrt(x.length)))
        })
      )
  )

  it.effect("some modes are summed with weights, wherever they are", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const modes = [2, 3, 4]
        const train = yield* trains.random(modes, 3, key(3))
        const dense = byDefinition(train)
        const weights = [Float64Array.of(1, -2), Float64Array.of(0.5, 0, 2), Float64Array.of(1, 2, 3, 4)]
        const at = (i: number, j: number, k: number) => dense[(i * 3 + j) * 4 + k]
        for (const chosen of [[0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2], []]) {
          const contracted = yield* trains.contractModes(
            train,
            weights.map((weight, k) => (chosen.includes(k) ? weight : undefined))
          )
          const kept = modes.filter((_, k) => !chosen.includes(k))
          const expected = new Float64Array(kept.reduce((all, size) => all * size, 1))
          for (let i = 0; i < 2; i++)
            for (let j = 0; j < 3; j++)
              for (let k = 0; k < 4; k++) {
                let [position, factor] = [0, 1]
                for (const [mode, index] of [i, j, k].entries())
                  if (chosen.includes(mode)) factor *= weights[mode][index]
                  else position = position * modes[mode] + index
                expected[position] += factor * at(i, j, k)
              }
          assert.deepStrictEqual(contracted.modes, kept.length === 0 ? [1] : kept)
          assertClose(byDefinition(contracted), expected, 1e-12, `modes ${chosen}`)
        }
        const error = yield* Effect.flip(trains.contractModes(train, [Float64Array.of(1)]))
        assert.instanceOf(error, ShapeError)
      })
    )
  )

  it.effect("the norm of a difference of nearly equal trains is as accurate as it can be", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const a = yield* trains.random([5, 5, 5, 5], 3, key(1))
        const small = scale(yield* trains.random([5, 5, 5, 5], 1, key(2)), 1e-11)
        const difference = yield* trains.subtract(yield* trains.add(a, small), a)
        const expected = yield* trains.norm(small)
        assert.closeTo((yield* trains.norm(difference)) / expected, 1, 1e-3)
      })
    )
  )

  it.effect("nothing overflows on the way to a result that is in range", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const modes = Array.from({ length: 200 }, () => 10)
        const large = ones(modes)
        const tiny = { ...large, cores: large.cores.map((core) => core.map(() => 1e-3)) }
        const train = yield* trains.fromCores(tiny.cores.map((values) => ({ values, shape: [1, 10, 1] })))
        // 1e-600 does not exist, 10^200 (1e-3)^200 1^200 = 1e-400 neither; their scaled norms do.
        assert.strictEqual(dot(train, train), 0)
        assert.closeTo(Math.log10(yield* trains.norm(large)), 100, 1e-9)
        assert.closeTo(Math.log10(dot(large, large)), 200, 1e-9)
        const overflow = yield* Effect.flip(trains.scale(scale(large, 1e200), 1e200))
        assert.instanceOf(overflow, NumericalError)
        const huge = scale(large, 1e300)
        for (const attempt of [trains.norm(huge), trains.dot(huge, huge), trains.sum(huge)]) {
          const error = yield* Effect.flip(attempt)
          assert.instanceOf(error, NumericalError)
          assert.include(error.message, "exceeds 1.8e308")
        }
        const product = yield* trains.hadamard(
          huge,
          new TensorTrain(modes, huge.ranks, huge.cores.toReversed())
        )
        const element = trains.evaluate(product, new Int32Array(200))
        assert.instanceOf(yield* Effect.flip(element), NumericalError)
      })
    )
  )

  it.effect(
    "what memory cannot hold is refused before it is tried, and the message says how much it would be",
    () =>
      onTrains(
        Effect.gen(function* () {
          const trains = yield* TensorTrains
          const long = ones(Array.from({ length: 60 }, () => 2))
          const fat = randomTrain([200, 200, 200], 200, key(1))
          const attempts: ReadonlyArray<Effect.Effect<unknown, unknown, Backend>> = [
            trains.toDense(long),
            trains.dequantise(long, [60]),
            trains.hadamard(fat, fat),
            trains.random([1e6, 1e6, 1e6], 1e6, key(1))
          ]
          for (const attempt of attempts) {
            const error = yield* Effect.flip(attempt)
            assert.instanceOf(error, ShapeError)
            assert.match(error.message, /numbers, .* GiB, do not fit in memory; /)
          }
        })
      )
  )

  it.effect("tensors of different modes are refused", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const [a, b] = [randomTrain([2, 3], 1, key(1)), randomTrain([3, 2], 1, key(1))]
        for (const attempt of [trains.add(a, b), trains.hadamard(a, b)])
          assert.instanceOf(yield* Effect.flip(attempt), ShapeError)
        assert.instanceOf(yield* Effect.flip(trains.dot(a, b)), ShapeError)
        assert.include(
          (yield* Effect.flip(trains.evaluate(a, Int32Array.of(0, 3)))).message,
          "index 3 of row 0"
        )
        assert.include((yield* Effect.flip(trains.evaluate(a, Int32Array.of(0)))).message, "no rows of 2")
        for (const wrong of [0.5, -1, Number.NaN])
          assert.include(
            (yield* Effect.flip(trains.evaluate(a, [0, wrong]))).message,
            `index ${wrong} of row 0`
          )
        assert.include((yield* Effect.flip(trains.random([2, 3], 0, key(1)))).message, "at least 1")
      })
    )
  )
})
