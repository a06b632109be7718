// out[o, i] = reduction over l < length of x[o * xOuter + l * xLength + i], i < inner

import {
  loadTail,
  loadTailOver,
  multiplyAdd,
  splat,
  storeTail,
  upperHalf,
  wholeVectors,
  zeros
} from "./lanes"
import { rowMaximumOrNaN, rowSum } from "./rows"

const SUM: i32 = 0
const SUM_OF_SQUARES: i32 = 1
const MAXIMUM: i32 = 2
const MINIMUM: i32 = 3

// Rows that pass together: their strips of 64 bytes stay in the first two caches, and the memory is read in
// order
const BLOCK_ROWS: i32 = 32

// More rows than these are summed in float64, however slowly: adding so many float32 numbers would show
const LONG: i32 = 65536

@inline
function neutral<T>(op: i32): v128 {
  if (op == MAXIMUM) return isFloat<T>() ? splat<T>(-Infinity) : i32x4.splat(i32.MIN_VALUE)
  if (op == MINIMUM) return isFloat<T>() ? splat<T>(Infinity) : i32x4.splat(i32.MAX_VALUE)
  return zeros()
}

@inline
function combine<T>(op: i32, sum: v128, x: v128): v128 {
  if (op == MAXIMUM) return v128.max<T>(sum, x)
  if (op == MINIMUM) return v128.min<T>(sum, x)
  if (isFloat<T>() && op == SUM_OF_SQUARES) return multiplyAdd<T>(x, x, sum)
  return v128.add<T>(sum, x)
}

// Of two results
@inline
function merge<T>(op: i32, a: v128, b: v128): v128 {
  return op == SUM_OF_SQUARES ? v128.add<T>(a, b) : combine<T>(op, a, b)
}

@inline
function loadStrip(pointer: usize, bytes: usize): v128 {
  return bytes == 16 ? v128.load(pointer) : loadTail(pointer, bytes)
}

@inline
function storeStrip(pointer: usize, x: v128, bytes: usize): void {
  if (bytes == 16) v128.store(pointer, x)
  else storeTail(pointer, x, bytes)
}

// Reduces a strip of at most 16 bytes of the inner axis, added to out but in the first block
@inline
function narrowStrip<T>(
  op: i32,
  x: usize,
  out: usize,
  length: i32,
  step: usize,
  bytes: usize,
  first: bool
): void {
  let s = neutral<T>(op)
  for (let l = 0; l < length; l++, x += step) s = combine<T>(op, s, loadStrip(x, bytes))
  storeStrip(out, first ? s : merge<T>(op, s, loadStrip(out, bytes)), bytes)
}

// Reduces a strip of 64 bytes of the inner axis, added to out but in the first block
@inline
function wideStrip<T>(op: i32, x: usize, out: usize, length: i32, step: usize, first: bool): void {
  let s0 = neutral<T>(op)
  let s1 = neutral<T>(op)
  let s2 = neutral<T>(op)
  let s3 = neutral<T>(op)
  for (let l = 0; l < length; l++, x += step) {
    s0 = combine<T>(op, s0, v128.load(x))
    s1 = combine<T>(op, s1, v128.load(x, 16))
    s2 = combine<T>(op, s2, v128.load(x, 32))
    s3 = combine<T>(op, s3, v128.load(x, 48))
  }
  if (!first) {
    s0 = merge<T>(op, s0, v128.load(out))
    s1 = merge<T>(op, s1, v128.load(out, 16))
    s2 = merge<T>(op, s2, v128.load(out, 32))
    s3 = merge<T>(op, s3, v128.load(out, 48))
  }
  v128.store(out, s0)
  v128.store(out, s1, 16)
  v128.store(out, s2, 32)
  v128.store(out, s3, 48)
}

// Sums a long strip of at most 16 bytes in float64
@inline
function longStrip(op: i32, x: usize, out: usize, length: i32, step: usize, bytes: usize): void {
  let low = zeros()
  let high = zeros()
  for (let l = 0; l < length; ) {
    const end = min(length, l + BLOCK_ROWS)
    let s = zeros()
    for (; l < end; l++, x += step) s = combine<f32>(op, s, loadStrip(x, bytes))
    low = f64x2.add(low, f64x2.promote_low_f32x4(s))
    high = f64x2.add(high, f64x2.promote_low_f32x4(upperHalf(s)))
  }
  const sum = i64x2.shuffle(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2)
  storeStrip(out, sum, bytes)
}

// out[i] = reduction over l < length of x[l, i], i < bytes; rows are step bytes apart
@inline
function reduceRows<T>(op: i32, x: usize, out: usize, length: i32, step: usize, bytes: usize): void {
  let i: usize = 0
  if (isFloat<T>() && sizeof<T>() == 4 && op <= SUM_OF_SQUARES && length > LONG) {
    for (; bytes - i >= 16; i += 16) longStrip(op, x + i, out + i, length, step, 16)
    if (i < bytes) longStrip(op, x + i, out + i, length, step, bytes - i)
    return
  }
  let l = 0
  do {
    const rows = min(BLOCK_ROWS, length - l)
    const first = l == 0
    for (i = 0; bytes - i >= 64; i += 64) wideStrip<T>(op, x + i, out + i, rows, step, first)
    for (; bytes - i >= 16; i += 16) narrowStrip<T>(op, x + i, out + i, rows, step, 16, first)
    if (i < bytes) narrowStrip<T>(op, x + i, out + i, rows, step, bytes - i, first)
    x += <usize>BLOCK_ROWS * step
    l += BLOCK_ROWS
  } while (l < length)
}

@inline
function reduceRow<T>(op: i32, x: usize, bytes: usize): T {
  if (isFloat<T>() && op <= SUM_OF_SQUARES) return <T>rowSum<T>(x, bytes, op == SUM_OF_SQUARES ? 1 : 0)
  if (isFloat<T>() && op == MAXIMUM) return rowMaximumOrNaN<T>(x, bytes)
  const whole = wholeVectors(bytes)
  let s = neutral<T>(op)
  let o: usize = 0
  for (; o < whole; o += 16) s = combine<T>(op, s, v128.load(x + o))
  if (o < bytes) s = combine<T>(op, s, loadTailOver(x + o, bytes - o, neutral<T>(op)))
  s = combine<T>(op, s, i64x2.shuffle(s, s, 1, 1))
  if (sizeof<T>() == 4) s = combine<T>(op, s, i32x4.shuffle(s, s, 1, 1, 1, 1))
  return v128.extract_lane<T>(s, 0)
}

@inline
function reduce<T>(
  op: i32,
  x: usize,
  out: usize,
  outer: i32,
  length: i32,
  inner: i32,
  xOuter: i32,
  xLength: i32
): void {
  const outerStep = <usize>xOuter * sizeof<T>()
  const step = <usize>xLength * sizeof<T>()
  const bytes = <usize>inner * sizeof<T>()
  if (inner == 1 && xLength == 1) {
    const rowBytes = <usize>length * sizeof<T>()
    for (let o = 0; o < outer; o++, x += outerStep) {
      store<T>(out + <usize>o * sizeof<T>(), reduceRow<T>(op, x, rowBytes))
    }
    return
  }
  for (let o = 0; o < outer; o++, x += outerStep, out += bytes) {
    reduceRows<T>(op, x, out, length, step, bytes)
  }
}

export function reduce_sum_f32(
  x: usize,
  out: usize,
  outer: i32,
  length: i32,
  inner: i32,
  xOuter: i32,
  xLength: i32
): void {
  reduce<f32>(SUM, x, out, outer, length, inner, xOuter, xLength)
}

export function reduce_sum_f64(
  x: usize,
  out: usize,
  outer: i32,
  length: i32,
  inner: i32,
  xOuter: i32,
  xLength: i32
): void {
  reduce<f64>(SUM, x, out, outer, length, inner, xOuter, xLength)
}

export function reduce_sum_i32(
  x: usize,
  out: usize,
  outer: i32,
  length: i32,
  inner: i32,
  xOuter: i32,
  xLength: i32
): void {
  reduce<i32>(SUM, x, out, outer, length, inner, xOuter, xLength)
}

export function reduce_sumOfSquares_f32(
  x: usize,
  out: usize,
  outer: i32,
  length: i32,
  inner: i32,
  xOuter: i32,
  xLength: i32
): void {
  reduce<f32>(SUM_OF_SQUARES, x, out, outer, length, inner, xOuter, xLength)
}

export function reduce_sumOfSquares_f64(
  x: usize,
  out: usize,
  outer: i32,
  length: i32,
  inner: i32,
  xOuter: i32,
  xLength: i32
): void {
  reduce<f64>(SUM_OF_SQUARES, x, out, outer, length, inner, xOuter, xLength)
}

export function reduce_max_f32(
  x: usize,
  out: usize,
  outer: i32,
  length: i32,
  inner: i32,
  xOuter: i32,
  xLength: i32
): void {
  reduce<f32>(MAXIMUM, x, out, outer, length, inner, xOuter, xLength)
}

export function reduce_max_f64(
  x: usize,
  out: usize,
  outer: i32,
  length: i32,
  inner: i32,
  xOuter: i32,
  xLength: i32
): void {
  reduce<f64>(MAXIMUM, x, out, outer, length, inner, xOuter, xLength)
}

export function reduce_max_i32(
  x: usize,
  out: usize,
  outer: i32,
  length: i32,
  inner: i32,
  xOuter: i32,
  xLength: i32
): void {
  reduce<i32>(MAXIMUM, x, out, outer, length, inner, xOuter, xLength)
}

export function reduce_min_f32(
  x: usize,
  out: usize,
  outer: i32,
  length: i32,
  inner: i32,
  xOuter: i32,
  xLength: i32
): void {
  reduce<f32>(MINIMUM, x, out, outer, length, inner, xOuter, xLength)
}

export function reduce_min_f64(
  x: usize,
  out: usize,
  outer: i32,
  length: i32,
  inner: i32,
  xOuter: i32,
  xLength: i32
): void {
  reduce<f64>(MINIMUM, x, out, outer, length, inner, xOuter, xLength)
}

export function reduce_min_i32(
  x: usize,
  out: usize,
  outer: i32,
  length: i32,
  inner: i32,
  xOuter: i32,
  xLength: i32
): void {
  reduce<i32>(MINIMUM, x, out, outer, length, inner, xOuter, xLength)
}
