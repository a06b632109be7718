import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, type Scope } from "effect"
import { Matrix, SingularValueDecomposition } from "ml-matrix"
import { Kronecker, type KroneckerShape, kroneckerWeight } from "../../src/Kronecker/index.ts"
import { key } from "../../src/Random/index.ts"
import { MockControls } from "../../src/Layers/index.ts"
import {
  type Backend,
  compute,
  KernelError,
  NumericalError,
  ShapeError,
  Tensor
} from "../../src/Tensor/index.ts"
import { onMock } from "../Layers/onMock.ts"
import { normal, planted } from "./planted.ts"

const norm = (values: ArrayLike<number>): number => Math.hypot(...Array.from(values))

const sides = ({ left, right }: KroneckerShape): [number, number] => [left[0] * right[0], left[1] * right[1]]

/** What the fit says of its error, and the error of the weight made from it. */
const fitted = Effect.fnUntraced(function* (
  w: Float64Array,
  shape: KroneckerShape,
  permute: "none" | "rows" | "columns" | "rows-and-columns",
  swaps?: number
) {
  const kronecker = yield* Kronecker
  const matrix = yield* Tensor.fromArray(w, sides(shape))
  const fit = yield* kronecker.fit(matrix, { ...shape, permute, swaps, key: key(7) })
  const distance = yield* compute((t) => {
    const { left, right, rowPermutation: rows, columnPermutation: columns } = fit
    const sum = kroneckerWeight(t, { left, right, rows, columns }).toDense(t)
    return t.sqrt(t.divide(t.sumOfSquares(t.subtract(sum, matrix)), t.sumOfSquares(matrix)))
  })
  return { fit, stated: fit.relativeError, actual: yield* Tensor.toNumber(distance) }
})

const withKronecker = <A, E>(
  program: Effect.Effect<A, E, Kronecker | Backend | MockControls | Scope.Scope>
): Effect.Effect<A, E> => onMock(Effect.provide(program, Kronecker.layer))

const shapes: ReadonlyArray<KroneckerShape> = [
  { terms: 1, left: [4, 6], right: [2, 2] },
  { terms: 2, left: [6, 8], right: [2, 3] },
  { terms: 3, left: [5, 4], right: [3, 2] },
  { terms: 2, left: [2, 2], right: [6, 5] }
]

describe("Kronecker.fit", () => {
  it.effect("without permutations the error is the tail of the rearrangement's singular values", () =>
    withKronecker(
      Effect.gen(function* () {
        for (const shape of shapes) {
          const [inputs, outputs] = sides(shape)
          const [[m1, n1], [m2, n2]] = [shape.left, shape.right]
          const w = normal(3, inputs * outputs)
          const { stated, actual } = yield* fitted(w, shape, "none")
          const rearranged = Matrix.zeros(m1 * n1, m2 * n2)
          for (let i = 0; i < inputs; i++)
            for (let j = 0; j < outputs; j++)
              rearranged.set(
                Math.floor(i / m2) * n1 + Math.floor(j / n2),
                (i % m2) * n2 + (j % n2),
                w[i * outputs + j]
              )
          const squares = new SingularValueDecomposition(rearranged).diagonal.map((s) => s * s)
          const total = squares.reduce((sum, value) => sum + value, 0)
          const tail = squares.slice(shape.terms).reduce((sum, value) => sum + value, 0)
          assert.closeTo(stated, Math.sqrt(tail / total), 1e-10)
          assert.closeTo(actual, stated, 1e-10)
        }
      })
    )
  )

  it.effect("planted sums are found exactly, also where rows and columns were permuted", () =>
    withKronecker(
      Effect.gen(function* () {
        for (const shape of shapes.slice(0, 2)) {
          for (const seed of [1, 2, 3]) {
            assert.isBelow(
              (yield* fitted(planted(seed, shape, { permuted: false }).w, shape, "none")).actual,
              1e-7
            )
            const { actual, stated } = yield* fitted(planted(seed, shape).w, shape, "rows-and-columns")
            assert.isBelow(actual, 1e-6, `terms ${shape.terms}, seed ${seed}`)
            assert.closeTo(stated, actual, 1e-6)
          }
        }
      })
    )
  )

  it.effect("more freedom never fits worse, and what it says is true of the weight", () =>
    withKronecker(
      Effect.gen(function* () {
        const shape: KroneckerShape = { terms: 2, left: [8, 8], right: [2, 4] }
        const w = normal(5, 16 * 32)
        const plain = yield* fitted(w, shape, "none")
        for (const permute of ["rows", "columns", "rows-and-columns"] as const) {
          const { fit, stated, actual } = yield* fitted(w, shape, permute, 300_000)
          assert.isBelow(stated, plain.stated)
          assert.closeTo(actual, stated, 1e-10)
          assert.strictEqual(fit.rowPermutation !== undefined, permute !== "columns")
          assert.strictEqual(fit.columnPermutation !== undefined, permute !== "rows")
          for (const order of [fit.rowPermutation, fit.columnPermutation])
            if (order !== undefined)
              assert.deepStrictEqual(
                Array.from(order).toSorted((a, b) => a - b),
                Array.from(order, (_, i) => i)
              )
        }
        const assigned = yield* fitted(w, shape, "rows-and-columns", 0)
        const annealed = yield* fitted(w, shape, "rows-and-columns")
        assert.isBelow(assigned.stated, plain.stated)
        assert.isAtMost(annealed.stated, assigned.stated)
      })
    )
  )

  it.effect("the same key gives the same fit", () =>
    withKronecker(
      Effect.gen(function* () {
        const shape: KroneckerShape = { terms: 1, left: [6, 6], right: [2, 2] }
        const w = normal(9, 144)
        const [first, second] = [
          yield* fitted(w, shape, "rows-and-columns"),
          yield* fitted(w, shape, "rows-and-columns")
        ]
        assert.deepStrictEqual(first.fit.rowPermutation, second.fit.rowPermutation)
        assert.deepStrictEqual(yield* Tensor.toArray(first.fit.left), yield* Tensor.toArray(second.fit.left))
      })
    )
  )

  it.effect("factors of one term have equal norms; a zero matrix is fitted exactly", () =>
    withKronecker(
      Effect.gen(function* () {
        const shape: KroneckerShape = { terms: 1, left: [3, 4], right: [2, 2] }
        const { fit } = yield* fitted(
          normal(2, 48).map((x) => 1e-3 * x),
          shape,
          "none"
        )
        const [left, right] = [yield* Tensor.toArray(fit.left), yield* Tensor.toArray(fit.right)]
        assert.closeTo(norm(left) / norm(right), 1, 1e-12)
        const kronecker = yield* Kronecker
        const zero = yield* kronecker.fit(yield* Tensor.full([6, 8], 0), shape)
        assert.strictEqual(zero.relativeError, 0)
      })
    )
  )

  it.effect("factors that do not multiply to the matrix, and NaN, are refused with the numbers", () =>
    withKronecker(
      Effect.gen(function* () {
        const kronecker = yield* Kronecker
        const w = yield* Tensor.fromArray([1, 2, 3, Number.NaN, 5, Number.POSITIVE_INFINITY], [2, 3])
        const misfit = yield* Effect.flip(kronecker.fit(w, { terms: 1, left: [2, 2], right: [1, 1] }))
        assert.instanceOf(misfit, ShapeError)
        assert.include(misfit.message, "[2, 2]")
        const bad = yield* Effect.flip(kronecker.fit(w, { terms: 1, left: [2, 3], right: [1, 1] }))
        assert.instanceOf(bad, NumericalError)
        assert.include(bad.message, "2 of 6")
        assert.include(bad.message, "[1, 0]")
        assert.instanceOf(
          yield* Effect.flip(kronecker.fit(w, { terms: 0, left: [2, 3], right: [1, 1] })),
          ShapeError
        )
      })
    )
  )

  it.live("stops when it is interrupted in the middle of its search, and leaves nothing live", () =>
    withKronecker(
      Effect.gen(function* () {
        const shape: KroneckerShape = { terms: 2, left: [24, 24], right: [4, 4] }
        const kronecker = yield* Kronecker
        const w = yield* Tensor.fromArray(normal(4, 96 * 96), [96, 96])
        const fiber = yield* Effect.forkChild(
          kronecker.fit(w, { ...shape, permute: "rows-and-columns", swaps: 1e12 })
        )
        yield* Effect.yieldNow
        yield* Fiber.interrupt(fiber)
        assert.isTrue(Exit.isFailure(yield* Fiber.await(fiber)))
      })
    )
  )

  it.effect("a backend that fails while the factors are made fails the fit, and nothing stays live", () =>
    withKronecker(
      Effect.gen(function* () {
        const mock = yield* MockControls
        const kronecker = yield* Kronecker
        const w = yield* Tensor.fromArray(normal(4, 48), [6, 8])
        for (const kernel of [1, 2]) {
          yield* mock.failAt(kernel)
          const error = yield* Effect.flip(kronecker.fit(w, { terms: 1, left: [3, 4], right: [2, 2] }))
          assert.instanceOf(error, KernelError)
        }
      })
    )
  )
})
