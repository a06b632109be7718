import { assert, describe, it } from "@effect/vitest"
import { indexOfNotFinite, lowerTiles, transposed } from "../../src/Tensor/HostMatrix.ts"

describe("matrices on the host", () => {
  it.each([0, 1, 31, 32, 33, 70])("tiles of size %i hold each place at and below the diagonal once", (n) => {
    const visits = new Int32Array(n * n)
    for (const { top, bottom, first, last } of lowerTiles(n))
      for (let i = top; i < bottom; i++)
        for (let j = first; j < Math.min(i + 1, last); j++) visits[i * n + j]++
    assert.isTrue(visits.every((count, e) => count === (e % n <= Math.floor(e / n) ? 1 : 0)))
  })

  it("transposed turns a matrix over", () => {
    const [rows, columns] = [35, 70]
    const x = Float64Array.from({ length: rows * columns }, (_, e) => e)
    const y = transposed(x, rows, columns)
    assert.isTrue(y.every((value, e) => value === x[(e % rows) * columns + Math.floor(e / rows)]))
  })

  it("the first number that is not finite is found", () => {
    assert.strictEqual(indexOfNotFinite(Float64Array.of(1, -2, 0)), -1)
    for (const bad of [Number.NaN, Infinity, -Infinity])
      assert.strictEqual(indexOfNotFinite(Float32Array.of(1, bad, Number.NaN)), 1)
  })
})
