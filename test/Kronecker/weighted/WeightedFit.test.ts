import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, type Scope } from "effect"
import {
  identityArrangement,
  Kronecker,
  type KroneckerFitOptions,
  type KroneckerShape,
  kroneckerWeight
} from "../../../src/Kronecker/index.ts"
import { nearestKroneckerSum } from "../../../src/Kronecker/NearestKroneckerSum.ts"
import { weightedProblem } from "../../../src/Kronecker/weighted/WeightedProblem.ts"
import { initWeightedSearch, weightedSearchStep } from "../../../src/Kronecker/weighted/WeightedSearch.ts"
import { matrixFactorizations as host } from "../../../src/Layers/host/MatrixFactorizations.ts"
import { key } from "../../../src/Random/index.ts"
import { type Backend, compute, NumericalError, ShapeError, Tensor } from "../../../src/Tensor/index.ts"
import {
  lowRank,
  squaredErrorIn,
  sumWeight,
  type Weighting,
  whiten,
  whitenedSvd
} from "../../../src/Weight/index.ts"
import { onMock } from "../../Layers/onMock.ts"
import { normal, planted } from "../planted.ts"
import { correlated, sidesOf, squaredNormByLoops, uneven, weightings } from "./problems.ts"

const withKronecker = <A, E>(program: Effect.Effect<A, E, Kronecker | Backend | Scope.Scope>) =>
  onMock(Effect.provide(program, Kronecker.layer))

/** A fit, and the error in the metric of the weight made from it, by plain loops. */
const fitted = Effect.fnUntraced(function* (
  w: Float64Array,
  shape: KroneckerShape,
  options: Omit<KroneckerFitOptions, "terms" | "left" | "right"> & { readonly weighting: Weighting }
) {
  const kronecker = yield* Kronecker
  const matrix = yield* Tensor.fromArray(w, sidesOf(shape))
  const fit = yield* kronecker.fit(matrix, { ...shape, key: key(7), ...options })
  const { left, right, rowPermutation: rows, columnPermutation: columns } = fit
  const dense = yield* Effect.flatMap(
    compute((t) => kroneckerWeight(t, { left, right, rows, columns }).toDense(t)),
    Tensor.toArray
  )
  const outputs = sidesOf(shape)[1]
  const difference = w.map((value, e) => value - dense[e])
  const norm = (weighting: Weighting, x: Float64Array) => Math.sqrt(squaredNormByLoops(weighting, x, outputs))
  const one = { rows: new Float64Array(w.length / outputs).fill(1) }
  return {
    fit,
    weightedError: norm(options.weighting, difference) / norm(options.weighting, w),
    error: norm(one, difference) / norm(one, w)
  }
})

const shape: KroneckerShape = { terms: 2, left: [6, 7], right: [2, 3] }
const [inputs, outputs] = sidesOf(shape)

describe("Kronecker.fit with a weighting", () => {
  it.effect("says what is true of the weight, in both norms, with and without permutations", () =>
    withKronecker(
      Effect.gen(function* () {
        const w = normal(1, inputs * outputs).map((x) => 1e-3 * x)
        for (const [, weighting] of weightings(inputs)) {
          const errors: Array<number> = []
          for (const permute of ["none", "columns", "rows-and-columns"] as const) {
            const found = yield* fitted(w, shape, { weighting, permute, swaps: 20_000 })
            assert.closeTo(found.fit.weightedRelativeError, found.weightedError, 1e-6)
            assert.closeTo(found.fit.relativeError, found.error, 1e-6)
            errors.push(found.weightedError)
          }
          assert.isBelow(errors[1], errors[0])
          assert.isBelow(errors[2], errors[0])
        }
      })
    )
  )

  it.effect("rounds in the metric come nearer than the unweighted permutations do", () =>
    withKronecker(
      Effect.gen(function* () {
        const w = normal(2, inputs * outputs)
        for (const [, weighting] of weightings(inputs)) {
          const options = { weighting, permute: "rows-and-columns", swaps: 20_000 } as const
          const without = yield* fitted(w, shape, { ...options, rounds: 0 })
          const rounds = yield* fitted(w, shape, options)
          assert.isBelow(rounds.weightedError, without.weightedError)
        }
      })
    )
  )

  it.effect("planted permuted sums are found exactly", () =>
    withKronecker(
      Effect.gen(function* () {
        const { w } = planted(1, shape)
        const weighting = { rows: uneven(3, inputs).map((x) => 1 + 0.1 * x) }
        const found = yield* fitted(w, shape, { weighting, permute: "rows-and-columns" })
        assert.isBelow(found.weightedError, 1e-5)
      })
    )
  )

  it.effect("weights that are all one give the same as none", () =>
    withKronecker(
      Effect.gen(function* () {
        const kronecker = yield* Kronecker
        for (const some of [shape, { terms: 2, left: [12, 7], right: [1, 3] } as const]) {
          const w = normal(4, inputs * outputs)
          const matrix = yield* Tensor.fromArray(w, [inputs, outputs])
          const plain = yield* kronecker.fit(matrix, some)
          const { fit } = yield* fitted(w, some, {
            weighting: { rows: new Float64Array(inputs).fill(1) }
          })
          assert.closeTo(fit.relativeError, plain.relativeError, 1e-6)
          assert.closeTo(fit.weightedRelativeError, plain.weightedRelativeError, 1e-6)
          assert.strictEqual(plain.relativeError, plain.weightedRelativeError)
        }
      })
    )
  )

  it.effect("right factors of one row: exact, the nearest sum of Lᵀ W; thousands of rows at once", () =>
    withKronecker(
      Effect.gen(function* () {
        const small: KroneckerShape = { terms: 2, left: [9, 4], right: [1, 5] }
        const w = normal(5, 9 * 20)
        for (const [, weighting] of weightings(9)) {
          const white = whiten(weighting, w, 20, host)
          const expected = nearestKroneckerSum(white, small, identityArrangement(small), host)
          const found = yield* fitted(w, small, { weighting })
          assert.closeTo(found.weightedError, expected.relativeError, 1e-7)
          assert.closeTo(found.fit.weightedRelativeError, found.weightedError, 1e-7)
        }
        const kronecker = yield* Kronecker
        const vocabulary = 20_000
        const embedding = yield* Tensor.fromArray(normal(6, vocabulary * 4), [vocabulary, 4])
        const rows = uneven(7, vocabulary)
        const fit = yield* kronecker.fit(embedding, {
          terms: 1,
          left: [vocabulary, 2],
          right: [1, 2],
          permute: "columns",
          swaps: 0,
          weighting: { rows }
        })
        assert.isBelow(fit.weightedRelativeError, 0.75)
      })
    )
  )

  it.effect("the same key gives the same fit", () =>
    withKronecker(
      Effect.gen(function* () {
        const w = normal(8, inputs * outputs)
        const options = {
          weighting: { covariance: correlated(9, inputs) },
          permute: "rows-and-columns",
          swaps: 5000
        } as const
        const [first, second] = [yield* fitted(w, shape, options), yield* fitted(w, shape, options)]
        assert.deepStrictEqual(first.fit.rowPermutation, second.fit.rowPermutation)
        assert.deepStrictEqual(yield* Tensor.toArray(first.fit.left), yield* Tensor.toArray(second.fit.left))
      })
    )
  )

  it.effect("a zero matrix is fitted exactly", () =>
    withKronecker(
      Effect.gen(function* () {
        const kronecker = yield* Kronecker
        const zero = yield* Tensor.full([inputs, outputs], 0)
        const fit = yield* kronecker.fit(zero, {
          ...shape,
          permute: "rows-and-columns",
          weighting: { covariance: correlated(9, inputs) }
        })
        assert.strictEqual(fit.weightedRelativeError, 0)
      })
    )
  )

  it.effect("with a low-rank part: both together come nearer than either, and what it says is true", () =>
    withKronecker(
      Effect.gen(function* () {
        const kronecker = yield* Kronecker
        const exact = planted(5, shape)
        const [u, v] = [normal(6, inputs), normal(7, outputs)]
        const w = exact.w.map((value, e) => value + 3 * u[Math.floor(e / outputs)] * v[e % outputs])
        const matrix = yield* Tensor.fromArray(w, [inputs, outputs])
        for (const [, weighting] of weightings(inputs)) {
          for (const permute of ["none", "rows-and-columns"] as const) {
            const options = { ...shape, permute, swaps: 20_000, weighting }
            const without = yield* kronecker.fit(matrix, options)
            const fit = yield* kronecker.fit(matrix, { ...options, rank: 1 })
            const alone = yield* whitenedSvd(matrix, 1, weighting)
            const [dense, low] = [
              yield* Effect.flatMap(
                compute((t) => {
                  const { left, right, rowPermutation: rows, columnPermutation: columns } = fit
                  const sum = kroneckerWeight(t, { left, right, rows, columns })
                  return sumWeight([sum, lowRank(fit.lowRank!.left, fit.lowRank!.right)]).toDense(t)
                }),
                Tensor.toArray
              ),
              yield* Effect.flatMap(compute(alone.toDense), Tensor.toArray)
            ]
            const error = (of: ArrayLike<number>) =>
              Math.sqrt(
                squaredNormByLoops(
                  weighting,
                  w.map((value, e) => value - of[e]),
                  outputs
                ) / squaredNormByLoops(weighting, w, outputs)
              )
            assert.closeTo(fit.weightedRelativeError, error(dense), 1e-6)
            assert.isBelow(error(dense), error(low))
            assert.isBelow(fit.weightedRelativeError, without.weightedRelativeError)
            assert.isUndefined(without.lowRank)
          }
        }
        assert.instanceOf(
          yield* Effect.flip(kronecker.fit(matrix, { ...shape, rank: inputs + 1 })),
          ShapeError
        )
      })
    )
  )

  it.effect("bad weightings and NaN are refused with the numbers", () =>
    withKronecker(
      Effect.gen(function* () {
        const kronecker = yield* Kronecker
        const w = yield* Tensor.fromArray(normal(1, inputs * outputs), [inputs, outputs])
        const refused = (weighting: Weighting, of = w) =>
          Effect.flip(kronecker.fit(of, { ...shape, weighting }))
        assert.instanceOf(yield* refused({ rows: new Float64Array(3) }), ShapeError)
        const indefinite = correlated(2, inputs)
        indefinite[0] = -1
        const error = yield* refused({ covariance: indefinite })
        assert.instanceOf(error, NumericalError)
        assert.include(error.message, "not positive definite")
        const broken = yield* Tensor.full([inputs, outputs], Number.NaN)
        assert.instanceOf(yield* refused({ rows: uneven(1, inputs) }, broken), NumericalError)
      })
    )
  )

  it.live("stops when it is interrupted in the middle of its search, and leaves nothing live", () =>
    withKronecker(
      Effect.gen(function* () {
        const kronecker = yield* Kronecker
        const w = yield* Tensor.fromArray(normal(4, 48 * 48), [48, 48])
        const fiber = yield* Effect.forkChild(
          kronecker.fit(w, {
            terms: 2,
            left: [24, 24],
            right: [2, 2],
            permute: "rows-and-columns",
            swaps: 100,
            weighting: { covariance: correlated(5, 48) }
          })
        )
        yield* Effect.yieldNow
        yield* Fiber.interrupt(fiber)
        assert.isTrue(Exit.isFailure(yield* Fiber.await(fiber)))
      })
    )
  )
})

describe("the search in the metric", () => {
  it("no round raises the error, and the state decides what follows", () => {
    for (const [, weighting] of weightings(inputs)) {
      const problem = weightedProblem(normal(3, inputs * outputs), shape, weighting, host)
      const options = {
        permute: "rows-and-columns",
        starts: [identityArrangement(shape)],
        rounds: 8,
        key: key(2)
      } as const
      let state = initWeightedSearch(problem, options)
      const first = state.current.captured
      while (state.stage !== "settled") {
        const before = state
        const copied = structuredClone(before)
        state = weightedSearchStep(problem, options, before)[0]
        assert.deepStrictEqual(weightedSearchStep(problem, options, copied)[0], state)
        assert.isAtLeast(state.current.captured, before.current.captured)
      }
      assert.isAbove(state.current.captured, first)
    }
  })

  it.effect(
    "counts by a metric of the outputs too: nearer in both, and what it says of the inputs' metric is true",
    () =>
      withKronecker(
        Effect.gen(function* () {
          const kronecker = yield* Kronecker
          const w = normal(9, inputs * outputs)
          const matrix = yield* Tensor.fromArray(w, [inputs, outputs])
          const outputMetric = correlated(4, outputs)
          const wholeRows: KroneckerShape = { terms: 2, left: [12, 7], right: [1, 3] }
          for (const [, weighting] of weightings(inputs))
            for (const [some, rank] of [
              [shape, 2],
              [shape, 0],
              [wholeRows, 0],
              [wholeRows, 1]
            ] as const) {
              const options = { ...some, permute: "columns", swaps: 5000, weighting, rank } as const
              const errorsOf = Effect.fnUntraced(function* (of: KroneckerFitOptions) {
                const fit = yield* kronecker.fit(matrix, of)
                const { left, right, rowPermutation: rows, columnPermutation: columns } = fit
                const dense = yield* Effect.flatMap(
                  compute((t) => {
                    const sum = kroneckerWeight(t, { left, right, rows, columns })
                    const { lowRank: part } = fit
                    return (part ? sumWeight([sum, lowRank(part.left, part.right)]) : sum).toDense(t)
                  }),
                  Tensor.toArray
                )
                const difference = w.map((value, e) => value - dense[e])
                const own =
                  squaredNormByLoops(weighting, difference, outputs) /
                  squaredNormByLoops(weighting, w, outputs)
                assert.closeTo(fit.weightedRelativeError, Math.sqrt(own), 1e-6)
                return squaredErrorIn(weighting, outputMetric, difference, outputs, host)
              })
              assert.isBelow(yield* errorsOf({ ...options, outputMetric }), 0.99 * (yield* errorsOf(options)))
            }
          const bad = outputMetric.map((value, e) => (e === 0 ? -value : value))
          const error = yield* Effect.flip(kronecker.fit(matrix, { ...shape, rank: 1, outputMetric: bad }))
          assert.instanceOf(error, NumericalError)
        })
      )
  )

  it.effect("a metric that is all in one column is no hindrance, nor are zeros or nothing left to fit", () =>
    withKronecker(
      Effect.gen(function* () {
        const kronecker = yield* Kronecker
        const w = normal(9, inputs * outputs)
        const matrix = yield* Tensor.fromArray(w, [inputs, outputs])
        const outputMetric = new Float64Array(outputs * outputs)
        for (let j = 0; j < outputs; j++) outputMetric[j * (outputs + 1)] = j === 4 ? 1e6 : 1
        const weighting = { covariance: correlated(11, inputs) }
        for (const rank of [0, 1]) {
          const fit = yield* kronecker.fit(matrix, { ...shape, weighting, outputMetric, rank })
          const { left, right } = fit
          const dense = yield* Effect.flatMap(
            compute((t) => {
              const sum = kroneckerWeight(t, { left, right, rows: undefined, columns: undefined })
              const { lowRank: part } = fit
              return (part ? sumWeight([sum, lowRank(part.left, part.right)]) : sum).toDense(t)
            }),
            Tensor.toArray
          )
          // That column is one of B's times A's: it can be had exactly.
          const ofColumn = (of: (e: number) => number) =>
            Array.from({ length: inputs }, (_, i) => of(i * outputs + 4) ** 2).reduce((sum, x) => sum + x, 0)
          assert.isBelow(
            ofColumn((e) => w[e] - dense[e]),
            1e-3 * ofColumn((e) => w[e])
          )
        }
        const zero = yield* Tensor.full([inputs, outputs], 0)
        for (const rank of [0, 1])
          for (const some of [shape, { terms: 2, left: [12, 7], right: [1, 3] } as const]) {
            const fit = yield* kronecker.fit(zero, { ...some, weighting, outputMetric, rank })
            assert.strictEqual(fit.weightedRelativeError, 0)
          }
        const all = yield* kronecker.fit(matrix, { ...shape, weighting, outputMetric, rank: inputs })
        assert.isBelow(all.weightedRelativeError, 1e-6)
      })
    )
  )

  it.effect("sets out from where it is told to", () =>
    withKronecker(
      Effect.gen(function* () {
        const exact = planted(8, shape)
        for (const [, weighting] of weightings(inputs)) {
          const options = { weighting, permute: "rows-and-columns", rounds: 0 } as const
          const elsewhere = yield* fitted(exact.w, shape, { ...options, start: {} })
          assert.isUndefined(elsewhere.fit.rowPermutation)
          assert.isAbove(elsewhere.weightedError, 0.1)
          const { rows, columns } = exact.arrangement
          const there = yield* fitted(exact.w, shape, { ...options, start: { rows, columns } })
          assert.isBelow(there.weightedError, 1e-4)
          for (const start of [{ rows: rows.subarray(1) }, { columns: columns.with(0, columns[1]) }])
            assert.instanceOf(yield* Effect.flip(fitted(exact.w, shape, { ...options, start })), ShapeError)
        }
      })
    )
  )
})
