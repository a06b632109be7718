// Conversions between element types. out must not overlap x.

import { upperHalf } from "./lanes"

export function cast_f32_f64(x: usize, out: usize, n: i32): void {
  let i = 0
  for (; i + 4 <= n; i += 4, x += 16, out += 32) {
    const v = v128.load(x)
    v128.store(out, f64x2.promote_low_f32x4(v))
    v128.store(out, f64x2.promote_low_f32x4(upperHalf(v)), 16)
  }
  for (; i < n; i++, x += 4, out += 8) store<f64>(out, <f64>load<f32>(x))
}

export function cast_f64_f32(x: usize, out: usize, n: i32): void {
  let i = 0
  for (; i + 4 <= n; i += 4, x += 32, out += 16) {
    const low = f32x4.demote_f64x2_zero(v128.load(x))
    const high = f32x4.demote_f64x2_zero(v128.load(x, 16))
    v128.store(out, i64x2.shuffle(low, high, 0, 2))
  }
  for (; i < n; i++, x += 8, out += 4) store<f32>(out, <f32>load<f64>(x))
}

export function cast_i32_f32(x: usize, out: usize, n: i32): void {
  let i = 0
  for (; i + 4 <= n; i += 4, x += 16, out += 16) v128.store(out, f32x4.convert_i32x4_s(v128.load(x)))
  for (; i < n; i++, x += 4, out += 4) store<f32>(out, <f32>load<i32>(x))
}

export function cast_i32_f64(x: usize, out: usize, n: i32): void {
  let i = 0
  for (; i + 4 <= n; i += 4, x += 16, out += 32) {
    const v = v128.load(x)
    v128.store(out, f64x2.convert_low_i32x4_s(v))
    v128.store(out, f64x2.convert_low_i32x4_s(upperHalf(v)), 16)
  }
  for (; i < n; i++, x += 4, out += 8) store<f64>(out, <f64>load<i32>(x))
}

// Truncates; saturates beyond the int32 range; NaN gives 0
export function cast_f32_i32(x: usize, out: usize, n: i32): void {
  let i = 0
  for (; i + 4 <= n; i += 4, x += 16, out += 16) v128.store(out, i32x4.trunc_sat_f32x4_s(v128.load(x)))
  for (; i < n; i++, x += 4, out += 4) {
    v128.store32_lane(out, i32x4.trunc_sat_f32x4_s(v128.load32_zero(x)), 0)
  }
}

export function cast_f64_i32(x: usize, out: usize, n: i32): void {
  let i = 0
  for (; i + 4 <= n; i += 4, x += 32, out += 16) {
    const low = i32x4.trunc_sat_f64x2_s_zero(v128.load(x))
    const high = i32x4.trunc_sat_f64x2_s_zero(v128.load(x, 16))
    v128.store(out, i64x2.shuffle(low, high, 0, 2))
  }
  for (; i < n; i++, x += 8, out += 4) {
    v128.store32_lane(out, i32x4.trunc_sat_f64x2_s_zero(v128.load64_zero(x)), 0)
  }
}

// Four IEEE binary16 in the low halves of the lanes: the exponent moves by a product, which also lifts
// subnormals
@inline
function fromHalf(h: v128): v128 {
  const magnitude = v128.and(h, i32x4.splat(0x7fff))
  const special = i32x4.gt_s(magnitude, i32x4.splat(0x7bff))
  const value = f32x4.mul(i32x4.shl(magnitude, 13), f32x4.splat(5.192296858534828e33))
  const sign = i32x4.shl(v128.and(h, i32x4.splat(0x8000)), 16)
  return v128.or(v128.or(value, v128.and(special, i32x4.splat(0x7f800000))), sign)
}

export function decode_f16_f32(x: usize, out: usize, n: i32): void {
  let i = 0
  for (; i + 4 <= n; i += 4, x += 8, out += 16) v128.store(out, fromHalf(v128.load16x4_u(x)))
  for (; i < n; i++, x += 2, out += 4) v128.store32_lane(out, fromHalf(i32x4.splat(<i32>load<u16>(x))), 0)
}

export function decode_bf16_f32(x: usize, out: usize, n: i32): void {
  let i = 0
  for (; i + 4 <= n; i += 4, x += 8, out += 16) v128.store(out, i32x4.shl(v128.load16x4_u(x), 16))
  for (; i < n; i++, x += 2, out += 4) store<u32>(out, (<u32>load<u16>(x)) << 16)
}

// Four float32 to binary16 in the low halves of the lanes, to nearest even; beyond 65504 + 16 infinity
@inline
function toHalf(x: v128): v128 {
  const bits = v128.and(x, i32x4.splat(0x7fffffff))
  const infinite = v128.bitselect(
    i32x4.splat(0x7e00),
    i32x4.splat(0x7c00),
    i32x4.gt_s(bits, i32x4.splat(0x7f800000))
  )
  // Adding 1 / 2 leaves the subnormal's bits, rounded, at the bottom of the mantissa
  const subnormal = i32x4.sub(f32x4.add(bits, f32x4.splat(0.5)), i32x4.splat(0x3f000000))
  const odd = v128.and(i32x4.shr_u(bits, 13), i32x4.splat(1))
  const normal = i32x4.shr_u(i32x4.add(i32x4.add(bits, i32x4.splat(0xfff - (112 << 23))), odd), 13)
  let h = v128.bitselect(subnormal, normal, i32x4.lt_s(bits, i32x4.splat(0x38800000)))
  h = v128.bitselect(infinite, h, i32x4.ge_s(bits, i32x4.splat(0x47800000)))
  return v128.or(h, v128.and(i32x4.shr_u(x, 16), i32x4.splat(0x8000)))
}

export function encode_f32_f16(x: usize, out: usize, n: i32): void {
  let i = 0
  for (; i + 4 <= n; i += 4, x += 16, out += 8) {
    const h = toHalf(v128.load(x))
    v128.store64_lane(out, i16x8.narrow_i32x4_u(h, h), 0)
  }
  for (; i < n; i++, x += 4, out += 2) v128.store16_lane(out, toHalf(v128.load32_zero(x)), 0)
}
