// a^b with JavaScript's special cases.

import { exp, logNormal } from "./math"
import { splat, upperHalf } from "./lanes"

// The high part of a split of x into two of 26 bits (Dekker 1971)
@inline
function highPart(x: f64): f64 {
  const t = x * 134217729.0
  return t - (t - x)
}

// x * y - product, exactly
@inline
function productError(x: f64, y: f64, product: f64): f64 {
  const xh = highPart(x)
  const yh = highPart(y)
  const xl = x - xh
  const yl = y - yh
  return xh * yh - product + xh * yl + xl * yh + xl * yl
}

// x^n by squaring, n > 0: exact where every factor is
function integerPower(x: f64, n: i32): f64 {
  let result: f64 = 1
  while (true) {
    if (n & 1) result *= x
    n >>= 1
    if (n == 0) return result
    x *= x
  }
}

// a^b for finite a > 0 and finite b, by log a in two float64 (about 2^-60)
function powerOfPositive(a: f64, b: f64): f64 {
  let bits = reinterpret<u64>(a)
  let e: f64 = 0
  if (bits < 0x0010000000000000) {
    bits = reinterpret<u64>(a * 18014398509481984.0)
    e = -54
  }
  const j = bits + (0x3ff0000000000000 - 0x3fe6a09e667f3bcd)
  e += <f64>(<i64>(j >> 52) - 1023)
  const m = reinterpret<f64>((j & 0x000fffffffffffff) + 0x3fe6a09e667f3bcd)
  // log m = 2 s + 2 s^3 / 3 + ..., s = f / (2 + f) in two parts
  const f = m - 1
  const d = 2 + f
  const dError = f - (d - 2)
  const s = f / d
  const sd = s * d
  const sError = (f - sd - productError(s, d, sd) - s * dError) / d
  const z = s * s
  let p = z * 0.14795948827546963 + 0.15314050651414476
  p = p * z + 0.18183564321790741
  p = p * z + 0.22222198573278897
  p = p * z + 0.28571428742386473
  p = p * z + 0.39999999999414687
  p = p * z + 0.66666666666667344
  // e * LOG2_HIGH is exact
  const big = e * 6.9314718036912381649e-1
  const twice = 2 * s
  const sum = big + twice
  const lost = e ? twice - (sum - big) : 0
  const small = lost + (2 * sError + s * z * p) + e * 1.90821492927058770002e-10
  const high = sum + small
  const low = small - (high - sum)
  const exponent = b * high
  if (!(abs(exponent) < 800)) return exponent > 0 ? Infinity : 0
  const rest = productError(b, high, exponent) + b * low
  const root = f64x2.extract_lane(exp<f64>(splat<f64>(exponent)), 0)
  return root < Infinity ? root + root * rest : root
}

@inline
function isOdd(b: f64): bool {
  return abs(b) < 9007199254740992.0 && floor(b * 0.5) * 2 != b
}

export function power64(a: f64, b: f64): f64 {
  if (b == 0) return 1
  if (a != a || b != b) return NaN
  const size = abs(a)
  if (abs(b) == Infinity) {
    if (size == 1) return NaN
    return size > 1 == b > 0 ? Infinity : 0
  }
  const whole = floor(b) == b
  if (size == 0 || size == Infinity) {
    const magnitude: f64 = (size == 0) == b > 0 ? 0 : Infinity
    return whole && isOdd(b) ? copysign(magnitude, a) : magnitude
  }
  if (a < 0 && !whole) return NaN
  if (whole && abs(b) <= 32) {
    const n = <i32>abs(b)
    const direct = integerPower(a, n)
    if (b > 0) return direct
    const inverse = 1 / direct
    if (abs(inverse) >= 2.2250738585072014e-308 && abs(inverse) < Infinity) return inverse
  }
  const magnitude = powerOfPositive(size, b)
  return a < 0 && isOdd(b) ? -magnitude : magnitude
}

// Two lanes for float32 results: exp(b log a) in float64 where that is all there is to it
@inline
function power32(a: v128, b: v128): v128 {
  const regular = v128.and(f64x2.gt(a, splat<f64>(0)), f64x2.lt(a, splat<f64>(Infinity)))
  const product = f64x2.mul(b, logNormal<f64>(a))
  if (i64x2.all_true(v128.and(regular, f64x2.lt(f64x2.abs(b), splat<f64>(Infinity)))))
    return exp<f64>(product)
  const first = power64(f64x2.extract_lane(a, 0), f64x2.extract_lane(b, 0))
  return f64x2.replace_lane(splat<f64>(first), 1, power64(f64x2.extract_lane(a, 1), f64x2.extract_lane(b, 1)))
}

@inline
export function power<T>(a: v128, b: v128): v128 {
  if (sizeof<T>() == 4) {
    const low = power32(f64x2.promote_low_f32x4(a), f64x2.promote_low_f32x4(b))
    const high = power32(f64x2.promote_low_f32x4(upperHalf(a)), f64x2.promote_low_f32x4(upperHalf(b)))
    return i64x2.shuffle(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2)
  }
  const first = power64(f64x2.extract_lane(a, 0), f64x2.extract_lane(b, 0))
  return f64x2.replace_lane(splat<f64>(first), 1, power64(f64x2.extract_lane(a, 1), f64x2.extract_lane(b, 1)))
}
