import { assert, describe, it } from "@effect/vitest"
import { Arena, assertClose, type ElementType, floats } from "./Arena.ts"

const arena = new Arena()
const { kernels } = arena

const operations = {
  sum: (s: number, x: number) => s + x,
  sumOfSquares: (s: number, x: number) => s + x * x,
  max: (s: number, x: number) => Math.max(s, x),
  min: (s: number, x: number) => Math.min(s, x)
}
type Operation = keyof typeof operations
const start = (name: Operation, type: ElementType): number => {
  if (name === "sum" || name === "sumOfSquares") return 0
  const limit = type === "i32" ? 2 ** 31 : Infinity
  return name === "max" ? -limit : type === "i32" ? limit - 1 : limit
}

const sweep = (name: Operation, type: ElementType): void => {
  const kernel =
    type === "i32"
      ? kernels[`reduce_${name === "sumOfSquares" ? "sum" : name}_i32`]
      : kernels[`reduce_${name}_${type}`]
  for (const outer of [0, 1, 3])
    for (const length of [0, 1, 3, 5, 17, 300])
      for (const inner of [1, 2, 4, 7, 16, 21])
        for (const padding of [0, 2]) {
          arena.reset()
          const xLength = inner + padding
          const xOuter = xLength * length + 1
          const x = arena.random(type, outer * xOuter + xLength, -9, 9)
          const out = arena.allocate(type, outer * inner)
          kernel(arena.put(type, x), out, outer, length, inner, xOuter, xLength)
          arena.checkGuards()
          const expected = Array.from({ length: outer * inner }, (_, i) => {
            let s = start(name, type)
            for (let l = 0; l < length; l++)
              s = operations[name](s, x[Math.floor(i / inner) * xOuter + l * xLength + (i % inner)])
            return s
          })
          const exact = type === "i32" || name === "max" || name === "min"
          assertClose(
            arena.read(type, out, outer * inner),
            expected,
            exact ? 0 : type === "f32" ? 1e-6 : 1e-14,
            length,
            `[${outer}, ${length}, ${inner}]`
          )
        }
}

describe.each(floats)("reductions (%s)", (type) => {
  it.each(Object.keys(operations) as Array<Operation>)("%s over any axis", (name) => sweep(name, type))

  it("a sum of a million positive terms keeps its accuracy, along and across rows", () => {
    const n = 1_000_000
    arena.reset()
    const x = arena.random(type, n, 0, 1)
    const pointer = arena.put(type, x)
    const out = arena.allocate(type, 4)
    const tolerance = type === "f32" ? 2e-7 : 1e-14
    kernels[`reduce_sum_${type}`](pointer, out, 1, n, 1, n, 1)
    kernels[`reduce_sum_${type}`](pointer, out + (type === "f32" ? 4 : 8), 1, n / 2, 2, n, 2)
    const half = (parity: number): number => x.reduce((s, v, i) => (i % 2 === parity ? s + v : s), 0)
    assertClose(arena.read(type, out, 3), [half(0) + half(1), half(0), half(1)], tolerance)
    kernels[`reduce_sum_${type}`](pointer, out, 1, n / 4, 4, n, 4)
    const quarter = (rest: number): number => x.reduce((s, v, i) => (i % 4 === rest ? s + v : s), 0)
    assertClose(arena.read(type, out, 4), [0, 1, 2, 3].map(quarter), tolerance)
  })

  it("max and min carry NaN", () => {
    for (const [length, inner] of [
      [1, 1],
      [5, 1],
      [70, 1],
      [3, 4],
      [3, 17]
    ])
      for (const name of ["max", "min"] as const)
        for (let l = 0; l < length; l++) {
          arena.reset()
          const x = arena.random(type, length * inner)
          x[l * inner] = NaN
          const out = arena.allocate(type, inner)
          kernels[`reduce_${name}_${type}`](arena.put(type, x), out, 1, length, inner, x.length, inner)
          const result = arena.read(type, out, inner)
          assert.isNaN(result[0])
          assert.isFalse(result.slice(1).some(Number.isNaN))
        }
  })

  it("argmax: the first of equals, the first NaN before all", () => {
    const rows = [
      [1, 3, 2, 3, 0, 1, 1],
      [5, 3, 2, 3, 0, 5, 1],
      [-1, -3, -2, -3, -9, -5, -0.5],
      [1, NaN, 2, NaN, 9, 1, 1],
      [-Infinity, -Infinity, -Infinity, -Infinity, -Infinity, -Infinity, -Infinity],
      [1, 1, 1, 1, Infinity, Infinity, NaN]
    ]
    arena.reset()
    const out = arena.allocate("i32", rows.length)
    kernels[`argmax_${type}`](arena.put(type, rows.flat()), out, rows.length, 7)
    arena.checkGuards()
    assert.deepStrictEqual(arena.read("i32", out, rows.length), [1, 0, 6, 1, 0, 6])
    for (const n of [1, 2, 4, 5, 33, 100]) {
      arena.reset()
      const x = arena.random(type, n)
      const one = arena.allocate("i32", 1)
      kernels[`argmax_${type}`](arena.put(type, x), one, 1, n)
      assert.strictEqual(arena.read("i32", one, 1)[0], x.indexOf(Math.max(...x)))
    }
  })
})

describe("reductions (i32)", () => {
  it.each(["sum", "max", "min"] as const)("%s over any axis", (name) => sweep(name, "i32"))
})
