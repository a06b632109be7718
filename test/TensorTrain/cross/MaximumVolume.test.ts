import { assert, describe, it } from "@effect/vitest"
import { Matrix, determinant } from "ml-matrix"
import { maximumVolume, rectangularMaximumVolume, type RowBasis } from "../../../src/TensorTrain/index.ts"
import { assertClose } from "../../assertClose.ts"
import { lengthOf, normals } from "../onTrains.ts"

const [n, r] = [12, 3]

/** B A[rows] */
const rebuilt = (a: Float64Array, { rows, coefficients }: RowBasis): Float64Array =>
  a.map((_, e) => {
    const [i, j] = [Math.floor(e / r), e % r]
    return rows.reduce((sum, row, k) => sum + coefficients[i * rows.length + k] * a[row * r + j], 0)
  })

const volume = (a: Float64Array, rows: Iterable<number>): number =>
  Math.abs(determinant(new Matrix(Array.from(rows, (row) => Array.from(a.subarray(row * r, (row + 1) * r))))))

const found = (basis: RowBasis | undefined): RowBasis => {
  assert.isDefined(basis)
  return basis
}

describe("maximumVolume", () => {
  it("writes every row by the chosen ones with coefficients up to the tolerance, which no exchange can beat", () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const a = normals(seed, n * r)
      const basis = found(maximumVolume(a, n, r, { tolerance: 1.001 }))
      assertClose(rebuilt(a, basis), a, 1e-12)
      assert.isAtMost(Math.max(...basis.coefficients.map(Math.abs)), 1.001)
      const chosen = volume(a, basis.rows)
      for (let k = 0; k < r; k++)
        for (let row = 0; row < n; row++) {
          const exchanged = Array.from(basis.rows, (kept, at) => (at === k ? row : kept))
          assert.isAtMost(volume(a, exchanged), 1.001 * chosen + 1e-12)
        }
    }
  })

  it("finds the largest of all where a diagonal stands out", () => {
    const a = normals(7, n * r).map((value) => 1e-3 * value)
    for (const [column, row] of [8, 2, 5].entries()) a[row * r + column] = 1
    assert.deepStrictEqual([...found(maximumVolume(a, n, r)).rows].toSorted(), [2, 5, 8])
  })

  it("says so where the columns depend on each other", () => {
    assert.isUndefined(maximumVolume(new Float64Array(n * r), n, r))
    const a = normals(3, n * r)
    for (let i = 0; i < n; i++) a[i * r + 2] = 0
    assert.isUndefined(rectangularMaximumVolume(a, n, r, 2))
  })
})

describe("rectangularMaximumVolume", () => {
  it("takes distinct rows beyond the columns, and its coefficients are the shortest there are", () => {
    const a = normals(11, n * r)
    const square = found(rectangularMaximumVolume(a, n, r, 0))
    const more = found(rectangularMaximumVolume(a, n, r, 3, 0.1))
    assert.strictEqual(more.rows.length, r + 3)
    assert.strictEqual(new Set(more.rows).size, r + 3)
    assertClose(rebuilt(a, more), a, 1e-12)
    assert.isBelow(lengthOf(more.coefficients), lengthOf(square.coefficients))
    // The shortest are A pinv(A[rows]): their rows lie in the column space of A[rows].
    const chosen = new Matrix(Array.from(more.rows, (row) => Array.from(a.subarray(row * r, (row + 1) * r))))
    const normal = chosen.transpose().mmul(chosen)
    const expected = new Matrix(
      Array.from({ length: n }, (_, i) => Array.from(a.subarray(i * r, (i + 1) * r)))
    )
      .mmul(Matrix.eye(r).mmul(inverse(normal)))
      .mmul(chosen.transpose())
    assertClose(more.coefficients, expected.to1DArray(), 1e-10)
  })

  it("never takes more rows than there are, and none below the threshold", () => {
    const a = normals(12, n * r)
    assert.strictEqual(found(rectangularMaximumVolume(a, n, r, 50, 0)).rows.length, n)
    assert.strictEqual(found(rectangularMaximumVolume(a, n, r, 50, 10)).rows.length, r)
  })
})

const inverse = (a: Matrix): Matrix => {
  const [[p, q, s], [t, u, v], [w, x, y]] = a.to2DArray()
  const cofactors = [
    [u * y - v * x, s * x - q * y, q * v - s * u],
    [v * w - t * y, p * y - s * w, s * t - p * v],
    [t * x - u * w, q * w - p * x, p * u - q * t]
  ]
  return new Matrix(cofactors).mul(1 / determinant(a))
}
