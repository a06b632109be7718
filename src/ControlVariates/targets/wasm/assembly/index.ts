// What regressions with two outcomes spend their time on, in float64. x: [columns, rows], rows even; blocks of rows stay in
// the first-level cache between the product with theta and the product with the residuals.

import { expNonPositive } from "../../../../Layers/wasm/assembly/math"
import { multiplyAdd, splat, sumLanes, zeros } from "../../../../Layers/wasm/assembly/lanes"

const BLOCK: usize = 128 * 8

// A factor 1 + exp(-|eta|) is at most 2: so many of them do not overflow
const FACTORS: i32 = 1000

// eta = X theta for some rows. bytes: of these rows in a column; step: bytes from column to column
@inline
function predictBlock(bytes: usize, columns: i32, x: usize, step: usize, theta: usize, eta: usize): void {
  for (let o: usize = 0; o < bytes; o += 16) v128.store(eta + o, zeros())
  let j = 0
  for (; j + 4 <= columns; j += 4, theta += 32, x += 4 * step) {
    const a = v128.load64_splat(theta)
    const b = v128.load64_splat(theta, 8)
    const c = v128.load64_splat(theta, 16)
    const d = v128.load64_splat(theta, 24)
    const x1 = x + step
    const x2 = x1 + step
    const x3 = x2 + step
    for (let o: usize = 0; o < bytes; o += 16) {
      let sum = multiplyAdd<f64>(a, v128.load(x + o), v128.load(eta + o))
      sum = multiplyAdd<f64>(b, v128.load(x1 + o), sum)
      sum = multiplyAdd<f64>(c, v128.load(x2 + o), sum)
      v128.store(eta + o, multiplyAdd<f64>(d, v128.load(x3 + o), sum))
    }
  }
  for (; j < columns; j++, theta += 8, x += step) {
    const a = v128.load64_splat(theta)
    for (let o: usize = 0; o < bytes; o += 16)
      v128.store(eta + o, multiplyAdd<f64>(a, v128.load(x + o), v128.load(eta + o)))
  }
}

@inline
function addTo(pointer: usize, sum: v128): void {
  store<f64>(pointer, load<f64>(pointer) + sumLanes<f64>(sum))
}

// score += X' residual for some rows
@inline
function backprojectBlock(bytes: usize, columns: i32, x: usize, step: usize, residual: usize, score: usize): void {
  let j = 0
  for (; j + 4 <= columns; j += 4, score += 32, x += 4 * step) {
    const x1 = x + step
    const x2 = x1 + step
    const x3 = x2 + step
    let a = zeros()
    let b = zeros()
    let c = zeros()
    let d = zeros()
    let e = zeros()
    let f = zeros()
    let g = zeros()
    let h = zeros()
    let o: usize = 0
    for (; o + 32 <= bytes; o += 32) {
      const r = v128.load(residual + o)
      const s = v128.load(residual + o, 16)
      a = multiplyAdd<f64>(r, v128.load(x + o), a)
      b = multiplyAdd<f64>(r, v128.load(x1 + o), b)
      c = multiplyAdd<f64>(r, v128.load(x2 + o), c)
      d = multiplyAdd<f64>(r, v128.load(x3 + o), d)
      e = multiplyAdd<f64>(s, v128.load(x + o, 16), e)
      f = multiplyAdd<f64>(s, v128.load(x1 + o, 16), f)
      g = multiplyAdd<f64>(s, v128.load(x2 + o, 16), g)
      h = multiplyAdd<f64>(s, v128.load(x3 + o, 16), h)
    }
    if (o < bytes) {
      const r = v128.load(residual + o)
      a = multiplyAdd<f64>(r, v128.load(x + o), a)
      b = multiplyAdd<f64>(r, v128.load(x1 + o), b)
      c = multiplyAdd<f64>(r, v128.load(x2 + o), c)
      d = multiplyAdd<f64>(r, v128.load(x3 + o), d)
    }
    addTo(score, f64x2.add(a, e))
    addTo(score + 8, f64x2.add(b, f))
    addTo(score + 16, f64x2.add(c, g))
    addTo(score + 24, f64x2.add(d, h))
  }
  for (; j < columns; j++, score += 8, x += step) {
    let a = zeros()
    for (let o: usize = 0; o < bytes; o += 16)
      a = multiplyAdd<f64>(v128.load(residual + o), v128.load(x + o), a)
    addTo(score, a)
  }
}

// eta [rows] = X theta
export function predict(rows: i32, columns: i32, x: usize, theta: usize, eta: usize): void {
  const step = <usize>rows * 8
  for (let start: usize = 0; start < step; start += BLOCK)
    predictBlock(min(BLOCK, step - start), columns, x + start, step, theta, eta + start)
}

// score [columns] = X' residual
export function backproject(rows: i32, columns: i32, x: usize, residual: usize, score: usize): void {
  const step = <usize>rows * 8
  memory.fill(score, 0, <usize>columns * 8)
  for (let start: usize = 0; start < step; start += BLOCK)
    backprojectBlock(min(BLOCK, step - start), columns, x + start, step, residual + start, score)
}

// The log likelihood of the labels (0 or 1) under logit P(1) = eta = X theta, and its gradient by theta into score. Of each row
// only exp(-|eta|) is needed, and of many rows one logarithm. eta: [rows] of scratch
export function logistic(
  rows: i32,
  columns: i32,
  x: usize,
  labels: usize,
  theta: usize,
  eta: usize,
  score: usize
): f64 {
  const step = <usize>rows * 8
  const one = splat<f64>(1)
  let value = zeros()
  let factors = one
  let logarithms: f64 = 0
  let count = 0
  memory.fill(score, 0, <usize>columns * 8)
  for (let start: usize = 0; start < step; start += BLOCK) {
    const bytes = min(BLOCK, step - start)
    predictBlock(bytes, columns, x + start, step, theta, eta)
    for (let o: usize = 0; o < bytes; o += 16) {
      const t = v128.load(eta + o)
      const y = v128.load(labels + start + o)
      const small = expNonPositive<f64>(f64x2.neg(f64x2.abs(t)))
      const total = f64x2.add(one, small)
      factors = f64x2.mul(factors, total)
      value = f64x2.add(value, multiplyAdd<f64>(y, t, f64x2.neg(f64x2.pmax(zeros(), t))))
      const chance = f64x2.div(v128.bitselect(one, small, f64x2.ge(t, zeros())), total)
      v128.store(eta + o, f64x2.sub(y, chance))
    }
    count += <i32>(bytes >> 4)
    if (count > FACTORS - 64) {
      logarithms += Math.log(f64x2.extract_lane(factors, 0)) + Math.log(f64x2.extract_lane(factors, 1))
      factors = one
      count = 0
    }
    backprojectBlock(bytes, columns, x + start, step, eta, score)
  }
  logarithms += Math.log(f64x2.extract_lane(factors, 0)) + Math.log(f64x2.extract_lane(factors, 1))
  return sumLanes<f64>(value) - logarithms
}

// Where the memory begins that is not the module's own
export function begin(): usize {
  return (__heap_base + 15) & ~15
}
