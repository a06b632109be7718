// What regressions with two outcomes spend their time on, in float64. Rows lie in groups of 8, four vectors: x: [groups, columns, 8].
// Each loop does one thing to many groups, so that the machine has several of them in flight; a block of groups stays in the first-level cache between the loops.

import { multiplyAdd, splat, subtractProduct, sumLanes, zeros } from "../../../../Layers/wasm/assembly/lanes"

// Bytes of a group in a column
const GROUP: usize = 64

// Groups in a block
const BLOCK: i32 = 16

// Each group multiplies two factors of at most 2 into a product: so many of them do not overflow
const GROUPS_IN_PRODUCT: i32 = 500

// From memory, since a constant in the code takes three instructions each time it is used: 1.5 * 2^52 + 1023, which rounds to the
// nearest integer and leaves the exponent in the lowest bits; 1 / log 2; log 2 in two parts; exp on |r| <= log(2) / 2 as a
// minimax polynomial, relative error 4e-18, highest power first
const TABLE: usize = memory.data<f64>([
  6755399441056767.0, 1.4426950408889634, 6.9314718036912381649e-1, 1.90821492927058770002e-10, 2.4991414130839445e-8,
  2.7631049233649032e-7, 2.7557626845513348e-6, 2.4801490596536564e-5, 0.00019841269436517724, 0.0013888888946388485,
  0.0083333333335498886, 0.041666666666517704, 0.16666666666666217, 0.50000000000000125, 1, -709
])

@inline
function constant(offset: usize): v128 {
  return v128.load64_splat(TABLE + offset)
}

// eta [groups, 8] = X theta for some groups
@inline
function predictGroups(groups: i32, columns: i32, x: usize, theta: usize, eta: usize): void {
  for (let g = 0; g < groups; g++, eta += GROUP) {
    let a = zeros()
    let b = zeros()
    let c = zeros()
    let d = zeros()
    let at = theta
    // Two columns a turn: counting costs as much as a quarter of the work.
    let j = 1
    for (; j < columns; j += 2, x += 2 * GROUP, at += 16) {
      const t = v128.load64_splat(at)
      const u = v128.load64_splat(at, 8)
      a = multiplyAdd<f64>(u, v128.load(x, 64), multiplyAdd<f64>(t, v128.load(x), a))
      b = multiplyAdd<f64>(u, v128.load(x, 80), multiplyAdd<f64>(t, v128.load(x, 16), b))
      c = multiplyAdd<f64>(u, v128.load(x, 96), multiplyAdd<f64>(t, v128.load(x, 32), c))
      d = multiplyAdd<f64>(u, v128.load(x, 112), multiplyAdd<f64>(t, v128.load(x, 48), d))
    }
    if (j == columns) {
      const t = v128.load64_splat(at)
      a = multiplyAdd<f64>(t, v128.load(x), a)
      b = multiplyAdd<f64>(t, v128.load(x, 16), b)
      c = multiplyAdd<f64>(t, v128.load(x, 32), c)
      d = multiplyAdd<f64>(t, v128.load(x, 48), d)
      x += GROUP
    }
    v128.store(eta, a)
    v128.store(eta, b, 16)
    v128.store(eta, c, 32)
    v128.store(eta, d, 48)
  }
}

// eta [groups, 8] = X theta
export function predict(groups: i32, columns: i32, x: usize, theta: usize, eta: usize): void {
  predictGroups(groups, columns, x, theta, eta)
}

// sum [2] += one column of a group times r, lane by lane
@inline
function addColumn(x: usize, a: v128, b: v128, c: v128, d: v128, sum: usize): void {
  const low = multiplyAdd<f64>(b, v128.load(x, 16), multiplyAdd<f64>(a, v128.load(x), v128.load(sum)))
  const high = multiplyAdd<f64>(d, v128.load(x, 48), f64x2.mul(c, v128.load(x, 32)))
  v128.store(sum, f64x2.add(low, high))
}

// sums [columns, 2] += X' r for some groups, lane by lane
@inline
function addGroups(groups: i32, columns: i32, x: usize, r: usize, sums: usize): void {
  for (let g = 0; g < groups; g++, r += GROUP) {
    const a = v128.load(r)
    const b = v128.load(r, 16)
    const c = v128.load(r, 32)
    const d = v128.load(r, 48)
    let at = sums
    let j = 1
    for (; j < columns; j += 2, x += 2 * GROUP, at += 32) {
      addColumn(x, a, b, c, d, at)
      addColumn(x + GROUP, a, b, c, d, at + 16)
    }
    if (j == columns) {
      addColumn(x, a, b, c, d, at)
      x += GROUP
    }
  }
}

// score [columns] = X' residual; sums: [columns, 2] of scratch
export function backproject(groups: i32, columns: i32, x: usize, residual: usize, sums: usize, score: usize): void {
  memory.fill(sums, 0, <usize>columns * 16)
  addGroups(groups, columns, x, residual, sums)
  for (let j: usize = 0; j < <usize>columns; j++) store<f64>(score + 8 * j, sumLanes<f64>(v128.load(sums + 16 * j)))
}

// The log likelihood of labels (0 or 1) under logit P(1) = eta = X theta, and its gradient by theta into score: theta . X'y - sum log(1 + exp(eta)) and
// X'y - X' P(1). Of each row only exp(-|eta|) is needed, and of many rows one logarithm. xy: X'y [columns]; eta: [BLOCK, 8] and sums: [columns, 2] of
// scratch
export function logistic(
  groups: i32,
  columns: i32,
  x: usize,
  xy: usize,
  theta: usize,
  eta: usize,
  sums: usize,
  score: usize
): f64 {
  const step = <usize>columns * GROUP
  const one = splat<f64>(1)
  const sign = splat<f64>(-0.0)
  let positive = zeros()
  let factors = one
  let others = one
  let logarithms: f64 = 0
  let count = 0
  memory.fill(sums, 0, <usize>columns * 16)
  for (let start = 0; start < groups; start += BLOCK, x += step * BLOCK) {
    const size = min(BLOCK, groups - start)
    predictGroups(size, columns, x, theta, eta)
    for (let g = 0, at = eta; g < size; g++, at += GROUP) {
      const t0 = v128.load(at)
      const t1 = v128.load(at, 16)
      const t2 = v128.load(at, 32)
      const t3 = v128.load(at, 48)
      positive = f64x2.add(
        positive,
        f64x2.add(
          f64x2.add(f64x2.pmax(t0, zeros()), f64x2.pmax(t1, zeros())),
          f64x2.add(f64x2.pmax(t2, zeros()), f64x2.pmax(t3, zeros()))
        )
      )
      // exp(-|t|) of all four: n = round(-|t| / log 2), r the rest, a polynomial in r, times 2^n by the exponent's bits
      const least = constant(120)
      let r0 = f64x2.pmax(v128.or(t0, sign), least)
      let r1 = f64x2.pmax(v128.or(t1, sign), least)
      let r2 = f64x2.pmax(v128.or(t2, sign), least)
      let r3 = f64x2.pmax(v128.or(t3, sign), least)
      const rounder = constant(0)
      const inverse = constant(8)
      const b0 = multiplyAdd<f64>(r0, inverse, rounder)
      const b1 = multiplyAdd<f64>(r1, inverse, rounder)
      const b2 = multiplyAdd<f64>(r2, inverse, rounder)
      const b3 = multiplyAdd<f64>(r3, inverse, rounder)
      const n0 = f64x2.sub(b0, rounder)
      const n1 = f64x2.sub(b1, rounder)
      const n2 = f64x2.sub(b2, rounder)
      const n3 = f64x2.sub(b3, rounder)
      const high = constant(16)
      r0 = subtractProduct<f64>(n0, high, r0)
      r1 = subtractProduct<f64>(n1, high, r1)
      r2 = subtractProduct<f64>(n2, high, r2)
      r3 = subtractProduct<f64>(n3, high, r3)
      const low = constant(24)
      r0 = subtractProduct<f64>(n0, low, r0)
      r1 = subtractProduct<f64>(n1, low, r1)
      r2 = subtractProduct<f64>(n2, low, r2)
      r3 = subtractProduct<f64>(n3, low, r3)
      let c = constant(32)
      let e0 = c
      let e1 = c
      let e2 = c
      let e3 = c
      c = constant(40)
      e0 = multiplyAdd<f64>(e0, r0, c)
      e1 = multiplyAdd<f64>(e1, r1, c)
      e2 = multiplyAdd<f64>(e2, r2, c)
      e3 = multiplyAdd<f64>(e3, r3, c)
      c = constant(48)
      e0 = multiplyAdd<f64>(e0, r0, c)
      e1 = multiplyAdd<f64>(e1, r1, c)
      e2 = multiplyAdd<f64>(e2, r2, c)
      e3 = multiplyAdd<f64>(e3, r3, c)
      c = constant(56)
      e0 = multiplyAdd<f64>(e0, r0, c)
      e1 = multiplyAdd<f64>(e1, r1, c)
      e2 = multiplyAdd<f64>(e2, r2, c)
      e3 = multiplyAdd<f64>(e3, r3, c)
      c = constant(64)
      e0 = multiplyAdd<f64>(e0, r0, c)
      e1 = multiplyAdd<f64>(e1, r1, c)
      e2 = multiplyAdd<f64>(e2, r2, c)
      e3 = multiplyAdd<f64>(e3, r3, c)
      c = constant(72)
      e0 = multiplyAdd<f64>(e0, r0, c)
      e1 = multiplyAdd<f64>(e1, r1, c)
      e2 = multiplyAdd<f64>(e2, r2, c)
      e3 = multiplyAdd<f64>(e3, r3, c)
      c = constant(80)
      e0 = multiplyAdd<f64>(e0, r0, c)
      e1 = multiplyAdd<f64>(e1, r1, c)
      e2 = multiplyAdd<f64>(e2, r2, c)
      e3 = multiplyAdd<f64>(e3, r3, c)
      c = constant(88)
      e0 = multiplyAdd<f64>(e0, r0, c)
      e1 = multiplyAdd<f64>(e1, r1, c)
      e2 = multiplyAdd<f64>(e2, r2, c)
      e3 = multiplyAdd<f64>(e3, r3, c)
      c = constant(96)
      e0 = multiplyAdd<f64>(e0, r0, c)
      e1 = multiplyAdd<f64>(e1, r1, c)
      e2 = multiplyAdd<f64>(e2, r2, c)
      e3 = multiplyAdd<f64>(e3, r3, c)
      c = constant(104)
      e0 = multiplyAdd<f64>(e0, r0, c)
      e1 = multiplyAdd<f64>(e1, r1, c)
      e2 = multiplyAdd<f64>(e2, r2, c)
      e3 = multiplyAdd<f64>(e3, r3, c)
      c = constant(112)
      e0 = multiplyAdd<f64>(e0, r0, c)
      e1 = multiplyAdd<f64>(e1, r1, c)
      e2 = multiplyAdd<f64>(e2, r2, c)
      e3 = multiplyAdd<f64>(e3, r3, c)
      e0 = f64x2.mul(multiplyAdd<f64>(e0, r0, one), i64x2.shl(b0, 52))
      e1 = f64x2.mul(multiplyAdd<f64>(e1, r1, one), i64x2.shl(b1, 52))
      e2 = f64x2.mul(multiplyAdd<f64>(e2, r2, one), i64x2.shl(b2, 52))
      e3 = f64x2.mul(multiplyAdd<f64>(e3, r3, one), i64x2.shl(b3, 52))
      const s0 = f64x2.add(one, e0)
      const s1 = f64x2.add(one, e1)
      const s2 = f64x2.add(one, e2)
      const s3 = f64x2.add(one, e3)
      factors = f64x2.mul(factors, f64x2.mul(s0, s1))
      others = f64x2.mul(others, f64x2.mul(s2, s3))
      if (++count == GROUPS_IN_PRODUCT) {
        logarithms += logOfProduct(factors) + logOfProduct(others)
        factors = one
        others = one
        count = 0
      }
      // P(1) = 1 / (1 + e) where t >= 0, else e / (1 + e); the sign bit of t says which
      v128.store(at, f64x2.div(v128.bitselect(e0, one, i64x2.shr_s(t0, 63)), s0))
      v128.store(at, f64x2.div(v128.bitselect(e1, one, i64x2.shr_s(t1, 63)), s1), 16)
      v128.store(at, f64x2.div(v128.bitselect(e2, one, i64x2.shr_s(t2, 63)), s2), 32)
      v128.store(at, f64x2.div(v128.bitselect(e3, one, i64x2.shr_s(t3, 63)), s3), 48)
    }
    addGroups(size, columns, x, eta, sums)
  }
  let value = -(logarithms + logOfProduct(factors) + logOfProduct(others) + sumLanes<f64>(positive))
  for (let j: usize = 0; j < <usize>columns; j++) {
    const product = load<f64>(xy + 8 * j)
    value += load<f64>(theta + 8 * j) * product
    store<f64>(score + 8 * j, product - sumLanes<f64>(v128.load(sums + 16 * j)))
  }
  return value
}

@inline
function logOfProduct(factors: v128): f64 {
  return Math.log(f64x2.extract_lane(factors, 0)) + Math.log(f64x2.extract_lane(factors, 1))
}

// Where the memory begins that is not the module's own
export function begin(): usize {
  return (__heap_base + 63) & ~63
}
