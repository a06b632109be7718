// exp, log, tanh and their kin on vectors. Polynomials are minimax fits (Remez) on the reduced ranges named
// below; ranges are reduced in two parts of log 2, the first short enough for its products to be exact
// without FMA.

import { multiplyAdd, splat, subtractProduct } from "./lanes"

// Adding 1.5 * 2^(mantissa bits) rounds to the nearest integer and leaves that integer in the lowest bits
const ROUNDER_F32: f64 = 12582912.0
const ROUNDER_F64: f64 = 6755399441055744.0
const LOG2_E: f64 = 1.4426950408889634

@inline
function rounder<T>(): v128 {
  if (sizeof<T>() == 4) return splat<T>(ROUNDER_F32)
  return splat<T>(ROUNDER_F64)
}

// The rounder that leaves the integer plus the exponent's bias: 127 or 1023
@inline
function biasedRounder<T>(): v128 {
  if (sizeof<T>() == 4) return splat<T>(ROUNDER_F32 + 127)
  return splat<T>(ROUNDER_F64 + 1023)
}

// 2^n, where n + bias stands in the lowest bits; n = -127 (-1023) gives 0 and n = 128 (1024) infinity
@inline
function powerOfTwo<T>(biased: v128): v128 {
  if (sizeof<T>() == 4) return i32x4.shl(biased, 23)
  return i64x2.shl(biased, 52)
}

// x - n log 2, log 2 in two parts
@inline
function withoutPowers<T>(x: v128, n: v128): v128 {
  if (sizeof<T>() == 4) {
    return subtractProduct<T>(n, splat<T>(-2.1219444e-4), subtractProduct<T>(n, splat<T>(0.693359375), x))
  }
  return subtractProduct<T>(
    n,
    splat<T>(1.90821492927058770002e-10),
    subtractProduct<T>(n, splat<T>(6.9314718036912381649e-1), x)
  )
}

// exp(r) on |r| <= log(2) / 2, relative error of the polynomial 1.7e-8 (f32) and 4e-18 (f64)
@inline
function exponential<T>(r: v128): v128 {
  if (sizeof<T>() == 4) {
    let p = multiplyAdd<T>(r, splat<T>(0.0013843637468768004), splat<T>(0.0083741632040424846))
    p = multiplyAdd<T>(p, r, splat<T>(0.041668002634386285))
    p = multiplyAdd<T>(p, r, splat<T>(0.16666431173518947))
    p = multiplyAdd<T>(p, r, splat<T>(0.49999994205834495))
    p = multiplyAdd<T>(p, r, splat<T>(1.0000000321825423))
    return multiplyAdd<T>(p, r, splat<T>(1))
  }
  let p = multiplyAdd<T>(r, splat<T>(2.4991414130839445e-8), splat<T>(2.7631049233649032e-7))
  p = multiplyAdd<T>(p, r, splat<T>(2.7557626845513348e-6))
  p = multiplyAdd<T>(p, r, splat<T>(2.4801490596536564e-5))
  p = multiplyAdd<T>(p, r, splat<T>(0.00019841269436517724))
  p = multiplyAdd<T>(p, r, splat<T>(0.0013888888946388485))
  p = multiplyAdd<T>(p, r, splat<T>(0.0083333333335498886))
  p = multiplyAdd<T>(p, r, splat<T>(0.041666666666517704))
  p = multiplyAdd<T>(p, r, splat<T>(0.16666666666666217))
  p = multiplyAdd<T>(p, r, splat<T>(0.50000000000000125))
  p = multiplyAdd<T>(p, r, splat<T>(1))
  return multiplyAdd<T>(p, r, splat<T>(1))
}

// Keeps NaN
@inline
function clamp<T>(x: v128, least: f64, greatest: f64): v128 {
  return v128.pmax<T>(v128.pmin<T>(x, splat<T>(greatest)), splat<T>(least))
}

// exp with subnormal results: 2^n in two factors
@inline
export function exp<T>(x: v128): v128 {
  const y = sizeof<T>() == 4 ? clamp<T>(x, -104, 89) : clamp<T>(x, -746, 710)
  const n = v128.sub<T>(multiplyAdd<T>(y, splat<T>(LOG2_E), rounder<T>()), rounder<T>())
  const p = exponential<T>(withoutPowers<T>(y, n))
  const half = multiplyAdd<T>(n, splat<T>(0.5), biasedRounder<T>())
  const rest = v128.add<T>(v128.sub<T>(n, v128.sub<T>(half, biasedRounder<T>())), biasedRounder<T>())
  return v128.mul<T>(v128.mul<T>(p, powerOfTwo<T>(half)), powerOfTwo<T>(rest))
}

// exp for inner use on [-88, 88.8] ([-709, 709.9]): 0 for results below the least normal number, infinity
// from exp(88.4) (exp(709.4)) on. In f32 the polynomial is one shorter, relative error 1.6e-7
@inline
function expOfClamped<T>(x: v128): v128 {
  const rounded = multiplyAdd<T>(x, splat<T>(LOG2_E), biasedRounder<T>())
  const n = v128.sub<T>(rounded, biasedRounder<T>())
  const r = withoutPowers<T>(x, n)
  return v128.mul<T>(sizeof<T>() == 4 ? shortExponential(r) : exponential<T>(r), powerOfTwo<T>(rounded))
}

// exp(r) in f32 on |r| <= log(2) / 2, relative error of the polynomial 9.5e-8
@inline
function shortExponential(r: v128): v128 {
  let p = multiplyAdd<f32>(r, splat<f32>(0.0082903139269079475), splat<f32>(0.041897975324452858))
  p = multiplyAdd<f32>(p, r, splat<f32>(0.16667636496014504))
  p = multiplyAdd<f32>(p, r, splat<f32>(0.49999149201276176))
  p = multiplyAdd<f32>(p, r, splat<f32>(0.99999970701422332))
  return multiplyAdd<f32>(p, r, splat<f32>(1))
}

@inline
export function expFlushed<T>(x: v128): v128 {
  return expOfClamped<T>(sizeof<T>() == 4 ? clamp<T>(x, -88, 88.8) : clamp<T>(x, -709, 709.9))
}

// exp of numbers that are at most a rounding error above 0, 0 for results below the least normal number. In
// f32 log 2 is one number: relative error 1.6e-7 + 3e-9 |x|
@inline
export function expNonPositive<T>(x: v128): v128 {
  if (sizeof<T>() == 8) return expOfClamped<T>(v128.pmax<T>(x, splat<T>(-709)))
  const y = v128.pmax<T>(x, splat<T>(-88))
  const rounded = multiplyAdd<T>(y, splat<T>(LOG2_E), biasedRounder<T>())
  const n = v128.sub<T>(rounded, biasedRounder<T>())
  const r = subtractProduct<T>(n, splat<T>(0.6931471805599453), y)
  return v128.mul<T>(shortExponential(r), powerOfTwo<T>(rounded))
}

// q(r) with exp(r) - 1 = r + r^2 q(r) on |r| <= log(2) / 2; relative error of the whole 1.4e-8 (f32), 3e-19
// (f64)
@inline
function exponentialTail<T>(r: v128): v128 {
  if (sizeof<T>() == 4) {
    let q = multiplyAdd<T>(r, splat<T>(0.0013946451126654841), splat<T>(0.0083665841284471867))
    q = multiplyAdd<T>(q, r, splat<T>(0.041666282048934961))
    q = multiplyAdd<T>(q, r, splat<T>(0.16666542990406213))
    return multiplyAdd<T>(q, r, splat<T>(0.50000000618939957))
  }
  let q = multiplyAdd<T>(r, splat<T>(2.0924446486264369e-9), splat<T>(2.5109044933709666e-8))
  q = multiplyAdd<T>(q, r, splat<T>(2.7557242749043884e-7))
  q = multiplyAdd<T>(q, r, splat<T>(2.7557244181768128e-6))
  q = multiplyAdd<T>(q, r, splat<T>(2.4801587360568243e-5))
  q = multiplyAdd<T>(q, r, splat<T>(0.00019841269886158754))
  q = multiplyAdd<T>(q, r, splat<T>(0.0013888888888866833))
  q = multiplyAdd<T>(q, r, splat<T>(0.0083333333333216157))
  q = multiplyAdd<T>(q, r, splat<T>(0.041666666666666701))
  q = multiplyAdd<T>(q, r, splat<T>(0.16666666666666677))
  return multiplyAdd<T>(q, r, splat<T>(0.5))
}

// tanh(a) = E / (E + 2) with E = exp(2 a) - 1, which keeps the relative accuracy near 0
@inline
export function tanh<T>(x: v128): v128 {
  const a = v128.pmin<T>(v128.abs<T>(x), splat<T>(sizeof<T>() == 4 ? 10 : 22))
  const y = v128.add<T>(a, a)
  const rounded = multiplyAdd<T>(y, splat<T>(LOG2_E), biasedRounder<T>())
  const r = withoutPowers<T>(y, v128.sub<T>(rounded, biasedRounder<T>()))
  const u = multiplyAdd<T>(v128.mul<T>(r, r), exponentialTail<T>(r), r)
  const s = powerOfTwo<T>(rounded)
  const e = multiplyAdd<T>(s, u, v128.sub<T>(s, splat<T>(1)))
  const t = v128.div<T>(e, v128.add<T>(e, splat<T>(2)))
  return v128.or(t, v128.and(x, splat<T>(-0.0)))
}

@inline
export function sigmoid<T>(x: v128): v128 {
  const one = splat<T>(1)
  return v128.div<T>(one, v128.add<T>(one, expFlushed<T>(v128.neg<T>(x))))
}

const GELU_SLOPE: f64 = 0.7978845608028654
const GELU_CUBE: f64 = 0.044715

// x (1 + tanh(u)) / 2 = x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3): GPT-2's "gelu_new"
@inline
export function gelu<T>(x: v128): v128 {
  const x2 = v128.mul<T>(x, x)
  const slope = multiplyAdd<T>(x2, splat<T>(-2 * GELU_SLOPE * GELU_CUBE), splat<T>(-2 * GELU_SLOPE))
  return v128.div<T>(x, v128.add<T>(splat<T>(1), expFlushed<T>(v128.mul<T>(x, slope))))
}

// d gelu / dx = s + s (1 - s) 2 x u', s = 1 / (1 + e), 1 - s = e s, e = exp(-2 u). Where |x| is clamped,
// before e overflows, the derivative differs from 0 or 1 by less than 1e-34.
@inline
export function geluDerivative<T>(x: v128): v128 {
  const one = splat<T>(1)
  const y = sizeof<T>() == 4 ? clamp<T>(x, -10, 10) : clamp<T>(x, -21, 21)
  const y2 = v128.mul<T>(y, y)
  const slope = multiplyAdd<T>(y2, splat<T>(-2 * GELU_SLOPE * GELU_CUBE), splat<T>(-2 * GELU_SLOPE))
  const e = expOfClamped<T>(v128.mul<T>(y, slope))
  const s = v128.div<T>(one, v128.add<T>(one, e))
  const change = multiplyAdd<T>(y2, splat<T>(6 * GELU_SLOPE * GELU_CUBE), splat<T>(2 * GELU_SLOPE))
  return multiplyAdd<T>(v128.mul<T>(v128.mul<T>(s, e), v128.mul<T>(s, y)), change, s)
}

// log of positive normal finite numbers: x = 2^e m, m in [sqrt(1/2), sqrt(2))
@inline
export function logNormal<T>(x: v128): v128 {
  if (sizeof<T>() == 4) {
    const e = i32x4.shr_s(i32x4.sub(x, i32x4.splat(0x3f3504f3)), 23)
    const f = v128.sub<T>(i32x4.sub(x, i32x4.shl(e, 23)), splat<T>(1))
    const n = f32x4.convert_i32x4_s(e)
    let p = multiplyAdd<T>(f, splat<T>(0.067466375562526174), splat<T>(-0.11675650702071909))
    p = multiplyAdd<T>(p, f, splat<T>(0.11888162885428051))
    p = multiplyAdd<T>(p, f, splat<T>(-0.12405589600164546))
    p = multiplyAdd<T>(p, f, splat<T>(0.14219552537238568))
    p = multiplyAdd<T>(p, f, splat<T>(-0.16667995779906307))
    p = multiplyAdd<T>(p, f, splat<T>(0.20002118627506986))
    p = multiplyAdd<T>(p, f, splat<T>(-0.25000009601641587))
    p = multiplyAdd<T>(p, f, splat<T>(0.33333312605269544))
    const f2 = v128.mul<T>(f, f)
    let y = multiplyAdd<T>(v128.mul<T>(p, f), f2, v128.mul<T>(n, splat<T>(-2.1219444e-4)))
    y = multiplyAdd<T>(f2, splat<T>(-0.5), y)
    return multiplyAdd<T>(n, splat<T>(0.693359375), v128.add<T>(f, y))
  }
  // log m = f - (f^2 / 2 - s (f^2 / 2 + R(s^2))), f = m - 1, s = f / (2 + f)
  const j = i64x2.add(x, i64x2.splat(0x3ff0000000000000 - 0x3fe6a09e667f3bcd))
  const m = i64x2.add(v128.and(j, i64x2.splat(0x000fffffffffffff)), i64x2.splat(0x3fe6a09e667f3bcd))
  const biased = v128.or(i64x2.shr_u(j, 52), i64x2.splat(0x4330000000000000))
  const n = v128.sub<T>(biased, splat<T>(4503599627370496.0 + 1023.0))
  const f = v128.sub<T>(m, splat<T>(1))
  const s = v128.div<T>(f, v128.add<T>(f, splat<T>(2)))
  const z = v128.mul<T>(s, s)
  let p = multiplyAdd<T>(z, splat<T>(0.14795948827546963), splat<T>(0.15314050651414476))
  p = multiplyAdd<T>(p, z, splat<T>(0.18183564321790741))
  p = multiplyAdd<T>(p, z, splat<T>(0.22222198573278897))
  p = multiplyAdd<T>(p, z, splat<T>(0.28571428742386473))
  p = multiplyAdd<T>(p, z, splat<T>(0.39999999999414687))
  p = multiplyAdd<T>(p, z, splat<T>(0.66666666666667344))
  const h = v128.mul<T>(v128.mul<T>(f, f), splat<T>(0.5))
  const t = multiplyAdd<T>(n, splat<T>(1.90821492927058770002e-10), v128.mul<T>(s, multiplyAdd<T>(z, p, h)))
  const u = v128.sub<T>(v128.sub<T>(h, t), f)
  return v128.sub<T>(v128.mul<T>(n, splat<T>(6.9314718036912381649e-1)), u)
}

// log where some lane is subnormal, 0, negative, infinite or NaN
function logGeneral<T>(x: v128): v128 {
  const least = sizeof<T>() == 4 ? splat<T>(1.1754943508222875e-38) : splat<T>(2.2250738585072014e-308)
  const lift: f64 = sizeof<T>() == 4 ? 16777216.0 : 18014398509481984.0
  const liftLog: f64 = sizeof<T>() == 4 ? 16.635532333438688 : 37.42994775023705
  const subnormal = v128.lt<T>(x, least)
  const lifted = v128.bitselect(v128.mul<T>(x, splat<T>(lift)), x, subnormal)
  let y = v128.sub<T>(logNormal<T>(lifted), v128.and(subnormal, splat<T>(liftLog)))
  y = v128.bitselect(x, y, v128.eq<T>(x, splat<T>(Infinity)))
  y = v128.bitselect(splat<T>(-Infinity), y, v128.eq<T>(x, splat<T>(0)))
  return v128.bitselect(y, splat<T>(NaN), v128.ge<T>(x, splat<T>(0)))
}

@inline
export function log<T>(x: v128): v128 {
  const least = sizeof<T>() == 4 ? splat<T>(1.1754943508222875e-38) : splat<T>(2.2250738585072014e-308)
  const normal = v128.and(v128.ge<T>(x, least), v128.lt<T>(x, splat<T>(Infinity)))
  if (sizeof<T>() == 4 ? i32x4.all_true(normal) : i64x2.all_true(normal)) return logNormal<T>(x)
  return logGeneral<T>(x)
}

@inline
export function relu<T>(x: v128): v128 {
  return v128.pmax<T>(x, splat<T>(0))
}

@inline
export function sign<T>(x: v128): v128 {
  const one = splat<T>(1)
  const zero = splat<T>(0)
  if (isInteger<T>()) return v128.sub<T>(v128.lt<T>(x, zero), v128.gt<T>(x, zero))
  const signed = v128.or(v128.and(v128.gt<T>(x, zero), one), v128.and(v128.lt<T>(x, zero), splat<T>(-1)))
  return v128.bitselect(x, signed, v128.ne<T>(x, x))
}
