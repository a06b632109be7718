import type { Shape } from "../Tensor/Tensor.ts"

/**
 * The element types that a safetensors file may hold here: the code in its header, the bytes an element
 * takes, and the typed array an element is read into and written from. float16 and bfloat16 are float32 in
 * memory; bool is 0 or 1.
 */
const storedDTypes = {
  float64: { code: "F64", bytes: 8, arrayType: Float64Array },
  float32: { code: "F32", bytes: 4, arrayType: Float32Array },
  float16: { code: "F16", bytes: 2, arrayType: Float32Array },
  bfloat16: { code: "BF16", bytes: 2, arrayType: Float32Array },
  int64: { code: "I64", bytes: 8, arrayType: BigInt64Array },
  int32: { code: "I32", bytes: 4, arrayType: Int32Array },
  int16: { code: "I16", bytes: 2, arrayType: Int16Array },
  int8: { code: "I8", bytes: 1, arrayType: Int8Array },
  uint8: { code: "U8", bytes: 1, arrayType: Uint8Array },
  bool: { code: "BOOL", bytes: 1, arrayType: Uint8Array }
} as const

/** An element type as a file stores it. */
export type StoredDType = keyof typeof storedDTypes

/** The code of an element type in a safetensors header. */
export type DTypeCode = (typeof storedDTypes)[StoredDType]["code"]

/** The types of weights that this library computes with: they are all `Float32Array` in memory. */
export type FloatingDType = "float32" | "float16" | "bfloat16"

/** The elements of a stored tensor in memory, row-major. */
export type TensorData =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint8Array

export const floatingDTypes: ReadonlyArray<FloatingDType> = ["float32", "float16", "bfloat16"]

export const isFloating = (dtype: StoredDType): dtype is FloatingDType =>
  dtype === "float32" || dtype === "float16" || dtype === "bfloat16"

const dtypes = Object.keys(storedDTypes) as ReadonlyArray<StoredDType>

export const dtypeCodes: ReadonlyArray<DTypeCode> = dtypes.map((dtype) => storedDTypes[dtype].code)

const dtypeByCode = new Map<DTypeCode, StoredDType>(dtypes.map((dtype) => [storedDTypes[dtype].code, dtype]))

export const dtypeOfCode = (code: DTypeCode): StoredDType => dtypeByCode.get(code)!

export const codeOfDType = (dtype: StoredDType): DTypeCode => storedDTypes[dtype].code

/** Bytes that one element takes in the file. */
export const storedBytesPerElement = (dtype: StoredDType): number => storedDTypes[dtype].bytes

export const arrayTypeOf = (dtype: StoredDType): (typeof storedDTypes)[StoredDType]["arrayType"] =>
  storedDTypes[dtype].arrayType

/** The dtype that a typed array is stored as unless another is asked for: its own; bytes are uint8. */
export const dtypeOfArray = (data: TensorData): StoredDType =>
  dtypes.find((dtype) => data instanceof storedDTypes[dtype].arrayType)!

/** The number of elements of a shape, or undefined where a size is no count or the product is not exact. */
export const elementCount = (shape: Shape): number | undefined => {
  let count = 1
  for (const size of shape) {
    count *= size
    if (!Number.isSafeInteger(size) || size < 0 || !Number.isSafeInteger(count)) return undefined
  }
  return count
}
