import { assert, describe, it } from "@effect/vitest"
import { symmetricEigen } from "../../src/Kronecker/SmallEigen.ts"
import { assertClose } from "../assertClose.ts"
import { normal } from "./planted.ts"

const gramOfRandom = (n: number, rank: number, seed: number): Float64Array => {
  const x = normal(seed, rank * n)
  const gram = new Float64Array(n * n)
  for (let r = 0; r < rank; r++)
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) gram[i * n + j] += x[r * n + i] * x[r * n + j]
  return gram
}

describe("symmetricEigen", () => {
  it("vectorsᵀ diag(values) vectors gives the matrix back, and the vectors are orthonormal", () => {
    for (const [n, rank] of [
      [1, 1],
      [2, 5],
      [8, 20],
      [8, 3],
      [16, 40],
      [32, 10]
    ]) {
      const a = gramOfRandom(n, rank, n + rank)
      const { values, vectors } = symmetricEigen(a, n)
      const back = new Float64Array(n * n)
      const products = new Float64Array(n * n)
      for (let i = 0; i < n; i++)
        for (let j = 0; j < n; j++)
          for (let k = 0; k < n; k++) {
            back[i * n + j] += values[k] * vectors[k * n + i] * vectors[k * n + j]
            products[i * n + j] += vectors[i * n + k] * vectors[j * n + k]
          }
      assertClose(back, a, 1e-13, "reconstruction")
      assertClose(
        products,
        products.map((_, e) => (e % (n + 1) === 0 ? 1 : 0)),
        1e-13,
        "vectors"
      )
      for (let k = 1; k < n; k++) assert.isAtLeast(values[k - 1], values[k])
    }
  })

  it("knows the eigenvalues 2 - 2 cos(k pi / (n + 1)) of the second difference", () => {
    const n = 12
    const a = new Float64Array(n * n)
    for (let i = 0; i < n; i++) {
      a[i * n + i] = 2
      if (i > 0) a[i * n + i - 1] = a[(i - 1) * n + i] = -1
    }
    const expected = Array.from({ length: n }, (_, i) => 2 - 2 * Math.cos(((n - i) * Math.PI) / (n + 1)))
    assertClose(symmetricEigen(a, n).values, expected, 1e-14)
  })

  it("takes a zero matrix and leaves its input alone", () => {
    assertClose(symmetricEigen(new Float64Array(9), 3).values, [0, 0, 0])
    const a = Float64Array.of(2, 1, 1, 2)
    assertClose(symmetricEigen(a, 2).values, [3, 1], 1e-15)
    assertClose(a, [2, 1, 1, 2], 0)
  })
})
