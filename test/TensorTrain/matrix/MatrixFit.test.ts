import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { key } from "../../../src/Random/index.ts"
import { MockControls } from "../../../src/Layers/index.ts"
import { compute, KernelError, NumericalError, ShapeError, Tensor } from "../../../src/Tensor/index.ts"
import {
  type MatrixFitOptions,
  TensorTrainOptionError,
  TensorTrains
} from "../../../src/TensorTrain/index.ts"
import { normals, onTrains, Seed, Size } from "../onTrains.ts"

const [inputs, outputs] = [
  [2, 3, 4],
  [3, 2, 2]
] as const

/** What the fit says of its error, and the error of its weight. */
const fitted = Effect.fnUntraced(function* (
  w: Float64Array,
  options: Omit<MatrixFitOptions, "inputs" | "outputs">
) {
  const trains = yield* TensorTrains
  const matrix = yield* Tensor.fromArray(w, [24, 12])
  const fit = yield* trains.fitMatrix(matrix, { inputs, outputs, ...options })
  const distance = yield* compute((t) =>
    t.sqrt(t.divide(t.sumOfSquares(t.subtract(fit.weight.toDense(t), matrix)), t.sumOfSquares(matrix)))
  )
  return { ...fit, actual: yield* Tensor.toNumber(distance) }
})

describe("TensorTrains.fitMatrix", () => {
  it.effect.prop(
    "is within the tolerance, and as near as it says",
    { seed: Seed, digits: Size(0, 10) },
    ({ seed, digits }) =>
      onTrains(
        Effect.gen(function* () {
          const tolerance = 10 ** -digits
          const { relativeError, actual } = yield* fitted(normals(seed, 288), { tolerance })
          assert.isAtMost(actual, tolerance + 1e-14)
          assert.closeTo(relativeError, actual, 1e-10)
        })
      )
  )

  it.effect("a TT-matrix is found again with its ranks, in cores of equal norms", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const planted = yield* trains.random([6, 6, 8], [2, 3], key(1))
        // W[(i1 i2 i3), (j1 j2 j3)] = planted[(i1 j1), (i2 j2), (i3 j3)]
        const values = yield* trains.toDense(planted)
        const w = new Float64Array(288).map((_, e) => {
          const [i, j] = [Math.floor(e / 12), e % 12]
          const [i1, i2, i3] = [Math.floor(i / 12), Math.floor(i / 4) % 3, i % 4]
          const [j1, j2, j3] = [Math.floor(j / 4), Math.floor(j / 2) % 2, j % 2]
          return values[((i1 * 3 + j1) * 6 + (i2 * 2 + j2)) * 8 + (i3 * 2 + j3)]
        })
        const { weight, actual } = yield* fitted(w, {})
        assert.isBelow(actual, 1e-10)
        assert.deepStrictEqual(weight.shape.ranks, [1, 2, 3, 1])
        const norms = []
        for (const core of Object.values(weight.tensors))
          norms.push(Math.hypot(...(yield* Tensor.toArray(core))))
        for (const norm of norms) assert.closeTo(norm / norms[0], 1, 1e-12)
      })
    )
  )

  it.effect("a largest rank bounds the parameters", () =>
    onTrains(
      Effect.gen(function* () {
        const { weight, relativeError, actual } = yield* fitted(normals(3, 288), { tolerance: 0, maxRank: 2 })
        assert.strictEqual(weight.storedParameters, 6 * 2 + 2 * 6 * 2 + 2 * 8)
        assert.closeTo(relativeError, actual, 1e-10)
        assert.isBelow(actual, 1)
      })
    )
  )

  it.effect("sizes that do not multiply to the matrix, NaN and failing kernels are typed failures", () =>
    onTrains(
      Effect.gen(function* () {
        const trains = yield* TensorTrains
        const w = yield* Tensor.fromArray([1, 2, 3, Number.NaN, 5, 6], [2, 3])
        for (const sizes of [
          { inputs: [2], outputs: [2] },
          { inputs: [1, 2], outputs: [3] },
          { inputs: [], outputs: [] },
          { inputs: [2, 1.5], outputs: [3, 1] }
        ])
          assert.instanceOf(yield* Effect.flip(trains.fitMatrix(w, sizes)), ShapeError)
        const sizes = { inputs: [2, 1], outputs: [1, 3] }
        const nan = yield* Effect.flip(trains.fitMatrix(w, sizes))
        assert.instanceOf(nan, NumericalError)
        assert.include(nan.message, "element [1, 0] is NaN")
        assert.instanceOf(
          yield* Effect.flip(trains.fitMatrix(w, { ...sizes, maxRank: 0 })),
          TensorTrainOptionError
        )
        const mock = yield* MockControls
        const fine = yield* Tensor.fromArray(normals(1, 6), [2, 3])
        for (const kernel of [1, 2, 3]) {
          yield* mock.failAt(kernel)
          assert.instanceOf(yield* Effect.flip(trains.fitMatrix(fine, sizes)), KernelError)
        }
      })
    )
  )
})
