import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { fitShared, type KroneckerShape, kroneckerWeight } from "../../../src/Kronecker/index.ts"
import {
  exchangeShared,
  inOrderOf,
  preparedPair,
  sharedError
} from "../../../src/Kronecker/weighted/SharedExchanges.ts"
import { initSharedSearch, sharedSearchStep } from "../../../src/Kronecker/weighted/SharedSearch.ts"
import { weightedProblem } from "../../../src/Kronecker/weighted/WeightedProblem.ts"
import { matrixFactorizations as host } from "../../../src/Layers/host/MatrixFactorizations.ts"
import { key, stream } from "../../../src/Random/index.ts"
import { compute, NumericalError, ShapeError, Tensor } from "../../../src/Tensor/index.ts"
import { onMock } from "../../Layers/onMock.ts"
import { normal } from "../planted.ts"
import { correlated, sidesOf, squaredNormByLoops } from "./problems.ts"

// The groups of hidden units differ: four columns of the first, three rows of the second.
const [firstShape, secondShape]: ReadonlyArray<KroneckerShape> = [
  { terms: 2, left: [4, 9], right: [2, 4] },
  { terms: 2, left: [12, 5], right: [3, 2] }
]
const [w1, w2] = [firstShape, secondShape].map((shape, i) => {
  const [inputs, outputs] = sidesOf(shape)
  return normal(i, inputs * outputs)
})
const [c1, c2] = [correlated(3, 8), correlated(4, 36)]
const problem = {
  first: weightedProblem(w1, firstShape, { covariance: c1 }, host),
  second: weightedProblem(w2, secondShape, { covariance: c2 }, host)
}
const identity = Uint32Array.from({ length: 36 }, (_, i) => i)
const options = { starts: [identity], permuteOuter: false, rounds: 6, key: key(3) }

describe("hidden units that two weights share", () => {
  it("an exchange round gains what both together gain, in one order for both", () => {
    const { candidate } = initSharedSearch(problem, options)
    const found = exchangeShared(problem, candidate, stream(key(1)))
    assert.isAbove(found.moved, 0)
    const error = sharedError(problem, found.candidate)
    assert.isBelow(error, sharedError(problem, candidate))
    const order = found.candidate.first.arrangement.columns
    assert.deepStrictEqual(found.candidate.second.arrangement.rows, order)
    assert.closeTo(
      sharedError(problem, inOrderOf(problem, preparedPair(problem, candidate), order)),
      error,
      1e-9
    )
  })

  it.each([false, true])("no round raises the error; the state decides what follows (outer: %s)", (outer) => {
    const chosen = { ...options, permuteOuter: outer }
    let state = initSharedSearch(problem, chosen)
    const first = state.error
    while (!state.isSettled) {
      const before = state
      state = sharedSearchStep(problem, chosen, before)[0]
      assert.deepStrictEqual(sharedSearchStep(problem, chosen, structuredClone(before))[0], state)
      assert.isAtMost(state.error, before.error)
    }
    assert.isBelow(state.error, first)
    const { first: one, second: two } = state.candidate
    assert.deepStrictEqual(one.arrangement.columns, two.arrangement.rows)
    if (!outer) assert.deepStrictEqual([...one.arrangement.rows], [0, 1, 2, 3, 4, 5, 6, 7])
  })

  it.effect("fitShared says what is true of the reordered matrices, and refuses what does not fit", () =>
    onMock(
      Effect.gen(function* () {
        const [first, second] = [yield* Tensor.fromArray(w1, [8, 36]), yield* Tensor.fromArray(w2, [36, 10])]
        const sides = {
          first: { ...firstShape, weighting: { covariance: c1 } },
          second: { ...secondShape, weighting: { covariance: c2 } }
        }
        const fit = yield* fitShared(first, second, { ...sides, permuteOuter: true, swaps: 5000 })
        const { hiddenOrder } = fit
        assert.deepStrictEqual(
          [...hiddenOrder].toSorted((a, b) => a - b),
          [...identity]
        )
        const [dense1, dense2] = [
          yield* Effect.flatMap(
            compute((t) => kroneckerWeight(t, { ...fit.first, rows: fit.first.outerPermutation }).toDense(t)),
            Tensor.toArray
          ),
          yield* Effect.flatMap(
            compute((t) =>
              kroneckerWeight(t, { ...fit.second, columns: fit.second.outerPermutation }).toDense(t)
            ),
            Tensor.toArray
          )
        ]
        const difference1 = w1.map((_, e) => {
          const [row, place] = [Math.floor(e / 36), e % 36]
          return w1[row * 36 + hiddenOrder[place]] - dense1[e]
        })
        // In W's own order, for the covariance is in it.
        const difference2 = w2.slice()
        hiddenOrder.forEach((unit, place) => {
          for (let j = 0; j < 10; j++) difference2[unit * 10 + j] -= dense2[place * 10 + j]
        })
        for (const [part, c, difference, w, outputs] of [
          [fit.first, c1, difference1, w1, 36],
          [fit.second, c2, difference2, w2, 10]
        ] as const) {
          const norm = (x: Float64Array) => squaredNormByLoops({ covariance: c }, x, outputs)
          assert.closeTo(part.weightedRelativeError, Math.sqrt(norm(difference) / norm(w)), 1e-6)
        }
        const misfit = yield* Effect.flip(fitShared(first, first, { ...sides, second: sides.first }))
        assert.instanceOf(misfit, ShapeError)
        assert.include(misfit.message, "as many columns")
        const bad = yield* Effect.flip(
          fitShared(first, second, {
            ...sides,
            first: { ...firstShape, weighting: { covariance: new Float64Array(64) } }
          })
        )
        assert.instanceOf(bad, NumericalError)
      })
    )
  )
})
