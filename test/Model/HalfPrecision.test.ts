import { assert, describe, it } from "@effect/vitest"
import {
  bfloat16FromFloat32,
  float16FromFloat32,
  float32FromBFloat16,
  float32FromFloat16
} from "../../src/Model/HalfPrecision.ts"

const allPatterns = Uint16Array.from({ length: 65536 }, (_, i) => i)

const bits = (values: Float32Array) => new Uint32Array(values.buffer, values.byteOffset, values.length)
const fromBits = (pattern: number) => {
  const values = new Float32Array(1)
  bits(values)[0] = pattern
  return values
}

// IEEE 754 by its definition: (-1)^s 2^(e - bias) (1 + f / 2^p), without the 1 and with e = 1 for e = 0.
const definition = (pattern: number, exponentBits: number, fractionBits: number): number => {
  const sign = pattern >>> 15 === 0 ? 1 : -1
  const exponent = (pattern >>> fractionBits) & ((1 << exponentBits) - 1)
  const fraction = (pattern & ((1 << fractionBits) - 1)) / 2 ** fractionBits
  const bias = 2 ** (exponentBits - 1) - 1
  if (exponent === (1 << exponentBits) - 1) return fraction === 0 ? sign * Infinity : NaN
  return exponent === 0 ? sign * 2 ** (1 - bias) * fraction : sign * 2 ** (exponent - bias) * (1 + fraction)
}

const formats = [
  ["float16", 5, 10, float32FromFloat16, float16FromFloat32],
  ["bfloat16", 8, 7, float32FromBFloat16, bfloat16FromFloat32]
] as const

describe.each(formats)("%s", (_, exponentBits, fractionBits, widen, narrow) => {
  const infinity = ((1 << exponentBits) - 1) << fractionBits

  it("widens all 65,536 patterns to the value that defines them", () => {
    const values = widen(allPatterns)
    const wrong = allPatterns.findIndex(
      (pattern) => !Object.is(values[pattern], definition(pattern, exponentBits, fractionBits))
    )
    assert.strictEqual(wrong, -1)
  })

  it("gives all 65,536 patterns back, NaNs with their payload too", () => {
    assert.deepStrictEqual(narrow(widen(allPatterns)), allPatterns)
  })

  it("rounds to the nearest, and what lies half-way to the even neighbour", () => {
    // The spacing at the top of the range says where infinity would be if it were a number.
    const positive = widen(allPatterns.subarray(0, infinity))
    const ulp = positive[infinity - 1] - positive[infinity - 2]
    for (let lower = 0; lower < infinity; lower++) {
      const above = lower + 1 === infinity ? positive[lower] + ulp : positive[lower + 1]
      const midpoint = bits(Float32Array.of((positive[lower] + above) / 2))[0]
      const even = lower % 2 === 0 ? lower : lower + 1
      const around = Float32Array.from(
        [midpoint - 1, midpoint, midpoint + 1],
        (pattern) => fromBits(pattern)[0]
      )
      assert.deepStrictEqual([...narrow(around)], [lower, even, lower + 1])
      assert.deepStrictEqual(
        [...narrow(around.map((x) => -x))],
        [lower, even, lower + 1].map((p) => p | 0x8000)
      )
    }
  })

  it("keeps a NaN one whose payload would be rounded away", () => {
    const nan = narrow(fromBits(0x7f800001))[0]
    assert.isTrue(nan > infinity && nan < 0x8000)
  })

  it("works on views in the middle of a buffer, into a given target", () => {
    const values = new Float32Array([9, 1, -2, 0.5, 9]).subarray(1, 4)
    const halves = narrow(values, new Uint16Array(5).subarray(1, 4))
    assert.deepStrictEqual([...widen(halves, new Float32Array(4).subarray(1))], [1, -2, 0.5])
  })
})

it("float16 ends where IEEE 754 says", () => {
  const edges = Float32Array.of(65504, 65519.996, 65520, 2 ** -24, 2 ** -25, 2 ** -25 + 2 ** -48, -0)
  assert.deepStrictEqual([...float16FromFloat32(edges)], [0x7bff, 0x7bff, 0x7c00, 1, 0, 1, 0x8000])
})
