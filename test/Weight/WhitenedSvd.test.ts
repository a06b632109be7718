import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Matrix, SingularValueDecomposition } from "ml-matrix"
import { Mock } from "../../src/Layers/Mock.ts"
import { matrixFactorizations as host } from "../../src/Layers/host/MatrixFactorizations.ts"
import { compute, NumericalError, ShapeError, Tensor } from "../../src/Tensor/index.ts"
import {
  checkWeighting,
  lowRankBetween,
  squaredErrorIn,
  truncatedSvd,
  type Weighting,
  whitenedSvd
} from "../../src/Weight/index.ts"
import { correlated, squaredNormByLoops, uneven } from "../Kronecker/weighted/problems.ts"
import { normals } from "./WeightContract.ts"

const sizes = [
  [7, 12],
  [12, 7],
  [6, 6]
] as const

const weightings = (inputs: number): ReadonlyArray<Weighting> => [
  { covariance: correlated(3, inputs) },
  { rows: uneven(4, inputs) }
]

/** The least error that a matrix of the rank can have: the tail of the singular values of Lᵀ W L_M. */
const leastError = (
  w: Float64Array,
  outputs: number,
  rank: number,
  weighting: Weighting,
  metric?: Float64Array
): number => {
  const inputs = w.length / outputs
  const root =
    "covariance" in weighting
      ? Matrix.from1DArray(inputs, inputs, host.cholesky(weighting.covariance, inputs)).transpose()
      : Matrix.diag(Array.from(weighting.rows))
  const between =
    metric === undefined
      ? Matrix.eye(outputs)
      : Matrix.from1DArray(outputs, outputs, host.cholesky(metric, outputs))
  const white = root.mmul(Matrix.from1DArray(inputs, outputs, w)).mmul(between)
  const { diagonal } = new SingularValueDecomposition(white, { autoTranspose: true })
  return diagonal.slice(rank).reduce((sum, s) => sum + s * s, 0)
}

const fitted = Effect.fnUntraced(function* (
  w: Float64Array,
  outputs: number,
  rank: number,
  weighting: Weighting,
  metric?: Float64Array
) {
  const matrix = yield* Tensor.fromArray(w, [w.length / outputs, outputs])
  const weight = yield* whitenedSvd(matrix, rank, weighting, metric)
  return { weight, dense: yield* Effect.flatMap(compute(weight.toDense), Tensor.toArray) }
})

describe("whitenedSvd", () => {
  it.effect("has the least error that its rank can have, whichever side is longer", () =>
    Effect.gen(function* () {
      for (const [inputs, outputs] of sizes)
        for (const weighting of weightings(inputs))
          for (const rank of [1, 3, 6]) {
            const w = normals(`w${inputs}`, inputs * outputs)
            const { weight, dense } = yield* fitted(w, outputs, rank, weighting)
            const error = squaredNormByLoops(
              weighting,
              w.map((value, e) => value - dense[e]),
              outputs
            )
            assert.closeTo(error, leastError(w, outputs, rank, weighting), 1e-8 * error + 1e-9)
            assert.strictEqual(weight.storedParameters, rank * (inputs + outputs))
          }
    }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("has the least error in a metric of the outputs too, which the singular values foretell", () =>
    Effect.gen(function* () {
      for (const [inputs, outputs] of sizes)
        for (const weighting of weightings(inputs)) {
          const metric = correlated(5, outputs)
          const w = normals(`m${inputs}`, inputs * outputs)
          const { singularValues: values } = lowRankBetween(w, outputs, 1, weighting, metric, host)
          for (const rank of [1, 4]) {
            const { dense } = yield* fitted(w, outputs, rank, weighting, metric)
            const difference = w.map((value, e) => value - dense[e])
            const error = squaredErrorIn(weighting, metric, difference, outputs, host)
            assert.closeTo(error, leastError(w, outputs, rank, weighting, metric), 1e-8 * error + 1e-9)
            assert.closeTo(
              values.slice(rank).reduce((sum, value) => sum + value * value, 0),
              error,
              1e-8 * error + 1e-9
            )
          }
          const bad = metric.map((value, e) => (e === 0 ? -value : value))
          assert.instanceOf(yield* Effect.flip(fitted(w, outputs, 1, weighting, bad)), NumericalError)
        }
    }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("with weights that are all one is the truncated SVD", () =>
    Effect.gen(function* () {
      const w = normals("plain", 8 * 5)
      const { dense } = yield* fitted(w, 5, 2, { rows: new Float64Array(8).fill(3) })
      const plain = yield* truncatedSvd(yield* Tensor.fromArray(w, [8, 5]), 2)
      const expected = yield* Effect.flatMap(compute(plain.toDense), Tensor.toArray)
      dense.forEach((value, e) => {
        assert.closeTo(value, expected[e], 1e-10)
      })
    }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("refuses what it cannot weigh by, and says why", () =>
    Effect.gen(function* () {
      const w = normals("bad", 3 * 4)
      const refused = (weighting: Weighting, rank = 1) => Effect.flip(fitted(w, 4, rank, weighting))
      const unit = Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1)
      const changed = (e: number, value: number) => unit.map((old, f) => (f === e ? value : old))
      const size = yield* refused({ covariance: unit.subarray(1) })
      assert.instanceOf(size, ShapeError)
      assert.include(size.message, "[3, 3], 9 numbers, not 8")
      assert.instanceOf(yield* refused({ rows: Float64Array.of(1, 1) }), ShapeError)
      assert.instanceOf(yield* refused({ covariance: unit }, 4), ShapeError)
      for (const [weighting, words] of [
        [{ covariance: changed(5, Number.NaN) }, "NaN at [1, 2]"],
        [{ covariance: changed(5, 0.5) }, "not symmetric"],
        [{ covariance: changed(4, -1) }, "not positive definite"],
        [{ rows: Float64Array.of(1, 0, 2) }, "number 1 is 0"],
        [{ rows: Float64Array.of(1, 2, Infinity) }, "Infinity at 2"]
      ] as const) {
        const error = yield* refused(weighting)
        assert.instanceOf(error, NumericalError)
        assert.include(error.message, words)
      }
      const large = Float64Array.from({ length: 70 * 70 }, (_, e) => (e % 71 === 0 ? 1 : 0))
      large[69 * 70 + 3] = 0.5
      const skew = yield* Effect.flip(checkWeighting("a fit", { covariance: large }, 70, host))
      assert.include(skew.message, "0.5 at [69, 3], 0 at its mirror image")
      const bad = yield* Effect.flip(
        fitted(
          w.map((value, e) => (e === 6 ? Number.NaN : value)),
          4,
          1,
          { covariance: unit }
        )
      )
      assert.include(bad.message, "[1, 2] is NaN")
    }).pipe(Effect.provide(Mock.layer()))
  )
})
