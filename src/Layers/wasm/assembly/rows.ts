// Sums and maxima along one contiguous row, used by the reductions and by every row-wise kernel.

import { loadTail, loadTailOver, maximumLane, multiplyAdd, splat, sumLanes, tailMask, zeros } from "./lanes"

// Partial sums of float32 hold at most 64 terms a lane before they go on in float64
const BLOCK: usize = 4096

// Adds x, or x^2 where squares is 1
@inline
function accumulate<T>(sum: v128, x: v128, squares: i32): v128 {
  return squares ? multiplyAdd<T>(x, x, sum) : v128.add<T>(sum, x)
}

@inline
export function rowSum<T>(x: usize, bytes: usize, squares: i32): f64 {
  let total: f64 = 0
  let o: usize = 0
  while (bytes - o >= 128) {
    const end = o + min<usize>((bytes - o) & ~127, BLOCK)
    let s0 = zeros()
    let s1 = zeros()
    let s2 = zeros()
    let s3 = zeros()
    let s4 = zeros()
    let s5 = zeros()
    let s6 = zeros()
    let s7 = zeros()
    for (; o < end; o += 128) {
      s0 = accumulate<T>(s0, v128.load(x + o), squares)
      s1 = accumulate<T>(s1, v128.load(x + o, 16), squares)
      s2 = accumulate<T>(s2, v128.load(x + o, 32), squares)
      s3 = accumulate<T>(s3, v128.load(x + o, 48), squares)
      s4 = accumulate<T>(s4, v128.load(x + o, 64), squares)
      s5 = accumulate<T>(s5, v128.load(x + o, 80), squares)
      s6 = accumulate<T>(s6, v128.load(x + o, 96), squares)
      s7 = accumulate<T>(s7, v128.load(x + o, 112), squares)
    }
    s0 = v128.add<T>(v128.add<T>(s0, s1), v128.add<T>(s2, s3))
    s4 = v128.add<T>(v128.add<T>(s4, s5), v128.add<T>(s6, s7))
    total += sumLanes<T>(v128.add<T>(s0, s4))
  }
  let s = zeros()
  for (; bytes - o >= 16; o += 16) s = accumulate<T>(s, v128.load(x + o), squares)
  if (o < bytes) s = accumulate<T>(s, loadTail(x + o, bytes - o), squares)
  return total + sumLanes<T>(s)
}

// The greatest x, NaN aside; -Infinity of none
@inline
export function rowMaximum<T>(x: usize, bytes: usize): T {
  const least = splat<T>(-Infinity)
  let m0 = least
  let m1 = least
  let m2 = least
  let m3 = least
  let o: usize = 0
  for (; bytes - o >= 64; o += 64) {
    m0 = v128.pmax<T>(m0, v128.load(x + o))
    m1 = v128.pmax<T>(m1, v128.load(x + o, 16))
    m2 = v128.pmax<T>(m2, v128.load(x + o, 32))
    m3 = v128.pmax<T>(m3, v128.load(x + o, 48))
  }
  for (; bytes - o >= 16; o += 16) m0 = v128.pmax<T>(m0, v128.load(x + o))
  if (o < bytes) m1 = v128.pmax<T>(m1, loadTailOver(x + o, bytes - o, least))
  return maximumLane<T>(v128.pmax<T>(v128.pmax<T>(m0, m1), v128.pmax<T>(m2, m3)))
}

// The greatest x, NaN where some element is; -Infinity of none
@inline
export function rowMaximumOrNaN<T>(x: usize, bytes: usize): T {
  const least = splat<T>(-Infinity)
  let m0 = least
  let m1 = least
  let m2 = least
  let m3 = least
  let strange = zeros()
  let o: usize = 0
  for (; bytes - o >= 64; o += 64) {
    const a = v128.load(x + o)
    const b = v128.load(x + o, 16)
    const c = v128.load(x + o, 32)
    const d = v128.load(x + o, 48)
    m0 = v128.pmax<T>(m0, a)
    m1 = v128.pmax<T>(m1, b)
    m2 = v128.pmax<T>(m2, c)
    m3 = v128.pmax<T>(m3, d)
    strange = v128.or(strange, v128.or(unordered<T>(a, b), unordered<T>(c, d)))
  }
  for (; bytes - o >= 16; o += 16) {
    const a = v128.load(x + o)
    m0 = v128.pmax<T>(m0, a)
    strange = v128.or(strange, unordered<T>(a, a))
  }
  if (o < bytes) {
    const a = loadTailOver(x + o, bytes - o, least)
    m1 = v128.pmax<T>(m1, a)
    strange = v128.or(strange, unordered<T>(a, a))
  }
  if (v128.any_true(strange)) return <T>NaN
  return maximumLane<T>(v128.pmax<T>(v128.pmax<T>(m0, m1), v128.pmax<T>(m2, m3)))
}

// All bits set in the lanes where a or b is NaN
@inline
function unordered<T>(a: v128, b: v128): v128 {
  return v128.or(v128.ne<T>(a, a), v128.ne<T>(b, b))
}

// Sum of a b
@inline
export function rowDot<T>(a: usize, b: usize, bytes: usize): f64 {
  let total: f64 = 0
  let o: usize = 0
  while (bytes - o >= 64) {
    const end = o + min<usize>((bytes - o) & ~63, BLOCK)
    let s0 = zeros()
    let s1 = zeros()
    let s2 = zeros()
    let s3 = zeros()
    for (; o < end; o += 64) {
      s0 = multiplyAdd<T>(v128.load(a + o), v128.load(b + o), s0)
      s1 = multiplyAdd<T>(v128.load(a + o, 16), v128.load(b + o, 16), s1)
      s2 = multiplyAdd<T>(v128.load(a + o, 32), v128.load(b + o, 32), s2)
      s3 = multiplyAdd<T>(v128.load(a + o, 48), v128.load(b + o, 48), s3)
    }
    total += sumLanes<T>(v128.add<T>(v128.add<T>(s0, s1), v128.add<T>(s2, s3)))
  }
  let s = zeros()
  for (; bytes - o >= 16; o += 16) s = multiplyAdd<T>(v128.load(a + o), v128.load(b + o), s)
  if (o < bytes) s = multiplyAdd<T>(loadTail(a + o, bytes - o), loadTail(b + o, bytes - o), s)
  return total + sumLanes<T>(s)
}

// Sum of (x - mean)^2
@inline
export function rowSquaredDeviations<T>(x: usize, bytes: usize, mean: v128): f64 {
  let total: f64 = 0
  let o: usize = 0
  while (bytes - o >= 64) {
    const end = o + min<usize>((bytes - o) & ~63, BLOCK)
    let s0 = zeros()
    let s1 = zeros()
    let s2 = zeros()
    let s3 = zeros()
    for (; o < end; o += 64) {
      const a = v128.sub<T>(v128.load(x + o), mean)
      const b = v128.sub<T>(v128.load(x + o, 16), mean)
      const c = v128.sub<T>(v128.load(x + o, 32), mean)
      const d = v128.sub<T>(v128.load(x + o, 48), mean)
      s0 = multiplyAdd<T>(a, a, s0)
      s1 = multiplyAdd<T>(b, b, s1)
      s2 = multiplyAdd<T>(c, c, s2)
      s3 = multiplyAdd<T>(d, d, s3)
    }
    total += sumLanes<T>(v128.add<T>(v128.add<T>(s0, s1), v128.add<T>(s2, s3)))
  }
  let s = zeros()
  for (; bytes - o >= 16; o += 16) {
    const d = v128.sub<T>(v128.load(x + o), mean)
    s = multiplyAdd<T>(d, d, s)
  }
  if (o < bytes) {
    const d = v128.and(v128.sub<T>(loadTail(x + o, bytes - o), mean), tailMask(bytes - o))
    s = multiplyAdd<T>(d, d, s)
  }
  return total + sumLanes<T>(s)
}
