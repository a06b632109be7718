import { multiplyAdd, splat, sumLanes, zeros } from "../../../../Layers/wasm/assembly/lanes"
import { addGroups, GROUP, predictGroups } from "./groups"

// Groups in a block: what one loop leaves in the first-level cache the next one finds there
const BLOCK: i32 = 4

// From memory, since a constant in the code takes four instructions each time it is used: 1.5 * 2^52, which rounds to the nearest integer and
// leaves it in the lowest bits; 1, p, q and r of 2^(f / 1024) = 1 + f (p + f (q + f r)) on |f| <= 1/2, relative error 9e-17: Taylor's
// polynomial, with the term of the fourth degree spread over the second
const CONSTANTS: usize = memory.data<f64>([
  6755399441055744.0, 1, 0.0006769015435155716, 2.2909785161857664e-7, 5.169222938345892e-11
])

// log(2) / 1024
const UNIT: f64 = 0.0006769015435155716

// A linear predictor of 700, in these units: of larger ones the chances are 0 and 1
const FARTHEST: f64 = 700 / 0.0006769015435155716

@inline
function constant(offset: usize): v128 {
  return v128.load64_splat(CONSTANTS + offset)
}

// 2^(t / 1024) + 1, for |t| at most FARTHEST. powers [1024]: 2^(j / 1024) less j in the lowest of the exponent's bits, so that n = 1024 k + j added there
// gives 2^(n / 1024)
@inline
function powerAndOne(t: v128, powers: usize): v128 {
  const rounder = constant(0)
  const one = constant(8)
  const rounded = f64x2.add(t, rounder)
  const f = f64x2.sub(t, f64x2.sub(rounded, rounder))
  let polynomial = multiplyAdd<f64>(constant(32), f, constant(24))
  polynomial = multiplyAdd<f64>(polynomial, f, constant(16))
  polynomial = multiplyAdd<f64>(polynomial, f, one)
  const low = powers + ((i32x4.extract_lane(rounded, 0) & 1023) << 3)
  const high = powers + ((i32x4.extract_lane(rounded, 2) & 1023) << 3)
  const power = i64x2.add(v128.load64_lane(high, v128.load64_zero(low), 1), i64x2.shl(rounded, 42))
  return multiplyAdd<f64>(power, polynomial, one)
}

// The exponents of numbers of at least 1
@inline
function exponentsOf(x: v128): v128 {
  return i64x2.sub(i64x2.shr_u(x, 52), i64x2.splat(1023))
}

// The numbers less their exponents: in [1, 2)
@inline
function mantissasOf(x: v128): v128 {
  return v128.or(v128.and(x, i64x2.splat(0x000fffffffffffff)), splat<f64>(1))
}

// The log likelihood of logistic regression, and its gradient by theta into score. Rows are multiplied by 1 where their label is 1 and by -1 where it is 0, so
// that with eta = X theta they are theta . total - sum log(1 + exp(eta)) and X' (1 / (1 + exp(eta))): of each row one exponential and one division, of all
// one logarithm. total: the sums of the columns [columns]; nearest: the squared norm of theta from which on some |eta| may be above 29;
// scaled: [columns], eta: [BLOCK, 12] and sums: [columns, 2] of scratch
export function logistic(
  groups: i32,
  columns: i32,
  x: usize,
  total: usize,
  theta: usize,
  nearest: f64,
  powers: usize,
  scaled: usize,
  eta: usize,
  sums: usize,
  score: usize
): f64 {
  const step = <usize>columns * GROUP
  let value: f64 = 0
  let norm: f64 = 0
  for (let j: usize = 0; j < 8 * <usize>columns; j += 8) {
    const t = load<f64>(theta + j)
    value += t * load<f64>(total + j)
    norm += t * t
    store<f64>(scaled + j, t / UNIT)
  }
  for (let at = sums; at < sums + 16 * <usize>columns; at += 16) v128.store(at, zeros())
  // The product of all 1 + exp(eta), by its mantissa and exponent, lane by lane; what eta is above FARTHEST
  let product = splat<f64>(1)
  let exponents = zeros()
  let beyond = zeros()
  const near = norm < nearest
  for (let start = 0; start < groups; start += BLOCK, x += step * BLOCK) {
    const size = min(BLOCK, groups - start)
    const end = eta + <usize>size * GROUP
    predictGroups(size, columns, x, scaled, eta)
    if (near) {
      // 24 factors of at most 1 + exp(29) do not overflow.
      for (let at = eta; at < end; at += 16) {
        const d = powerAndOne(v128.load(at), powers)
        product = f64x2.mul(product, d)
        v128.store(at, f64x2.div(constant(8), d))
      }
      exponents = i64x2.add(exponents, exponentsOf(product))
      product = mantissasOf(product)
    } else {
      for (let at = eta; at < end; at += 16) {
        const t = v128.load(at)
        const limited = f64x2.pmax(f64x2.pmin(t, splat<f64>(FARTHEST)), splat<f64>(-FARTHEST))
        beyond = f64x2.add(beyond, f64x2.pmax(f64x2.sub(t, limited), zeros()))
        const d = powerAndOne(limited, powers)
        product = f64x2.mul(product, d)
        exponents = i64x2.add(exponents, exponentsOf(product))
        product = mantissasOf(product)
        v128.store(at, f64x2.div(constant(8), d))
      }
    }
    addGroups(size, columns, x, eta, sums)
  }
  for (let j: usize = 0; j < <usize>columns; j++) store<f64>(score + 8 * j, sumLanes<f64>(v128.load(sums + 16 * j)))
  const doublings = <f64>(i64x2.extract_lane(exponents, 0) + i64x2.extract_lane(exponents, 1))
  const rest = Math.log(f64x2.extract_lane(product, 0) * f64x2.extract_lane(product, 1))
  return value - (doublings * 1024 + sumLanes<f64>(beyond)) * UNIT - rest
}
