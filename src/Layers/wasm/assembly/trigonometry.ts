// sin and cos: reduction by pi / 2 in three parts (Cody and Waite 1980), exactly by the digits of 2 / pi
// where the argument is large (Payne and Hanek 1983).

import { multiplyAdd, splat, upperHalf } from "./lanes"

const ROUNDER: f64 = 6755399441055744.0
const TWO_OVER_PI: f64 = 0.6366197723675814

// Arguments up to here keep n * PI_HALF_1 and n * PI_HALF_2 exact
const LARGE: f64 = 1.0e6

// pi / 2 = PI_HALF_1 + PI_HALF_2 + PI_HALF_3, the first two of 33 bits
const PI_HALF_1: f64 = 1.57079632673412561417
const PI_HALF_2: f64 = 6.0771005063039659766e-11
const PI_HALF_3: f64 = 2.02226624879595063154e-21

// sin of r on |r| <= pi / 4
@inline
function sineKernel(r: v128, r2: v128): v128 {
  let s = multiplyAdd<f64>(r2, splat<f64>(1.5896666767038678e-10), splat<f64>(-2.505075596665037e-8))
  s = multiplyAdd<f64>(s, r2, splat<f64>(2.7557313678706418e-6))
  s = multiplyAdd<f64>(s, r2, splat<f64>(-0.00019841269829771318))
  s = multiplyAdd<f64>(s, r2, splat<f64>(0.0083333333333223702))
  s = multiplyAdd<f64>(s, r2, splat<f64>(-0.16666666666666632))
  return multiplyAdd<f64>(s, f64x2.mul(r, r2), r)
}

// cos of r on |r| <= pi / 4; 1 - r^2 / 2 is rounded once more by its own error
@inline
function cosineKernel(r2: v128): v128 {
  let c = multiplyAdd<f64>(r2, splat<f64>(-1.1359559113917042e-11), splat<f64>(2.0875721621846797e-9))
  c = multiplyAdd<f64>(c, r2, splat<f64>(-2.7557314340650692e-7))
  c = multiplyAdd<f64>(c, r2, splat<f64>(2.4801587289443506e-5))
  c = multiplyAdd<f64>(c, r2, splat<f64>(-0.0013888888888874065))
  c = multiplyAdd<f64>(c, r2, splat<f64>(0.041666666666666599))
  const h = f64x2.mul(r2, splat<f64>(0.5))
  const one = splat<f64>(1)
  const w = f64x2.sub(one, h)
  const error = f64x2.sub(f64x2.sub(one, w), h)
  return f64x2.add(w, multiplyAdd<f64>(f64x2.mul(r2, r2), c, error))
}

// sin(r + (n + turn) pi / 2), n in the lowest bits of quadrant
@inline
function fromQuadrant(quadrant: v128, turn: i64, r: v128): v128 {
  const q = i64x2.add(quadrant, i64x2.splat(turn))
  const r2 = f64x2.mul(r, r)
  const odd = i64x2.sub(i64x2.splat(0), v128.and(q, i64x2.splat(1)))
  const value = v128.bitselect(cosineKernel(r2), sineKernel(r, r2), odd)
  return v128.xor(value, i64x2.shl(v128.and(q, i64x2.splat(2)), 62))
}

@inline
function quadrantOf(x: v128): v128 {
  return multiplyAdd<f64>(x, splat<f64>(TWO_OVER_PI), splat<f64>(ROUNDER))
}

@inline
function reduced(x: v128, quadrant: v128): v128 {
  const n = f64x2.sub(quadrant, splat<f64>(ROUNDER))
  const r = f64x2.sub(x, f64x2.mul(n, splat<f64>(PI_HALF_1)))
  return f64x2.sub(f64x2.sub(r, f64x2.mul(n, splat<f64>(PI_HALF_2))), f64x2.mul(n, splat<f64>(PI_HALF_3)))
}

// The 64-bit words of 2 / pi after the binary point
function wordOfTwoOverPi(i: i32): u64 {
  switch (i) {
    case 0:
      return 0xa2f9836e4e441529
    case 1:
      return 0xfc2757d1f534ddc0
    case 2:
      return 0xdb6295993c439041
    case 3:
      return 0xfe5163abdebbc561
    case 4:
      return 0xb7246e3a424dd2e0
    case 5:
      return 0x06492eea09d1921c
    case 6:
      return 0xfe1deb1cb129a73e
    case 7:
      return 0xe88235f52ebb4484
    case 8:
      return 0xe99c7026b45f7e41
    case 9:
      return 0x3991d639835339f4
    case 10:
      return 0x9c845f8bbdf9283b
    case 11:
      return 0x1ff897ffde05980f
    case 12:
      return 0xef2f118b5a0a6d1f
    case 13:
      return 0x6d367ecf27cb09b7
    case 14:
      return 0x4f463f669e5fea2d
    case 15:
      return 0x7527bac7ebe5f17b
    case 16:
      return 0x3d0739f78a5292ea
    case 17:
      return 0x6bfb5fb11f8d5d08
    case 18:
      return 0x56033046fc7b6bab
    case 19:
      return 0xf0cfbc209af4361d
  }
  return 0
}

// The upper 64 bits of a product
function multiplyHigh(a: u64, b: u64): u64 {
  const a0 = a & 0xffffffff
  const a1 = a >> 32
  const b0 = b & 0xffffffff
  const b1 = b >> 32
  const middle = a1 * b0 + ((a0 * b0) >> 32)
  const other = a0 * b1 + (middle & 0xffffffff)
  return a1 * b1 + (middle >> 32) + (other >> 32)
}

// 64 bits of 2 / pi from bit position on
function digits(position: i32): u64 {
  const word = position >> 6
  const shift = <u64>(position & 63)
  const first = wordOfTwoOverPi(word)
  return shift ? (first << shift) | (wordOfTwoOverPi(word + 1) >> (64 - shift)) : first
}

// sin(|x| + turn pi / 2) for finite |x| >= LARGE: m 2^e 2 / pi modulo 4 by the digits that matter
function sineOfLarge(x: f64, turn: i64): f64 {
  const bits = reinterpret<u64>(x)
  const m = (bits & 0x000fffffffffffff) | 0x0010000000000000
  const e = <i32>((bits >> 52) & 0x7ff) - 1075
  // Digits before position contribute multiples of 4 to the product; for e < 2 the leading ones are zeros
  const position = e - 2
  const d0 = position >= 0 ? digits(position) : wordOfTwoOverPi(0) >> <u64>-position
  const d1 = position >= 0 ? digits(position + 64) : digits(64 + position)
  const d2 = position >= 0 ? digits(position + 128) : digits(128 + position)
  // The product modulo 2^192, the point two bits after the top
  const low = multiplyHigh(m, d2)
  let middle = m * d1 + low
  let high = m * d0 + multiplyHigh(m, d1) + (middle < low ? 1 : 0)
  let quadrant = <i64>(high >> 62)
  high = (high << 2) | (middle >> 62)
  middle <<= 2
  let negative = false
  if (high >> 63) {
    quadrant++
    negative = true
    high = ~high
    middle = ~middle
  }
  // The fraction of pi / 2, below 1 / 2: its leading bits to float64 in two parts
  const zeros = high ? clz(high) : 64
  if (zeros > 0 && zeros < 64) {
    high = (high << zeros) | (middle >> (64 - zeros))
    middle <<= zeros
  }
  const top = <f64>(high >> 11)
  const rest = <f64>(((high & 0x7ff) << 42) | (middle >> 22))
  const unit = reinterpret<f64>((<u64>(1023 - 53 - <i64>zeros)) << 52)
  const f = (top + rest * reinterpret<f64>((<u64>(1023 - 53)) << 52)) * unit
  const r = f * 1.5707963267948966
  const signed = splat<f64>(negative ? -r : r)
  return f64x2.extract_lane(fromQuadrant(i64x2.splat(quadrant), turn, signed), 0)
}

// One lane of any size: sin(x + turn pi / 2)
function sineOfAny(x: f64, turn: i64): f64 {
  const a = abs(x)
  if (!(a < Infinity)) return NaN
  if (a < LARGE) {
    const quadrant = quadrantOf(splat<f64>(x))
    return f64x2.extract_lane(fromQuadrant(quadrant, turn, reduced(splat<f64>(x), quadrant)), 0)
  }
  const s = sineOfLarge(a, turn)
  return x < 0 && turn == 0 ? -s : s
}

function sineGeneral(x: v128, turn: i64): v128 {
  const first = sineOfAny(f64x2.extract_lane(x, 0), turn)
  return f64x2.replace_lane(splat<f64>(first), 1, sineOfAny(f64x2.extract_lane(x, 1), turn))
}

@inline
function sine64(x: v128, turn: i64): v128 {
  if (i64x2.all_true(f64x2.lt(f64x2.abs(x), splat<f64>(LARGE)))) {
    const quadrant = quadrantOf(x)
    return fromQuadrant(quadrant, turn, reduced(x, quadrant))
  }
  return sineGeneral(x, turn)
}

@inline
function sine<T>(x: v128, turn: i64): v128 {
  if (sizeof<T>() == 8) return sine64(x, turn)
  const low = sine64(f64x2.promote_low_f32x4(x), turn)
  const high = sine64(f64x2.promote_low_f32x4(upperHalf(x)), turn)
  return i64x2.shuffle(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2)
}

@inline
export function sin<T>(x: v128): v128 {
  return sine<T>(x, 0)
}

@inline
export function cos<T>(x: v128): v128 {
  return sine<T>(x, 1)
}
