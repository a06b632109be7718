import { assert } from "@effect/vitest"
import type { Factorizations } from "../../../src/Tensor/index.ts"
import { NumericalError } from "../../../src/Tensor/index.ts"
import { assertClose } from "../../assertClose.ts"
import { randomNumbers } from "../../randomNumbers.ts"

const transposed = (a: Float64Array, rows: number, columns: number): Float64Array =>
  a.map((_, i) => a[(i % rows) * columns + Math.floor(i / rows)])

const product = (a: Float64Array, b: Float64Array, m: number, k: number, n: number): Float64Array =>
  new Float64Array(m * n).map((_, at) => {
    const [i, j] = [Math.floor(at / n), at % n]
    let total = 0
    for (let p = 0; p < k; p++) total += a[i * k + p] * b[p * n + j]
    return total
  })

const identity = (n: number): Float64Array =>
  new Float64Array(n * n).map((_, i) => (i % (n + 1) === 0 ? 1 : 0))

const scaledColumns = (a: Float64Array, factors: Float64Array): Float64Array =>
  a.map((value, i) => value * factors[i % factors.length])

const tolerance = 1e-12

const orthonormalColumns = (q: Float64Array, rows: number, columns: number): void =>
  assertClose(
    product(transposed(q, rows, columns), q, columns, rows, columns),
    identity(columns),
    tolerance,
    "columns' products"
  )

/** Rows, columns and rank. */
const matrices = [
  [1, 1, 1],
  [5, 5, 5],
  [7, 3, 3],
  [3, 7, 3],
  [1, 4, 1],
  [4, 1, 1],
  [6, 4, 2],
  [4, 6, 2],
  [67, 33, 33],
  [33, 67, 33],
  [64, 64, 40]
] as const

const ofRank = (m: number, n: number, rank: number): Float64Array =>
  product(randomNumbers(m * rank, 1), randomNumbers(rank * n, 2), m, rank, n)

const symmetric = (n: number): Float64Array => {
  const a = randomNumbers(n * n, 3)
  return transposed(a, n, n).map((value, i) => value + a[i])
}

const unchanged = (a: Float64Array, work: () => void): void => {
  const before = a.slice()
  work()
  assert.deepStrictEqual(a, before, "the input was written to")
}

const sizes = [1, 2, 6, 33, 70]

/** What the factorisations of any backend must fulfil, by reconstruction. */
export const factorizationChecks: ReadonlyArray<readonly [string, (host: Factorizations) => void]> = [
  [
    "svd",
    (host) => {
      for (const [m, n, rank] of matrices) {
        const a = ofRank(m, n, rank)
        const k = Math.min(m, n)
        unchanged(a, () => {
          const { u, s, vt } = host.svd(a, m, n)
          assertClose(product(scaledColumns(u, s), vt, m, k, n), a, tolerance, `u s vt of [${m}, ${n}]`)
          orthonormalColumns(u, m, k)
          orthonormalColumns(transposed(vt, k, n), n, k)
          assert.deepStrictEqual(s, s.toSorted().toReversed())
          assert.isTrue(s.every((value, i) => (i < rank ? value > 1e-6 : value >= 0 && value < 1e-12)))
        })
      }
    }
  ],
  [
    "eigh",
    (host) => {
      for (const n of sizes) {
        const a = symmetric(n)
        unchanged(a, () => {
          const { values, vectors } = host.eigh(a, n)
          const again = product(scaledColumns(vectors, values), transposed(vectors, n, n), n, n, n)
          assertClose(again, a, tolerance, `v values vt of ${n} rows`)
          orthonormalColumns(vectors, n, n)
          assert.deepStrictEqual(values, values.toSorted())
        })
      }
    }
  ],
  [
    "qr",
    (host) => {
      for (const [m, n, rank] of matrices) {
        const a = ofRank(m, n, rank)
        const k = Math.min(m, n)
        unchanged(a, () => {
          const { q, r } = host.qr(a, m, n)
          assertClose(product(q, r, m, k, n), a, tolerance, `q r of [${m}, ${n}]`)
          orthonormalColumns(q, m, k)
          r.forEach((value, i) => {
            if (i % n < Math.floor(i / n)) assert.strictEqual(value, 0)
          })
        })
      }
    }
  ],
  [
    "cholesky",
    (host) => {
      for (const n of sizes) {
        const x = randomNumbers(n * n, 4)
        const gram = product(x, transposed(x, n, n), n, n, n)
        const a = identity(n).map((value, i) => value + gram[i])
        unchanged(a, () => {
          const l = host.cholesky(a, n)
          assertClose(product(l, transposed(l, n, n), n, n, n), a, tolerance, `l lt of ${n} rows`)
          l.forEach((value, i) => {
            if (i % n > Math.floor(i / n)) assert.strictEqual(value, 0)
          })
        })
      }
      assert.throws(() => host.cholesky(Float64Array.of(1, 2, 2, 1), 2), NumericalError)
    }
  ],
  [
    "solve",
    (host) => {
      for (const n of sizes) {
        for (const columns of [1, 3]) {
          const [a, x] = [randomNumbers(n * n, 5), randomNumbers(n * columns, 6)]
          const b = product(a, x, n, n, columns)
          unchanged(a, () => unchanged(b, () => assertClose(host.solve(a, n, b, columns), x, 1e-9)))
        }
      }
      const hilbert = new Float64Array(14 ** 2).map((_, i) => 1 / ((i % 14) + Math.floor(i / 14) + 1))
      assert.throws(() => host.solve(hilbert, 14, new Float64Array(14), 1), NumericalError)
      assert.throws(
        () => host.solve(Float64Array.of(1, 2, 2, 4), 2, Float64Array.of(1, 1), 1),
        NumericalError
      )
    }
  ],
  [
    "multiply and gram",
    (host) => {
      for (const [m, k, n] of [
        [1, 1, 1],
        [2, 3, 4],
        [67, 129, 33],
        [130, 64, 257]
      ] as const) {
        const [a, b] = [randomNumbers(m * k, 7), randomNumbers(k * n, 8)]
        assertClose(host.multiply(a, b, m, k, n), product(a, b, m, k, n), tolerance)
        assertClose(host.gram(a, m, k), product(a, transposed(a, m, k), m, k, m), tolerance)
      }
    }
  ]
]
