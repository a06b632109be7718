import { assert, describe, it } from "@effect/vitest"
import { Arena, assertClose, floats } from "./Arena.ts"

const arena = new Arena()
const { kernels } = arena

const lengths = [0, 1, 2, 3, 4, 5, 7, 17, 100]

interface Box {
  readonly sizes: ReadonlyArray<number>
  readonly x: ReadonlyArray<number>
  readonly out: ReadonlyArray<number>
}

const contiguous = (sizes: ReadonlyArray<number>): Array<number> =>
  sizes.map((_, d) => sizes.slice(d + 1).reduce((a, b) => a * b, 1))

// Every offset of a strided box, in order of its indices
const offsets = (sizes: ReadonlyArray<number>, strides: ReadonlyArray<number>): Array<number> =>
  sizes.reduce<Array<number>>(
    (points, size, d) => points.flatMap((p) => Array.from({ length: size }, (_, i) => p + i * strides[d])),
    [0]
  )

const permuted = (sizes: ReadonlyArray<number>, order: ReadonlyArray<number>): Box => {
  const strides = contiguous(sizes)
  const result = order.map((d) => sizes[d])
  return { sizes: result, x: order.map((d) => strides[d]), out: contiguous(result) }
}

const boxes: ReadonlyArray<readonly [string, Box]> = [
  ["a scalar", { sizes: [], x: [], out: [] }],
  ["nothing", { sizes: [3, 0, 2], x: [2, 2, 1], out: [2, 2, 1] }],
  ["one run", { sizes: [2, 3, 5], x: [15, 5, 1], out: [15, 5, 1] }],
  ["a slice of rows and columns", { sizes: [3, 5], x: [9, 1], out: [5, 1] }],
  ["long runs", { sizes: [3, 300], x: [301, 1], out: [303, 1] }],
  ["padding", { sizes: [3, 5], x: [5, 1], out: [8, 1] }],
  ["a broadcast row", { sizes: [4, 7], x: [0, 1], out: [7, 1] }],
  ["a broadcast column", { sizes: [4, 7], x: [1, 0], out: [7, 1] }],
  ["a broadcast scalar", { sizes: [4, 7, 2], x: [0, 0, 0], out: [14, 2, 1] }],
  ["broadcast in the middle", { sizes: [3, 4, 5], x: [5, 0, 1], out: [20, 5, 1] }],
  ["broadcast inside a slice", { sizes: [3, 4, 5], x: [3, 1, 0], out: [30, 6, 1] }],
  ["a transpose", permuted([5, 7], [1, 0])],
  ["a transpose of whole tiles", permuted([64, 64], [1, 0])],
  ["a transpose over tile borders", permuted([37, 83], [1, 0])],
  ["heads to the front", permuted([2, 5, 3, 8], [0, 2, 1, 3])],
  ["many tokens' heads to the front", permuted([2, 40, 3, 8], [0, 2, 1, 3])],
  ["keys transposed", permuted([2, 5, 3, 8], [0, 2, 3, 1])],
  ["all reversed", permuted([3, 4, 5, 2], [3, 2, 1, 0])],
  ["rank 8", permuted([2, 1, 3, 1, 2, 2, 1, 3], [7, 0, 2, 1, 5, 3, 6, 4])],
  ["into a transposed place", { sizes: [6, 9], x: [9, 1], out: [1, 6] }],
  ["into columns of a wider place", { sizes: [6, 9], x: [9, 1], out: [2, 13] }],
  ["every second element", { sizes: [6, 4], x: [8, 2], out: [4, 1] }],
  ["into every third element", { sizes: [6, 4], x: [4, 1], out: [12, 3] }],
  ["a diagonal", { sizes: [5], x: [6], out: [1] }],
  ["ones in between", { sizes: [3, 1, 4, 1], x: [4, 99, 1, 77], out: [4, 55, 1, 33] }]
]

describe.each(floats)("movement (%s)", (type) => {
  const wide = type === "f64"

  it.each(boxes)("copy: %s", (_, { sizes, x, out }) => {
    arena.reset()
    const from = offsets(sizes, x)
    const to = offsets(sizes, out)
    const values = arena.random(type, Math.max(0, ...from) + 1)
    const before = arena.random(type, Math.max(0, ...to) + 1)
    const place = arena.put(type, before)
    const copy = wide ? kernels.copy_64 : kernels.copy_32
    copy(arena.put(type, values), place, sizes.length, arena.put("i32", [...sizes, ...x, ...out]))
    arena.checkGuards()
    const expected = [...before]
    to.forEach((o, i) => {
      expected[o] = values[from[i]]
    })
    assert.deepStrictEqual(arena.read(type, place, before.length), expected)
  })

  it.each(lengths)("fill of %i elements", (n) => {
    for (const value of [0, -2.5, NaN]) {
      arena.reset()
      const out = arena.allocate(type, n)
      const fill = wide ? kernels.fill_64 : kernels.fill_32
      fill(out, value, n)
      arena.checkGuards()
      assert.deepStrictEqual(
        arena.read(type, out, n),
        Array.from({ length: n }, () => value)
      )
    }
  })

  it.each([0, 1, 3, 4, 5, 17, 200])("gather and segmentSum of rows of %i", (width) => {
    arena.reset()
    const rows = 6
    const indices = [3, 0, 3, 5, 3]
    const table = arena.random(type, rows * width)
    const place = arena.put("i32", indices)
    const out = arena.allocate(type, indices.length * width)
    const gather = wide ? kernels.gather_64 : kernels.gather_32
    gather(arena.put(type, table), place, out, indices.length, width)
    arena.checkGuards()
    const gathered = indices.flatMap((i) => table.slice(i * width, (i + 1) * width))
    assert.deepStrictEqual(arena.read(type, out, gathered.length), gathered)

    const sums = arena.put(
      type,
      Array.from({ length: rows * width }, () => 0)
    )
    const middle = Math.floor(width / 3)
    kernels[`segmentSum_${type}`](out, place, sums, indices.length, width, 0, middle)
    kernels[`segmentSum_${type}`](out, place, sums, indices.length, width, middle, width)
    arena.checkGuards()
    const expected = table.map((x, i) => x * indices.filter((r) => r === Math.floor(i / width)).length)
    assertClose(arena.read(type, sums, expected.length), expected, 1e-6)
  })
})

const toInteger = (x: number): number =>
  Number.isNaN(x) ? 0 : Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, Math.trunc(x))) + 0

// The value of an IEEE binary16
const half = (h: number): number => {
  const sign = h & 0x8000 ? -1 : 1
  const exponent = (h >> 10) & 31
  const mantissa = h & 1023
  if (exponent === 31) return mantissa ? NaN : sign * Infinity
  return exponent ? sign * 2 ** (exponent - 15) * (1 + mantissa / 1024) : sign * 2 ** -14 * (mantissa / 1024)
}

describe("int32", () => {
  it("fill of int32 keeps every bit", () => {
    for (const value of [-1, 7, -(2 ** 31), 0x7fc00001]) {
      arena.reset()
      const out = arena.allocate("i32", 5)
      kernels.fill_i32(out, value, 5)
      arena.checkGuards()
      assert.deepStrictEqual(arena.read("i32", out, 5), [value, value, value, value, value])
    }
  })
})

describe("conversions", () => {
  const specials = [0, -0, 0.5, -0.5, 1.9, -1.9, Infinity, -Infinity, NaN, 3e9, -3e9, 2147483520, 1e-40]

  it.each(lengths)("casts of %i elements", (n) => {
    arena.reset()
    const values = [...specials, ...arena.random("f32", 100, -1e3, 1e3)].slice(0, n)
    const single = arena.put("f32", values)
    const double = arena.put("f64", values)
    const f64 = arena.allocate("f64", n)
    const f32 = arena.allocate("f32", n)
    const i32 = arena.allocate("i32", n)
    kernels.cast_f32_f64(single, f64, n)
    assert.deepStrictEqual(arena.read("f64", f64, n), values.map(Math.fround))
    kernels.cast_f64_f32(double, f32, n)
    assert.deepStrictEqual(arena.read("f32", f32, n), values.map(Math.fround))
    kernels.cast_f32_i32(single, i32, n)
    assert.deepStrictEqual(arena.read("i32", i32, n), values.map(Math.fround).map(toInteger))
    kernels.cast_i32_f32(i32, f32, n)
    assert.deepStrictEqual(arena.read("f32", f32, n), arena.read("i32", i32, n).map(Math.fround))
    kernels.cast_f64_i32(double, i32, n)
    assert.deepStrictEqual(arena.read("i32", i32, n), values.map(toInteger))
    kernels.cast_i32_f64(i32, f64, n)
    assert.deepStrictEqual(arena.read("f64", f64, n), values.map(toInteger))
    arena.checkGuards()
  })

  it("float16: every value decodes, and encodes back", () => {
    arena.reset()
    const codes = Uint16Array.from({ length: 65536 }, (_, i) => i)
    const x = arena.put("i32", new Int32Array(codes.buffer))
    const out = arena.allocate("f32", 65536)
    kernels.decode_f16_f32(x, out, 65536)
    const decoded = arena.read("f32", out, 65536)
    assertClose(decoded, Array.from(codes, half), 0)
    const back = arena.allocate("i32", 32768)
    kernels.encode_f32_f16(out, back, 65536)
    const encoded = new Uint16Array(arena.memory.buffer, back, 65536)
    arena.checkGuards()
    for (let i = 0; i < 65536; i++)
      if (!Number.isNaN(decoded[i])) assert.strictEqual(encoded[i], i)
      else assert.isNaN(half(encoded[i]))
  })

  it("float16: to the nearest, ties to even, overflow to infinity", () => {
    const cases: ReadonlyArray<readonly [number, number]> = [
      [1 + 2 ** -11, 0x3c00],
      [1 + 3 * 2 ** -11, 0x3c02],
      [1 + 2 ** -11 + 2 ** -20, 0x3c01],
      [65504, 0x7bff],
      [65519.9, 0x7bff],
      [65520, 0x7c00],
      [-1e9, 0xfc00],
      [2 ** -25, 0],
      [2 ** -25 * 1.01, 1],
      [3 * 2 ** -25, 2],
      [2 ** -14 - 2 ** -26, 0x0400],
      [-(2 ** -24), 0x8001],
      [1e-40, 0]
    ]
    for (const n of [1, 2, 3, 5, cases.length]) {
      arena.reset()
      const out = arena.allocate("i32", 8)
      const untouched = new Uint16Array(arena.memory.buffer, out, 16)[n]
      kernels.encode_f32_f16(
        arena.put(
          "f32",
          cases.map(([x]) => x)
        ),
        out,
        n
      )
      const result = Array.from(new Uint16Array(arena.memory.buffer, out, n + 1))
      assert.deepStrictEqual(result, [...cases.slice(0, n).map(([, h]) => h), untouched])
    }
  })

  it.each(lengths)("%i bfloat16 and float16 values", (n) => {
    arena.reset()
    const single = arena.random("f32", n)
    const codes = new Uint16Array(n + (n % 2))
    new Uint32Array(Float32Array.from(single).buffer).forEach((bits, i) => {
      codes[i] = bits >>> 16
    })
    const x = arena.put("i32", new Int32Array(codes.buffer))
    const out = arena.allocate("f32", n)
    kernels.decode_bf16_f32(x, out, n)
    arena.checkGuards()
    assertClose(arena.read("f32", out, n), single, 2 ** -7)
    kernels.decode_f16_f32(x, out, n)
    arena.checkGuards()
    assertClose(arena.read("f32", out, n), Array.from(codes.subarray(0, n), half), 0)
  })
})
