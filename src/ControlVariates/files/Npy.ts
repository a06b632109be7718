import { SampleFileError } from "../Errors.ts"

/** An array as numpy stores it, its numbers in row-major order. */
export interface NpyArray {
  readonly shape: ReadonlyArray<number>
  readonly values: Float64Array
}

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]

type Reader = (view: DataView, offset: number, little: boolean) => number

const readers: Readonly<Record<string, readonly [bytes: number, read: Reader]>> = {
  f8: [8, (view, offset, little) => view.getFloat64(offset, little)],
  f4: [4, (view, offset, little) => view.getFloat32(offset, little)],
  i8: [8, (view, offset, little) => Number(view.getBigInt64(offset, little))],
  i4: [4, (view, offset, little) => view.getInt32(offset, little)],
  i2: [2, (view, offset, little) => view.getInt16(offset, little)],
  i1: [1, (view, offset) => view.getInt8(offset)],
  u8: [8, (view, offset, little) => Number(view.getBigUint64(offset, little))],
  u4: [4, (view, offset, little) => view.getUint32(offset, little)],
  u2: [2, (view, offset, little) => view.getUint16(offset, little)],
  u1: [1, (view, offset) => view.getUint8(offset)],
  b1: [1, (view, offset) => view.getUint8(offset)]
}

const rowMajor = (values: Float64Array, shape: ReadonlyArray<number>): Float64Array => {
  const result = new Float64Array(values.length)
  const index = shape.map(() => 0)
  for (let at = 0; at < values.length; at++) {
    let from = 0
    for (let k = shape.length - 1; k >= 0; k--) from = from * shape[k] + index[k]
    result[at] = values[from]
    for (let k = shape.length - 1; k >= 0 && ++index[k] === shape[k]; k--) index[k] = 0
  }
  return result
}

/**
 * Reads a .npy file (format versions 1 to 3) of float64, float32, integers or booleans, of either byte order and in C or
 * Fortran order. Throws a `SampleFileError` for anything else.
 */
export const decodeNpy = (bytes: Uint8Array, path: string): NpyArray => {
  const fail = (reason: string): never => {
    throw new SampleFileError({ path, reason })
  }
  if (bytes.length < 12 || magic.some((byte, i) => bytes[i] !== byte)) fail("it is no .npy file")
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const long = bytes[6] >= 2
  const begin = long ? 12 : 10
  const length = long ? view.getUint32(8, true) : view.getUint16(8, true)
  if (bytes[6] > 3 || begin + length > bytes.length) fail("its header is cut off, or of an unknown version")
  const header = new TextDecoder().decode(bytes.subarray(begin, begin + length))
  const descr = /'descr':\s*'([<>|=])([a-z]\d+)'/.exec(header)
  const order = /'fortran_order':\s*(True|False)/.exec(header)
  const dimensions = /'shape':\s*\(([\d,\sL]*)\)/.exec(header)
  const reader = descr === null ? undefined : readers[descr[2]]
  if (descr === null || order === null || dimensions === null || reader === undefined)
    return fail(
      `its header is not of an array of float64, float32, integers or booleans; convert it with astype("float64"): ${header.trim().slice(0, 100)}`
    )
  const shape = dimensions[1]
    .split(",")
    .flatMap((part) => (part.trim() === "" ? [] : [Number.parseInt(part, 10)]))
  const size = shape.reduce((product, n) => product * n, 1)
  const [width, read] = reader
  const start = begin + length
  if (bytes.length - start !== size * width)
    fail(
      `shape (${shape.join(", ")}) needs ${size * width} bytes of data, and there are ${bytes.length - start}`
    )
  const values = new Float64Array(size)
  for (let i = 0; i < size; i++) values[i] = read(view, start + i * width, descr[1] !== ">")
  return { shape, values: order[1] === "True" ? rowMajor(values, shape) : values }
}

/** A .npy file (version 1) of float64 in C order. */
export const encodeNpy = ({ shape, values }: NpyArray): Uint8Array => {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`
  const text = `{'descr': '<f8', 'fortran_order': False, 'shape': ${tuple}, }`
  // The data begin at a multiple of 64.
  const header = text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11) + "\n"
  const bytes = new Uint8Array(10 + header.length + 8 * values.length)
  bytes.set([...magic, 1, 0, header.length & 255, header.length >> 8])
  bytes.set(new TextEncoder().encode(header), 10)
  const view = new DataView(bytes.buffer)
  values.forEach((value, i) => view.setFloat64(10 + header.length + 8 * i, value, true))
  return bytes
}
