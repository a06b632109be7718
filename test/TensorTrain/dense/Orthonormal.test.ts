import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Layers from "../../../src/Layers/index.ts"
import { Backend } from "../../../src/Tensor/index.ts"
import { orthonormalColumns, orthonormalRows } from "../../../src/TensorTrain/dense/Orthonormal.ts"
import { pivotedCholesky } from "../../../src/TensorTrain/dense/PivotedCholesky.ts"
import { normals } from "../onTrains.ts"

const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let largest = 0
  for (let e = 0; e < a.length; e++) largest = Math.max(largest, Math.abs(a[e] - b[e]))
  return largest
}

const identity = (n: number): Float64Array =>
  Float64Array.from({ length: n * n }, (_, e) => (e % (n + 1) === 0 ? 1 : 0))

describe.each([
  ["BLAS or what there is", Layers.cpu()],
  ["WebAssembly", Layers.cpu({ engine: "wasm" })]
] as const)("orthonormal bases by %s", (_, layer) => {
  it.effect("of rows of lengths from 1 to 1e-120 that are orthogonal but for a little", () =>
    Effect.gen(function* () {
      const { factorizations: host } = yield* Backend
      const [rows, columns] = [6, 40]
      const { q } = host.qr(normals(1, columns * rows), columns, rows)
      const noise = normals(2, rows * columns)
      for (const share of [1e-9, 0.3]) {
        const b = noise.map((value, e) => {
          const [i, j] = [Math.floor(e / columns), e % columns]
          return 10 ** (-24 * i) * (q[j * rows + i] + share * value)
        })
        const { triangle, basis } = orthonormalRows(host, b, rows, columns)
        const gram = host.multiply(basis, basis, rows, columns, rows, { transposeB: true })
        assert.isBelow(largestDifference(gram, identity(rows)), 1e-14)
        const product = host.multiply(triangle, basis, rows, rows, columns)
        for (let i = 0; i < rows; i++) {
          const unit = (values: Float64Array) =>
            values.slice(i * columns, (i + 1) * columns).map((value) => value * 10 ** (24 * i))
          assert.isBelow(largestDifference(unit(product), unit(b)), 1e-13)
        }
      }
    }).pipe(Effect.provide(layer))
  )

  it.effect("of columns: no more than their rank, each kept in its own scale", () =>
    Effect.gen(function* () {
      const { factorizations: host } = yield* Backend
      const [rows, columns, planted] = [100, 40, 17]
      const scales = Float64Array.from({ length: columns }, (_, j) => 10 ** -(j % 13))
      const few = host.multiply(
        normals(3, rows * planted),
        normals(4, planted * columns),
        rows,
        planted,
        columns
      )
      for (const [a, rank] of [
        [few, planted],
        [normals(5, rows * columns), columns],
        // Dependent but for 1e-8: that is no rounding, and must be kept.
        [few.map((value, e) => value + 1e-8 * Math.sin(e * e)), columns]
      ] as const) {
        const scaled = a.map((value, e) => value * scales[e % columns])
        const found = orthonormalColumns(host, scaled, rows, columns)
        assert.strictEqual(found.rank, rank)
        const gram = host.multiply(found.q, found.q, rank, rows, rank, { transposeA: true })
        assert.isBelow(largestDifference(gram, identity(rank)), 1e-13)
        const product = host.multiply(found.q, found.r, rows, rank, columns)
        assert.isBelow(
          largestDifference(
            product.map((value, e) => value / scales[e % columns]),
            a
          ),
          1e-12
        )
      }
    }).pipe(Effect.provide(layer))
  )
})

describe("pivotedCholesky", () => {
  it("stops at the planted rank, and says what is left", () => {
    const [n, rank] = [12, 5]
    const factor = normals(6, n * rank)
    const a = new Float64Array(n * n)
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++)
        for (let q = 0; q < rank; q++) a[i * n + j] += factor[i * rank + q] * factor[j * rank + q]
    const whole = pivotedCholesky(a, n, { trace: 1e-10 })
    assert.strictEqual(whole.pivots.length, rank)
    const part = pivotedCholesky(a, n, { maxRank: 3 })
    assert.strictEqual(part.pivots.length, 3)
    for (const { factor: l, pivots, left } of [whole, part]) {
      let trace = 0
      for (let i = 0; i < n; i++)
        for (let j = 0; j < n; j++) {
          let rest = a[i * n + j]
          for (let q = 0; q < pivots.length; q++) rest -= l[q * n + i] * l[q * n + j]
          if (i === j) trace += rest
          if (pivots.includes(i)) assert.isBelow(Math.abs(rest), 1e-12)
        }
      assert.isBelow(Math.abs(trace - left), 1e-11)
    }
  })
})
