import { assert, describe, it } from "@effect/vitest"
import { Arena, assertClose, floats } from "./Arena.ts"

const arena = new Arena()
const { kernels } = arena

const sizes: ReadonlyArray<readonly [number, number, number]> = [
  [0, 3, 2],
  [3, 0, 2],
  [3, 2, 0],
  [1, 1, 1],
  [1, 17, 5],
  [1, 300, 700],
  [2, 9, 33],
  [3, 40, 7],
  [5, 5, 5],
  [6, 8, 4],
  [7, 9, 3],
  [12, 16, 300],
  [13, 4, 9],
  [40, 1, 30],
  [300, 1, 700],
  [33, 3, 2],
  [50, 70, 1],
  [100, 4, 260],
  [97, 65, 600],
  [200, 37, 20]
]

describe.each(floats)("matrix products (%s)", (type) => {
  const gemm = kernels[`gemm_${type}`]
  const tolerance = type === "f32" ? 1e-6 : 1e-15

  // op(A) op(B) of operands that lie in wider matrices
  const check = (
    [m, n, k]: readonly [number, number, number],
    transposeA: number,
    transposeB: number,
    alpha: number,
    beta: number
  ): void => {
    arena.reset()
    const lda = (transposeA ? m : k) + 3
    const ldb = (transposeB ? k : n) + 1
    const ldc = n + 2
    const a = arena.random(type, (transposeA ? k : m) * lda)
    const b = arena.random(type, (transposeB ? n : k) * ldb)
    const c = arena.random(type, m * ldc).map((v) => (beta === 0 ? NaN : v))
    const place = arena.put(type, c)
    const bytes = kernels[`gemmWorkspace_${type}`](m, n, k)
    const workspace = arena.allocate("i32", bytes / 4)
    gemm(
      transposeA,
      transposeB,
      m,
      n,
      k,
      alpha,
      arena.put(type, a),
      lda,
      arena.put(type, b),
      ldb,
      beta,
      place,
      ldc,
      workspace
    )
    arena.checkGuards()
    const expected = c.map((v, i) => {
      const row = Math.floor(i / ldc)
      const column = i % ldc
      if (column >= n) return v
      let s = 0
      for (let p = 0; p < k; p++)
        s +=
          a[transposeA ? p * lda + row : row * lda + p] * b[transposeB ? column * ldb + p : p * ldb + column]
      return alpha * s + (beta === 0 ? 0 : beta * v)
    })
    assertClose(
      arena.read(type, place, c.length),
      expected,
      tolerance,
      4 * Math.max(1, k) ** 0.7,
      `${[m, n, k]}`
    )
  }

  it.each(sizes)("%i x %i x %i, transposed or not, with alpha and beta", (...size) => {
    for (const [transposeA, transposeB] of [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1]
    ])
      for (const [alpha, beta] of [
        [1, 0],
        [1, 1],
        [-0.5, 2]
      ])
        check(size, transposeA, transposeB, alpha, beta)
  })

  it("alpha 0 leaves beta C, even where A is NaN", () => {
    arena.reset()
    const c = arena.put(type, [1, 2, 3, 4])
    const a = arena.put(type, [NaN, NaN, NaN, NaN])
    gemm(0, 0, 2, 2, 2, 0, a, 2, a, 2, 3, c, 2, arena.allocate(type, 2000))
    assert.deepStrictEqual(arena.read(type, c, 4), [3, 6, 9, 12])
    gemm(0, 0, 2, 2, 2, 0, a, 2, a, 2, 0, c, 2, 0)
    assert.deepStrictEqual(arena.read(type, c, 4), [0, 0, 0, 0])
  })

  it("a whole product equals the product by ranges of rows and of columns", () => {
    arena.reset()
    const [m, n, k] = [61, 53, 300]
    const size = type === "f32" ? 4 : 8
    const [a, b] = [arena.put(type, arena.random(type, m * k)), arena.put(type, arena.random(type, k * n))]
    const [whole, parts] = [arena.allocate(type, m * n), arena.allocate(type, m * n)]
    const workspace = arena.allocate("i32", kernels[`gemmWorkspace_${type}`](m, n, k) / 4)
    gemm(0, 0, m, n, k, 1, a, k, b, n, 0, whole, n, workspace)
    for (const [i0, i1] of [
      [0, 20],
      [20, 61]
    ])
      for (const [j0, j1] of [
        [0, 32],
        [32, 53]
      ]) {
        const to = parts + (i0 * n + j0) * size
        gemm(0, 0, i1 - i0, j1 - j0, k, 1, a + i0 * k * size, k, b + j0 * size, n, 0, to, n, workspace)
      }
    arena.checkGuards()
    assertClose(arena.read(type, parts, m * n), arena.read(type, whole, m * n), tolerance, 30)
  })
})
