import { assert, describe, it } from "@effect/vitest"
import { findBlas, usualNames } from "../../../src/Layers/host/Blas.ts"
import { lapackFactorizations } from "../../../src/Layers/host/Lapack.ts"
import { matrixFactorizations } from "../../../src/Layers/host/MatrixFactorizations.ts"
import { NumericalError, OutOfMemory } from "../../../src/Tensor/index.ts"
import { assertClose } from "../../assertClose.ts"
import { randomNumbers } from "../../randomNumbers.ts"
import { thrownBy } from "../../thrownBy.ts"

const found = findBlas(usualNames(process.platform))
const blas = "reason" in found ? undefined : found

const symmetric = (n: number, seed: number): Float64Array => {
  const a = randomNumbers(n * n, seed)
  return a.map((value, i) => (value + a[(i % n) * n + Math.floor(i / n)]) / 2)
}

const identity = (n: number): Float64Array => {
  const a = new Float64Array(n * n)
  for (let i = 0; i < n; i++) a[i * n + i] = 1
  return a
}

const transposed = (a: Float64Array, rows: number, columns: number): Float64Array =>
  a.map((_, at) => a[(at % rows) * columns + Math.floor(at / rows)])

describe.skipIf(blas === undefined)("LAPACK's factorisations", () => {
  const lapack = blas && lapackFactorizations(blas, 2, matrixFactorizations)
  const { multiply } = matrixFactorizations

  it("are there", () => assert.isDefined(lapack))
  if (blas === undefined || lapack === undefined) return

  for (const [m, n] of [
    [1, 1],
    [1, 7],
    [7, 1],
    [5, 5],
    [40, 13],
    [13, 40],
    [128, 128]
  ]) {
    const k = Math.min(m, n)
    const a = randomNumbers(m * n, m + 100 * n)

    it(`svd and qr put a matrix of ${m} by ${n} together again`, () => {
      const original = a.slice()
      const { u, s, vt } = lapack.svd(a, m, n)
      assertClose(
        multiply(
          u.map((value, i) => value * s[i % k]),
          vt,
          m,
          k,
          n
        ),
        a,
        1e-13
      )
      assertClose(multiply(transposed(u, m, k), u, k, m, k), identity(k), 1e-13)
      assertClose(multiply(vt, transposed(vt, k, n), k, n, k), identity(k), 1e-13)
      for (let i = 1; i < k; i++) assert.isAtLeast(s[i - 1], s[i])
      const { q, r } = lapack.qr(a, m, n)
      assertClose(multiply(q, r, m, k, n), a, 1e-13)
      assertClose(multiply(transposed(q, m, k), q, k, m, k), identity(k), 1e-13)
      r.forEach((value, at) => {
        if (at % n < Math.floor(at / n)) assert.strictEqual(value, 0)
      })
      assert.deepStrictEqual(a, original)
    })
  }

  it("eigh, cholesky and solve agree with the matrix", () => {
    for (const n of [1, 2, 17, 60]) {
      const a = symmetric(n, n)
      const { values, vectors } = lapack.eigh(a, n)
      const scaled = vectors.map((value, i) => value * values[i % n])
      assertClose(multiply(scaled, transposed(vectors, n, n), n, n, n), a, 1e-12)
      for (let i = 1; i < n; i++) assert.isAtMost(values[i - 1], values[i])
      const positive = multiply(a, transposed(a, n, n), n, n, n).map(
        (value, i) => value + (i % (n + 1) ? 0 : 1)
      )
      const l = lapack.cholesky(positive, n)
      assertClose(multiply(l, transposed(l, n, n), n, n, n), positive, 1e-13)
      const b = randomNumbers(3 * n, 9)
      assertClose(multiply(positive, lapack.solve(positive, n, b, 3), n, n, 3), b, 1e-10)
    }
  })

  it("solve shares large systems out among threads, whose table of jobs needs a large stack", () => {
    const n = 300
    const a = randomNumbers(n * n, 3).map((value, i) => value + (i % (n + 1) === 0 ? n : 0))
    const b = randomNumbers(4 * n, 4)
    assertClose(multiply(a, lapack.solve(a, n, b, 4), n, n, 4), b, 1e-12)
  })

  it("are NumericalErrors where there is no answer, and give everything back", () => {
    const singular = Float64Array.of(1, 2, 2, 4)
    for (const body of [
      () => lapack.solve(singular, 2, Float64Array.of(1, 1), 1),
      () => lapack.cholesky(Float64Array.of(1, 2, 2, 1), 2),
      () => lapack.svd(new Float64Array(9).fill(Number.NaN), 3, 3)
    ]) {
      assert.instanceOf(thrownBy(body), NumericalError)
    }
  })

  it("run out of memory with a typed error", () => {
    const none = new Float64Array(0)
    assert.instanceOf(
      thrownBy(() => lapack.multiply(none, none, 2 ** 30, 1, 2 ** 30)),
      OutOfMemory
    )
    assert.strictEqual(lapack.svd(identity(10), 10, 10).s.length, 10)
  })

  it("multiply with nothing in between gives zeros", () => {
    assert.deepStrictEqual(
      lapack.multiply(new Float64Array(0), new Float64Array(0), 2, 0, 3),
      new Float64Array(6)
    )
  })

  it("are undefined where the library lacks a routine, so that the others are taken", () => {
    const without = { ...blas, lapack: () => undefined }
    assert.isUndefined(lapackFactorizations(without, 1, matrixFactorizations))
  })
})
