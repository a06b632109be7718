import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { key } from "../../src/Random/index.ts"
import { compute, ShapeError, Tensor } from "../../src/Tensor/index.ts"
import { elementsAt, TensorTrain, TensorTrains } from "../../src/TensorTrain/index.ts"
import { assertClose } from "../assertClose.ts"
import { allIndices, byDefinition, onTrains } from "./onTrains.ts"

describe("cores as tensors", () => {
  it.effect("go to the backend and come back, and give the elements there", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const train = yield* trains.random([3, 4, 2], 3, key(1))
        const cores = yield* trains.toTensors(train)
        assert.deepStrictEqual(
          cores.map(({ shape }) => shape),
          train.cores.map((_, k) => [train.ranks[k], train.modes[k], train.ranks[k + 1]])
        )
        assert.deepStrictEqual(yield* trains.fromTensors(cores), train)
        const indices = yield* Tensor.fromArray(allIndices(train.modes), [24, 3])
        const elements = yield* compute((t) => elementsAt(t, cores, indices))
        assertClose(yield* Tensor.toArray(elements), byDefinition(train))
      })
    )
  )

  it.effect("the gradient of a sum over elements is that of central differences", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const train = yield* trains.random([3, 4, 2], 2, key(2))
        const rows = allIndices(train.modes).slice(0, 3 * 7)
        const indices = yield* Tensor.fromArray(rows, [7, 3])
        const [first, middle, last] = yield* trains.toTensors(train)
        const { gradients } = yield* compute((t) =>
          t.valueAndGradients({ middle }, () => ({
            value: t.sumOfSquares(elementsAt(t, [first, middle, last], indices))
          }))
        )
        const gradient = yield* Tensor.toArray(gradients["middle"])
        const loss = (moved: Float64Array) => {
          const changed = new TensorTrain(train.modes, train.ranks, [train.cores[0], moved, train.cores[2]])
          return byDefinition(changed)
            .slice(0, 7)
            .reduce((sum, value) => sum + value * value, 0)
        }
        const step = 1e-5
        for (let e = 0; e < gradient.length; e++) {
          const [up, down] = [train.cores[1].slice(), train.cores[1].slice()]
          up[e] += step
          down[e] -= step
          assert.closeTo(gradient[e], (loss(up) - loss(down)) / (2 * step), 1e-7)
        }
      })
    )
  )

  it.effect("cores and indices that do not fit together are refused", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const [a, b] = [yield* Tensor.full([1, 2, 3], 1), yield* Tensor.full([2, 2, 1], 1)]
        for (const cores of [[], [a], [a, b], [yield* Tensor.full([2, 2], 1)]])
          assert.instanceOf(yield* Effect.flip(trains.fromTensors(cores)), ShapeError)
        const fitting = [a, yield* Tensor.full([3, 2, 1], 1)]
        const indices = yield* Tensor.fromArray(Int32Array.of(0, 1, 1), [1, 3])
        assert.instanceOf(yield* Effect.flip(compute((t) => elementsAt(t, fitting, indices))), ShapeError)
      })
    )
  )
})
