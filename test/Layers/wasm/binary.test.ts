import { assert, describe, it } from "@effect/vitest"
import type { Kernels } from "../../../src/Layers/wasm/Kernels.ts"
import { Arena, assertClose, type ElementType, floats, rounding } from "./Arena.ts"

const arena = new Arena()
const { kernels } = arena

const sqrt2OverPi = Math.sqrt(2 / Math.PI)
const geluGradient = (x: number, g: number): number => {
  const s = 1 / (1 + Math.exp(-2 * sqrt2OverPi * (x + 0.044715 * x ** 3)))
  return g * (s + s * (1 - s) * 2 * x * sqrt2OverPi * (1 + 3 * 0.044715 * x * x))
}
const operations = {
  add: (a: number, b: number) => a + b,
  subtract: (a: number, b: number) => a - b,
  multiply: (a: number, b: number) => a * b,
  divide: (a: number, b: number) => a / b,
  power: (a: number, b: number) => a ** b,
  maximum: Math.max,
  minimum: Math.min,
  geluGradient
}
const comparisons = {
  equal: (a: number, b: number) => Number(a === b),
  less: (a: number, b: number) => Number(a < b),
  lessEqual: (a: number, b: number) => Number(a <= b)
}
type Binary = Kernels["binary_add_f32"]

interface Strides {
  readonly aRow: number
  readonly aColumn: number
  readonly bRow: number
  readonly bColumn: number
}

const stridesOf = (columns: number): ReadonlyArray<Strides> => [
  { aRow: columns, aColumn: 1, bRow: columns, bColumn: 1 },
  { aRow: columns, aColumn: 1, bRow: 0, bColumn: 1 },
  { aRow: 0, aColumn: 1, bRow: columns + 3, bColumn: 1 },
  { aRow: columns, aColumn: 1, bRow: 1, bColumn: 0 },
  { aRow: 1, aColumn: 0, bRow: columns + 1, bColumn: 1 },
  { aRow: 0, aColumn: 0, bRow: columns, bColumn: 1 },
  { aRow: columns, aColumn: 1, bRow: 0, bColumn: 0 },
  { aRow: 1, aColumn: 0, bRow: 0, bColumn: 0 },
  { aRow: 2, aColumn: 0, bRow: 5, bColumn: 0 }
]

const shapes = [
  [0, 3],
  [3, 0],
  [1, 1],
  [5, 1],
  [1, 17],
  [3, 4],
  [4, 5],
  [2, 33]
] as const

// Runs a kernel over every shape and stride pattern and compares with the reference.
const sweep = (
  kernel: Binary,
  type: ElementType,
  outType: ElementType,
  reference: (a: number, b: number) => number,
  low: number,
  tolerance: number,
  floor = 0
): void => {
  for (const [rows, columns] of shapes)
    for (const { aRow, aColumn, bRow, bColumn } of stridesOf(columns)) {
      arena.reset()
      const a = arena.random(type, rows * aRow + columns + 1, low, 3)
      const b = arena.random(type, rows * bRow + columns + 1, low, 3)
      const out = arena.allocate(outType, rows * columns)
      kernel(arena.put(type, a), arena.put(type, b), out, rows, columns, aRow, aColumn, bRow, bColumn)
      arena.checkGuards()
      const expected = Array.from({ length: rows * columns }, (_, i) => {
        const r = Math.floor(i / columns)
        const c = i % columns
        return reference(a[r * aRow + c * aColumn], b[r * bRow + c * bColumn])
      })
      const what = `[${rows}, ${columns}] strides ${[aRow, aColumn, bRow, bColumn]}`
      assertClose(arena.read(outType, out, rows * columns), expected, tolerance, floor, what)
    }
}

describe.each(floats)("binary kernels (%s)", (type) => {
  it.each(Object.keys(operations) as Array<keyof typeof operations>)("%s broadcasts", (name) => {
    const exact = name !== "power" && name !== "geluGradient"
    const tolerance = exact ? rounding(type, 1) : type === "f32" ? 5e-7 : 5e-14
    sweep(
      kernels[`binary_${name}_${type}`],
      type,
      type,
      operations[name],
      name === "power" ? 0.1 : -3,
      tolerance,
      exact ? 0 : 1
    )
  })

  it.each(Object.keys(comparisons) as Array<keyof typeof comparisons>)("compare %s broadcasts", (name) => {
    sweep(kernels[`compare_${name}_${type}`], type, "i32", comparisons[name], -3, 0)
  })

  const pairs = (kernel: Binary, a: Array<number>, b: Array<number>, outType: ElementType = type) => {
    arena.reset()
    const n = a.length
    const out = arena.allocate(outType, n)
    kernel(arena.put(type, a), arena.put(type, b), out, 1, n, n, 1, n, 1)
    return arena.read(outType, out, n)
  }

  it("maximum and minimum carry NaN; comparisons with it are false", () => {
    const a = [NaN, 1, NaN, -0, Infinity, 2]
    const b = [1, NaN, NaN, 0, -Infinity, 2]
    assert.deepStrictEqual(pairs(kernels[`binary_maximum_${type}`], a, b), [NaN, NaN, NaN, 0, Infinity, 2])
    assert.deepStrictEqual(pairs(kernels[`binary_minimum_${type}`], a, b), [NaN, NaN, NaN, -0, -Infinity, 2])
    assert.deepStrictEqual(pairs(kernels[`compare_equal_${type}`], a, b, "i32"), [0, 0, 0, 1, 0, 1])
    assert.deepStrictEqual(pairs(kernels[`compare_less_${type}`], a, b, "i32"), [0, 0, 0, 0, 0, 0])
    assert.deepStrictEqual(pairs(kernels[`compare_lessEqual_${type}`], a, b, "i32"), [0, 0, 0, 1, 0, 1])
  })

  it("power has JavaScript's special cases and is exact on small integers", () => {
    const values = [0, -0, 1, -1, 2, -2, 0.5, 3, -3, 2.5, -2.5, Infinity, -Infinity, NaN, 31, -31]
    const a = values.flatMap((x) => values.map(() => x))
    const b = values.flatMap(() => values)
    assertClose(
      pairs(kernels[`binary_power_${type}`], a, b),
      a.map((x, i) => (type === "f32" ? Math.fround(x ** b[i]) : x ** b[i])),
      rounding(type, type === "f32" ? 1 : 20)
    )
    const bases = [2, 3, 5, 7, 10, -3]
    assert.deepStrictEqual(
      pairs(kernels[`binary_power_${type}`], bases, [10, 7, 4, 5, 6, 5]),
      [1024, 2187, 625, 16807, 1e6, -243]
    )
  })

  it("power is accurate over large exponents", () => {
    const a = arena.random(type, 4000, 0.01, 20)
    const limit = type === "f32" ? 80 : 700
    const b = a.map((x, i) => (((i % 200) - 100) / 100) * (limit / Math.abs(Math.log(x))))
    const stored = type === "f32" ? b.map(Math.fround) : b
    assertClose(
      pairs(kernels[`binary_power_${type}`], a, stored),
      a.map((x, i) => x ** stored[i]),
      type === "f32" ? 1e-7 : 5e-15
    )
  })

  it("geluGradient at the ends", () => {
    const x = [Infinity, -Infinity, 1e20, -1e20, 0, NaN]
    const twos = x.map(() => 2)
    assertClose(pairs(kernels[`binary_geluGradient_${type}`], x, twos), [2, 0, 2, 0, 1, NaN], 1e-30, 1)
  })

  it.each([0, 1, 3, 4, 5, 17])("select of %i elements", (n) => {
    arena.reset()
    const condition = arena.random("i32", n, -1, 2)
    const a = arena.random(type, n)
    const b = arena.random(type, n)
    const out = arena.allocate(type, n)
    const select = type === "f32" ? kernels.select_32 : kernels.select_64
    select(arena.put("i32", condition), arena.put(type, a), arena.put(type, b), out, n)
    arena.checkGuards()
    assert.deepStrictEqual(
      arena.read(type, out, n),
      a.map((v, i) => (condition[i] ? v : b[i]))
    )
  })
})

describe("binary kernels (i32)", () => {
  it.each(["add", "subtract", "multiply", "maximum", "minimum"] as const)("%s", (name) => {
    sweep(kernels[`binary_${name}_i32`], "i32", "i32", operations[name], -50, 0)
  })

  it.each(Object.keys(comparisons) as Array<keyof typeof comparisons>)("compare %s", (name) => {
    sweep(kernels[`compare_${name}_i32`], "i32", "i32", comparisons[name], -3, 0)
  })
})
