import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { type Backend, compute, LinAlg, Tensor, type TensorError } from "../../src/Tensor/index.ts"
import { assertClose } from "../assertClose.ts"
import { onMock } from "../Layers/onMock.ts"
import { randomNumbers } from "../randomNumbers.ts"

const random = (m: number, n: number, seed = 1) => Tensor.fromArray(randomNumbers(m * n, seed), [m, n])

const identity = (n: number) =>
  Tensor.fromArray(
    Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0)),
    [n, n]
  )

/** A random matrix of the given rank. */
const ofRank = (m: number, n: number, rank: number) =>
  Effect.gen(function* () {
    const [a, b] = [yield* random(m, rank, 2), yield* random(rank, n, 3)]
    return yield* compute((t) => t.matmul(a, b))
  })

/** A random symmetric matrix; `shift` is added to its eigenvalues. */
const symmetric = (n: number, shift = 0) =>
  Effect.gen(function* () {
    const [x, unit] = [yield* random(n, n, 4), yield* identity(n)]
    return yield* compute((t) => t.add(t.add(x, t.transpose(x)), t.multiply(unit, shift)))
  })

const close = (actual: Tensor, expected: Tensor, tolerance = 1e-12) =>
  Effect.gen(function* () {
    assert.deepStrictEqual(actual.shape, expected.shape)
    assertClose(yield* Tensor.toArray(actual), yield* Tensor.toArray(expected), tolerance)
  })

const orthonormalColumns = (q: Tensor) =>
  Effect.gen(function* () {
    const gram = yield* compute((t) => t.matmul(q, q, { transposeA: true }))
    yield* close(gram, yield* identity(q.shape[1]))
  })

const shapes = [
  ["square", 5, 5],
  ["tall", 7, 3],
  ["wide", 3, 7],
  ["one row", 1, 4],
  ["one column", 4, 1],
  ["one number", 1, 1],
  ["larger", 40, 25]
] as const

/** The singular values of a, whose decomposition is shown to be one. */
const reconstructs = (a: Tensor) =>
  Effect.gen(function* () {
    const { u, s, vt } = yield* LinAlg.svd(a)
    const k = Math.min(a.shape[0], a.shape[1])
    assert.deepStrictEqual([u.shape, s.shape, vt.shape], [[a.shape[0], k], [k], [k, a.shape[1]]])
    yield* close(yield* compute((t) => t.matmul(t.multiply(u, s), vt)), a)
    yield* orthonormalColumns(u)
    yield* orthonormalColumns(yield* compute((t) => t.transpose(vt)))
    const values = yield* Tensor.toArray(s)
    assert.deepStrictEqual(
      [...values],
      [...values].toSorted((x, y) => y - x)
    )
    assert.isAtLeast(values[k - 1], 0)
    return values
  })

describe("svd", () => {
  it.effect.each(shapes)("of a %s matrix: orthonormal factors that give it back", ([, m, n]) =>
    onMock(Effect.flatMap(random(m, n), reconstructs))
  )

  it.effect("shows the rank of a deficient matrix, tall and wide, and of zero", () =>
    onMock(
      Effect.gen(function* () {
        for (const [m, n] of [
          [6, 4],
          [4, 6]
        ] as const) {
          const values = yield* reconstructs(yield* ofRank(m, n, 2))
          assert.isAbove(values[1], 1e-2)
          assert.isBelow(values[2], 1e-14)
        }
        assert.deepStrictEqual([...(yield* reconstructs(yield* Tensor.full([3, 2], 0)))], [0, 0])
      })
    )
  )

  it.effect("recovers planted singular values, at any scale", () =>
    onMock(
      Effect.gen(function* () {
        for (const scale of [1, 1e200, 1e-200]) {
          const a = yield* Tensor.fromArray([0, 3 * scale, 0, -4 * scale, 0, 0], [2, 3])
          const { s } = yield* LinAlg.svd(a)
          assertClose(
            Array.from(yield* Tensor.toArray(s), (value) => value / scale),
            [4, 3],
            1e-14
          )
        }
      })
    )
  )
})

describe("eigh", () => {
  it.effect.each([[1], [2], [6], [30]] as const)(
    "of %i rows: a = v diag(values) vᵀ, values ascending",
    ([n]) =>
      onMock(
        Effect.gen(function* () {
          const a = yield* symmetric(n)
          const { values, vectors } = yield* LinAlg.eigh(a)
          yield* close(
            yield* compute((t) => t.matmul(t.multiply(vectors, values), vectors, { transposeB: true })),
            a
          )
          yield* orthonormalColumns(vectors)
          const sorted = [...(yield* Tensor.toArray(values))]
          assert.deepStrictEqual(
            sorted,
            sorted.toSorted((x, y) => x - y)
          )
        })
      )
  )

  it.effect("counts the symmetric part alone", () =>
    onMock(
      Effect.gen(function* () {
        const { values } = yield* LinAlg.eigh(yield* Tensor.fromArray([1, 4, 0, 1], [2, 2]))
        assertClose(yield* Tensor.toArray(values), [-1, 3])
      })
    )
  )
})

describe("qr", () => {
  it.effect.each(shapes)("of a %s matrix: orthonormal q, upper triangular r", ([, m, n]) =>
    onMock(
      Effect.gen(function* () {
        const a = yield* random(m, n)
        const { q, r } = yield* LinAlg.qr(a)
        yield* close(yield* compute((t) => t.matmul(q, r)), a)
        yield* orthonormalColumns(q)
        const values = yield* Tensor.toArray(r)
        values.forEach((value, i) => {
          if (i % n < Math.floor(i / n)) assert.strictEqual(value, 0)
        })
      })
    )
  )

  it.effect("of deficient matrices, tall and wide, still gives them back", () =>
    onMock(
      Effect.gen(function* () {
        for (const [m, n] of [
          [6, 4],
          [4, 6]
        ] as const) {
          const a = yield* ofRank(m, n, 2)
          const { q, r } = yield* LinAlg.qr(a)
          yield* close(yield* compute((t) => t.matmul(q, r)), a)
        }
      })
    )
  )
})

describe("cholesky", () => {
  it.effect("l is lower triangular with l lᵀ = a", () =>
    onMock(
      Effect.gen(function* () {
        const a = yield* symmetric(6, 12)
        const l = yield* LinAlg.cholesky(a)
        yield* close(yield* compute((t) => t.matmul(l, l, { transposeB: true })), a)
        const values = yield* Tensor.toArray(l)
        values.forEach((value, i) => {
          if (i % 6 > Math.floor(i / 6)) assert.strictEqual(value, 0)
        })
      })
    )
  )

  it.effect("of an indefinite or a semidefinite matrix fails, naming the pivot", () =>
    onMock(
      Effect.gen(function* () {
        const indefinite = yield* Tensor.fromArray([1, 2, 2, 1], [2, 2])
        const error = yield* Effect.flip(LinAlg.cholesky(indefinite))
        assert.strictEqual(error._tag, "NumericalError")
        assert.strictEqual(error.message, "cholesky: not positive definite: pivot 2 of 2 is -3")
        const zero = yield* Effect.flip(LinAlg.cholesky(yield* Tensor.full([2, 2], 0)))
        assert.strictEqual(zero._tag, "NumericalError")
      })
    )
  )
})

describe("solve", () => {
  it.effect("recovers a planted solution", () =>
    onMock(
      Effect.gen(function* () {
        const [a, x] = [yield* random(8, 8), yield* random(8, 3, 5)]
        const b = yield* compute((t) => t.matmul(a, x))
        yield* close(yield* LinAlg.solve(a, b), x, 1e-10)
      })
    )
  )

  it.effect("of a singular matrix fails, exactly singular or up to rounding", () =>
    onMock(
      Effect.gen(function* () {
        for (const values of [
          [1, 2, 2, 4],
          [0, 0, 0, 0],
          // Hilbert's matrix of order 14: its condition number is 1e18.
          Array.from({ length: 14 ** 2 }, (_, i) => 1 / ((i % 14) + Math.floor(i / 14) + 1))
        ]) {
          const n = Math.sqrt(values.length)
          const a = yield* Tensor.fromArray(values, [n, n])
          const error = yield* Effect.flip(LinAlg.solve(a, yield* Tensor.full([n, 1], 1)))
          assert.strictEqual(error._tag, "NumericalError")
          assert.include(error.message, "singular")
        }
      })
    )
  )
})

describe("lstsq", () => {
  it.effect("makes the residual orthogonal to the columns of a tall matrix", () =>
    onMock(
      Effect.gen(function* () {
        const [a, b] = [yield* random(9, 4), yield* random(9, 2, 6)]
        const x = yield* LinAlg.lstsq(a, b)
        const projections = yield* compute((t) =>
          t.matmul(a, t.subtract(t.matmul(a, x), b), { transposeA: true })
        )
        const magnitudes = (yield* Tensor.toArray(projections)).map(Math.abs)
        assert.isBelow(Math.max(...magnitudes), 1e-13)
      })
    )
  )

  it.effect("of a wide or rank-deficient matrix gives the solution of least norm", () =>
    onMock(
      Effect.gen(function* () {
        for (const a of [yield* random(3, 6), yield* ofRank(7, 5, 3), yield* ofRank(5, 7, 3)]) {
          // x = aᵀ z lies in the row space, where the solution of least norm of a x = b is unique.
          const z = yield* random(a.shape[0], 2, 7)
          const x = yield* compute((t) => t.matmul(a, z, { transposeA: true }))
          const b = yield* compute((t) => t.matmul(a, x))
          yield* close(yield* LinAlg.lstsq(a, b), x, 1e-10)
        }
      })
    )
  )
})

const failing = (
  factorise: (a: Tensor) => Effect.Effect<unknown, TensorError, Backend | Scope.Scope>,
  a: Tensor
) => Effect.flip(factorise(a))

describe("errors", () => {
  it.effect("NaN and infinities are named with their place", () =>
    onMock(
      Effect.gen(function* () {
        const a = yield* Tensor.fromArray([1, 2, Number.NaN, 4], [2, 2])
        for (const name of ["svd", "eigh", "qr", "cholesky"] as const) {
          const error = yield* failing(LinAlg[name], a)
          assert.strictEqual(error.message, `${name}: element [1, 0] is NaN`)
        }
        const b = yield* Tensor.fromArray([1, Infinity], [2, 1])
        const error = yield* Effect.flip(LinAlg.solve(yield* identity(2), b))
        assert.strictEqual(error.message, "solve: element [1, 0] is Infinity")
      })
    )
  )

  it.effect("what is no matrix, empty, not square or of integers is refused", () =>
    onMock(
      Effect.gen(function* () {
        const [vector, empty, wide, integers, cube] = [
          yield* Tensor.full([3], 1),
          yield* Tensor.full([0, 3], 1),
          yield* Tensor.full([2, 3], 1),
          yield* Tensor.full([2, 2], 1, "int32"),
          yield* Tensor.full([2, 2, 2], 1)
        ]
        for (const name of ["svd", "eigh", "qr", "cholesky"] as const) {
          for (const a of [vector, empty, cube])
            assert.strictEqual((yield* failing(LinAlg[name], a))._tag, "ShapeError")
          assert.strictEqual((yield* failing(LinAlg[name], integers))._tag, "DTypeError")
        }
        for (const name of ["eigh", "cholesky"] as const)
          assert.strictEqual((yield* failing(LinAlg[name], wide))._tag, "ShapeError")
        const unit = yield* identity(2)
        assert.strictEqual((yield* Effect.flip(LinAlg.solve(wide, unit)))._tag, "ShapeError")
        assert.strictEqual((yield* Effect.flip(LinAlg.solve(unit, vector)))._tag, "ShapeError")
        assert.strictEqual((yield* Effect.flip(LinAlg.lstsq(unit, vector)))._tag, "ShapeError")
      })
    )
  )

  it.effect("results have the matrix's element type", () =>
    onMock(
      Effect.gen(function* () {
        const a = yield* Tensor.fromArray(randomNumbers(6, 1), [2, 3], "float32")
        const { u, s } = yield* LinAlg.svd(a)
        assert.deepStrictEqual([u.dtype, s.dtype], ["float32", "float32"])
      })
    )
  )
})
