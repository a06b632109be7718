import { assert, describe, it } from "@effect/vitest"
import {
  arrayTypeOf,
  codeOfDType,
  dtypeCodes,
  dtypeOfArray,
  dtypeOfCode,
  elementCount,
  storedBytesPerElement
} from "../../src/Model/StoredDType.ts"

describe("stored dtypes", () => {
  it("have the codes and sizes of the safetensors format", () => {
    const sizes = Object.fromEntries(
      dtypeCodes.map((code) => [code, storedBytesPerElement(dtypeOfCode(code))])
    )
    assert.deepStrictEqual(sizes, {
      F64: 8,
      F32: 4,
      F16: 2,
      BF16: 2,
      I64: 8,
      I32: 4,
      I16: 2,
      I8: 1,
      U8: 1,
      BOOL: 1
    })
    for (const code of dtypeCodes) assert.strictEqual(codeOfDType(dtypeOfCode(code)), code)
  })

  it("are those of the arrays that hold them, half precision and bool aside", () => {
    for (const dtype of ["float64", "float32", "int64", "int32", "int16", "int8", "uint8"] as const) {
      assert.strictEqual(dtypeOfArray(new (arrayTypeOf(dtype))(0)), dtype)
    }
  })
})

describe("elementCount", () => {
  it("multiplies sizes, and knows no count for what is no shape", () => {
    assert.deepStrictEqual([[], [3], [2, 3, 4], [5, 0], [2 ** 53 - 1]].map(elementCount), [
      1,
      3,
      24,
      0,
      2 ** 53 - 1
    ])
    for (const shape of [
      [-1],
      [0.5],
      [NaN],
      [Infinity],
      [2 ** 53],
      [2 ** 27, 2 ** 27],
      [2 ** 30, 2 ** 30, 0]
    ]) {
      assert.isUndefined(elementCount(shape))
    }
  })
})
