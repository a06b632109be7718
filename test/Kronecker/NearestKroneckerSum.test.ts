import { assert, describe, it } from "@effect/vitest"
import { Matrix, SingularValueDecomposition } from "ml-matrix"
import { type Arrangement, identityArrangement } from "../../src/Kronecker/Arrangement.ts"
import type { KroneckerShape } from "../../src/Kronecker/Contraction.ts"
import { type NearestSum, nearestKroneckerSum } from "../../src/Kronecker/NearestKroneckerSum.ts"
import { matrixFactorizations as host } from "../../src/Layers/host/MatrixFactorizations.ts"
import { assertClose } from "../assertClose.ts"
import { normal, planted } from "./planted.ts"

/** (sum_r A_r (x) B_r)[i, j] at [rows[i], columns[j]]. */
const dense = (
  { left: a, right: b }: NearestSum,
  { terms, left: [m1, n1], right: [m2, n2] }: KroneckerShape,
  { rows, columns }: Arrangement
): Float64Array => {
  const result = new Float64Array(rows.length * columns.length)
  rows.forEach((row, i) =>
    columns.forEach((column, j) => {
      for (let r = 0; r < terms; r++)
        result[row * columns.length + column] +=
          a[(r * m1 + Math.floor(i / m2)) * n1 + Math.floor(j / n2)] * b[(r * m2 + (i % m2)) * n2 + (j % n2)]
    })
  )
  return result
}

const distance = (a: Float64Array, b: Float64Array): number =>
  Math.sqrt(a.reduce((sum, value, e) => sum + (value - b[e]) ** 2, 0) / b.reduce((sum, v) => sum + v * v, 0))

/** The error by the singular values of the rearrangement itself, without a Gram matrix. */
const errorBySvd = (w: Float64Array, { terms, left: [m1, n1], right: [m2, n2] }: KroneckerShape): number => {
  const rearranged = Matrix.zeros(m1 * n1, m2 * n2)
  for (let i = 0; i < m1 * m2; i++)
    for (let j = 0; j < n1 * n2; j++)
      rearranged.set(
        Math.floor(i / m2) * n1 + Math.floor(j / n2),
        (i % m2) * n2 + (j % n2),
        w[i * n1 * n2 + j]
      )
  const squares = new SingularValueDecomposition(rearranged, { autoTranspose: true }).diagonal.map(
    (s) => s * s
  )
  const tail = squares.slice(terms).reduce((total, value) => total + value, 0)
  return Math.sqrt(tail / squares.reduce((total, value) => total + value, 0))
}

describe("nearestKroneckerSum", () => {
  it("is as near as the singular values of the rearrangement say, whichever side is small", () => {
    for (const shape of [
      { terms: 2, left: [6, 8], right: [2, 3] },
      { terms: 3, left: [2, 3], right: [7, 5] },
      { terms: 4, left: [6, 7], right: [6, 6] },
      { terms: 5, left: [10, 12], right: [9, 8] }
    ] as const satisfies ReadonlyArray<KroneckerShape>) {
      const { left, right } = shape
      const w = normal(4, left[0] * right[0] * left[1] * right[1])
      const identity = identityArrangement(shape)
      const sum = nearestKroneckerSum(w, shape, identity, host)
      assert.closeTo(sum.relativeError, errorBySvd(w, shape), 1e-12)
      assert.closeTo(distance(dense(sum, shape, identity), w), sum.relativeError, 1e-12)
    }
  })

  it("gives a sum back exactly when it is told how the sum was permuted", () => {
    const shape: KroneckerShape = { terms: 2, left: [5, 4], right: [3, 2] }
    const { w, arrangement } = planted(1, shape)
    const sum = nearestKroneckerSum(w, shape, arrangement, host)
    assert.isBelow(sum.relativeError, 1e-14)
    assertClose(dense(sum, shape, arrangement), w, 1e-13)
  })

  it("shares each term's norm equally, and is the same sum at any scale", () => {
    const shape: KroneckerShape = { terms: 3, left: [4, 6], right: [2, 3] }
    const identity = identityArrangement(shape)
    const w = normal(2, 8 * 18)
    const sum = nearestKroneckerSum(w, shape, identity, host)
    for (let r = 0; r < 3; r++)
      assert.closeTo(
        Math.hypot(...sum.left.subarray(r * 24, (r + 1) * 24)),
        Math.hypot(...sum.right.subarray(r * 6, (r + 1) * 6)),
        1e-12
      )
    for (const scale of [1e-200, 1e180]) {
      const scaled = nearestKroneckerSum(
        w.map((value) => value * scale),
        shape,
        identity,
        host
      )
      assert.closeTo(scaled.relativeError, sum.relativeError, 1e-12)
      assertClose(
        scaled.left.map((value) => value / Math.sqrt(scale)),
        sum.left,
        1e-12
      )
    }
  })

  it("fills up with zeros where there is nothing left to fit", () => {
    const shape: KroneckerShape = { terms: 5, left: [3, 3], right: [2, 2] }
    const identity = identityArrangement(shape)
    const full = nearestKroneckerSum(normal(3, 36), shape, identity, host)
    assert.isBelow(full.relativeError, 1e-14)
    assert.isTrue(full.left.subarray(4 * 9).every((value) => value === 0))
    const zero = nearestKroneckerSum(new Float64Array(36), shape, identity, host)
    assert.strictEqual(zero.relativeError, 0)
    assert.isTrue(zero.left.every((value) => value === 0))
  })
})
