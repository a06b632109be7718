/**
 * float16 (IEEE 754 binary16) and bfloat16 from and to float32, over arrays of their bits. NaNs keep their
 * sign and as much of their payload as fits; everything is done on integers, because a float variable may
 * quieten a signalling NaN.
 */

const float32Infinity = 0x7f800000

/** float32 bits of each of the 65,536 float16 patterns; built when first needed. */
let float16Table: Uint32Array | undefined

const buildFloat16Table = (): Uint32Array => {
  const table = new Uint32Array(65536)
  for (let half = 0; half < 65536; half++) {
    const sign = (half & 0x8000) << 16
    const exponent = (half >>> 10) & 0x1f
    const fraction = half & 0x3ff
    let bits: number
    if (exponent === 0x1f) {
      bits = float32Infinity | (fraction << 13)
    } else if (exponent > 0) {
      bits = ((exponent + 112) << 23) | (fraction << 13)
    } else if (fraction === 0) {
      bits = 0
    } else {
      // A subnormal fraction * 2^-24: its leading one becomes the implicit bit of a normal float32.
      const leading = 31 - Math.clz32(fraction)
      bits = ((leading + 103) << 23) | ((fraction << (23 - leading)) & 0x7fffff)
    }
    table[half] = sign | bits
  }
  return table
}

// The typed arrays in here may be views anywhere in a buffer; a Float32Array's offset is always a multiple of
// 4.
const bitsOf = (values: Float32Array): Int32Array =>
  new Int32Array(values.buffer, values.byteOffset, values.length)

/** The float32 values of float16 patterns, exactly; `target` has the length of `source`. */
export const float32FromFloat16 = (
  source: Uint16Array,
  target: Float32Array = new Float32Array(source.length)
): Float32Array => {
  const table = (float16Table ??= buildFloat16Table())
  const bits = bitsOf(target)
  for (let i = 0; i < source.length; i++) bits[i] = table[source[i]]
  return target
}

/**
 * The float16 patterns nearest to float32 values, ties to even; `target` has the length of `source`.
 * Magnitudes from 65520 on become infinite, those up to 2^-25 zero.
 */
export const float16FromFloat32 = (
  source: Float32Array,
  target: Uint16Array = new Uint16Array(source.length)
): Uint16Array => {
  const bits = bitsOf(source)
  for (let i = 0; i < bits.length; i++) {
    const sign = (bits[i] >>> 16) & 0x8000
    const magnitude = bits[i] & 0x7fffffff
    let half: number
    if (magnitude >= 0x38800000 && magnitude < 0x47800000) {
      // 2^-14 to 65536: rebias the exponent by 112 and round at bit 13; a carry into the exponent is the
      // right answer.
      half = (magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13
    } else if (magnitude < 0x38800000) {
      half = magnitude <= 0x33000000 ? 0 : subnormalFloat16(magnitude)
    } else if (magnitude <= float32Infinity) {
      half = 0x7c00
    } else {
      // A payload that would vanish leaves an infinity: then the quiet bit keeps it a NaN.
      half = 0x7c00 | ((magnitude >>> 13) & 0x3ff || 0x200)
    }
    target[i] = sign | half
  }
  return target
}

/** A magnitude between 2^-25 and 2^-14 in units of 2^-24, ties to even. */
const subnormalFloat16 = (magnitude: number): number => {
  const significand = (magnitude & 0x7fffff) | 0x800000
  const shift = 126 - (magnitude >>> 23)
  const quotient = significand >>> shift
  const remainder = significand & ((1 << shift) - 1)
  const half = 1 << (shift - 1)
  return remainder > half || (remainder === half && (quotient & 1) === 1) ? quotient + 1 : quotient
}

/**
 * The float32 values of bfloat16 patterns (the upper half of a float32), exactly; `target` has the length of
 * `source`.
 */
export const float32FromBFloat16 = (
  source: Uint16Array,
  target: Float32Array = new Float32Array(source.length)
): Float32Array => {
  const bits = bitsOf(target)
  for (let i = 0; i < source.length; i++) bits[i] = source[i] << 16
  return target
}

/**
 * The bfloat16 patterns nearest to float32 values, ties to even; `target` has the length of `source`.
 * Magnitudes from 3.3961775e38 on become infinite.
 */
export const bfloat16FromFloat32 = (
  source: Float32Array,
  target: Uint16Array = new Uint16Array(source.length)
): Uint16Array => {
  const bits = bitsOf(source)
  for (let i = 0; i < bits.length; i++) {
    const value = bits[i]
    if ((value & 0x7fffffff) <= float32Infinity) {
      target[i] = (value + 0x7fff + ((value >>> 16) & 1)) >>> 16
    } else {
      target[i] = (value >>> 16) | ((value >>> 16) & 0x7f ? 0 : 0x40)
    }
  }
  return target
}
