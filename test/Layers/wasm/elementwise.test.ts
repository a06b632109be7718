import { assert, describe, it } from "@effect/vitest"
import { Arena, assertClose, floats, rounding } from "./Arena.ts"

const arena = new Arena()
const { kernels } = arena

const sqrt2OverPi = Math.sqrt(2 / Math.PI)
const gelu = (x: number): number => x / (1 + Math.exp(-2 * sqrt2OverPi * (x + 0.044715 * x ** 3)))

// The range of arguments, and the relative error in units of the type's rounding error
const operations = {
  negate: [(x: number) => -x, -9, 9, 0],
  abs: [Math.abs, -9, 9, 0],
  square: [(x: number) => x * x, -9, 9, 1],
  sign: [Math.sign, -9, 9, 0],
  exp: [Math.exp, -87, 88, 3],
  log: [Math.log, 0, 50, 3],
  sqrt: [Math.sqrt, 0, 50, 1],
  reciprocal: [(x: number) => 1 / x, -5, 5, 1],
  tanh: [Math.tanh, -4, 4, 6],
  sigmoid: [(x: number) => 1 / (1 + Math.exp(-x)), -20, 20, 4],
  relu: [(x: number) => Math.max(x, 0), -5, 5, 0],
  gelu: [gelu, -2, 6, 9],
  sin: [Math.sin, -50, 50, 3],
  cos: [Math.cos, -50, 50, 3],
  floor: [Math.floor, -9, 9, 0]
} as const
const names = Object.keys(operations) as Array<keyof typeof operations>

describe.each(floats)("elementwise kernels (%s)", (type) => {
  const apply = (name: keyof typeof operations, x: ReadonlyArray<number>): Array<number> => {
    arena.reset()
    const out = arena.allocate(type, x.length)
    kernels[`unary_${name}_${type}`](arena.put(type, x), out, x.length)
    arena.checkGuards()
    return arena.read(type, out, x.length)
  }

  it.each(names)("%s is accurate over its range and near 0", (name) => {
    const [reference, low, high, units] = operations[name]
    const near = arena.random(type, 2000, low < 0 ? -1e-2 : 0.9, low < 0 ? 1e-2 : 1.1)
    const x = [...arena.random(type, 20_000, low, high), ...near]
    assertClose(apply(name, x), x.map(reference), rounding(type, units), 0, name)
  })

  it.each(names)("%s of any length writes only its range, and may work in place", (name) => {
    const [reference, low, high, units] = operations[name]
    for (const n of [0, 1, 2, 3, 4, 5, 7, 17]) {
      const x = arena.random(type, n, low, high)
      const expected = x.map(reference)
      assertClose(apply(name, x), expected, rounding(type, units), 0, name)
      arena.reset()
      const place = arena.put(type, x)
      kernels[`unary_${name}_${type}`](place, place, n)
      arena.checkGuards()
      assertClose(arena.read(type, place, n), expected, rounding(type, units), 0, name)
    }
  })

  it("a result does not depend on the position in the array", () => {
    for (const name of names) {
      const [, low, high] = operations[name]
      const x = arena.random(type, 11, low, high)
      const together = apply(name, x)
      x.forEach((one, i) => assert.strictEqual(apply(name, [one])[0], together[i], name))
    }
  })

  const inf = Infinity
  const specials: ReadonlyArray<readonly [keyof typeof operations, Array<number>, Array<number>]> = [
    ["exp", [-inf, inf, NaN, 0, -0, 1000, -1000], [0, inf, NaN, 1, 1, inf, 0]],
    ["log", [0, -0, inf, -1, -inf, NaN, 1], [-inf, -inf, inf, NaN, NaN, NaN, 0]],
    ["tanh", [-inf, inf, NaN, 0, -0, 400, -400], [-1, 1, NaN, 0, -0, 1, -1]],
    ["sigmoid", [-inf, inf, NaN, 0, 1000, -1000], [0, 1, NaN, 0.5, 1, 0]],
    ["relu", [-inf, inf, NaN, 0, -1], [0, inf, NaN, 0, 0]],
    ["gelu", [inf, NaN, 0, -0, 1e4, -1e4], [inf, NaN, 0, -0, 1e4, -0]],
    ["sqrt", [0, inf, NaN, -1, 4], [0, inf, NaN, NaN, 2]],
    ["reciprocal", [0, -0, inf, -inf, NaN, 4], [inf, -inf, 0, -0, NaN, 0.25]],
    ["sin", [0, inf, -inf, NaN], [0, NaN, NaN, NaN]],
    ["cos", [0, -0, inf, -inf, NaN], [1, 1, NaN, NaN, NaN]],
    ["sign", [-inf, inf, NaN, 0, -3], [-1, 1, NaN, 0, -1]],
    ["abs", [-inf, inf, NaN, -0, -3], [inf, inf, NaN, 0, 3]],
    ["floor", [-inf, inf, NaN, -0.5, 2.5], [-inf, inf, NaN, -1, 2]]
  ]

  it.each(specials)("%s of special values", (name, x, expected) => {
    assert.deepStrictEqual(apply(name, x), expected)
  })

  it("subnormal numbers: exp gives them, log takes them", () => {
    const least = type === "f32" ? 2 ** -149 : 2 ** -1074
    const low = type === "f32" ? [-88, -95, -103] : [-709, -725, -744]
    assertClose(
      apply("exp", low),
      low.map(Math.exp),
      rounding(type, 3),
      least * 2 ** (type === "f32" ? 24 : 53)
    )
    const small = [least, 3 * least, 1000 * least]
    assertClose(apply("log", small), small.map(Math.log), rounding(type, 3))
  })

  it("sin and cos of large arguments", () => {
    // From 2^20 up the digits of 2 / pi decide; every result must still be right to the last place or so.
    const x = [1e6, 1e7, 123456789, 1e10, 1e15, 1e22, 1e30, 3e38, 2 ** 120, -1e22, -1e30].map((v) =>
      type === "f32" ? Math.fround(v) : v
    )
    const larger = type === "f64" ? [...x, 1e100, 1e200, 1.7e308, 2 ** 1000, 6381956970095103 * 2 ** 797] : x
    assertClose(apply("sin", larger), larger.map(Math.sin), rounding(type, 3))
    assertClose(apply("cos", larger), larger.map(Math.cos), rounding(type, 3))
  })
})

describe("elementwise kernels (i32)", () => {
  it.each(["negate", "abs", "square", "sign"] as const)("%s", (name) => {
    for (const n of [0, 1, 3, 4, 5, 17]) {
      arena.reset()
      const x = arena.random("i32", n, -1000, 1000)
      const out = arena.allocate("i32", n)
      kernels[`unary_${name}_i32`](arena.put("i32", x), out, n)
      arena.checkGuards()
      assert.deepStrictEqual(
        arena.read("i32", out, n),
        x.map((v) => operations[name][0](v) + 0)
      )
    }
  })
})
