// Dropout by a counter: element i is kept where a hash of its index and the seed, 32 bits, is at least rate *
// 2^32. The same elements are kept in float32 and float64, in any order and on any number of threads;
// DropoutHash.ts is the reference in TypeScript.

import { loadTail, splat, storeTail } from "./lanes"

// The finaliser of C. Wellons' and T. Ettinger's search for 32-bit hashes of low bias
@inline
function mix(x: u32): u32 {
  x ^= x >> 16
  x *= 0x21f0aaad
  x ^= x >> 15
  x *= 0xd35a2d97
  return x ^ (x >> 15)
}

@inline
function mixLanes(x: v128): v128 {
  x = v128.xor(x, i32x4.shr_u(x, 16))
  x = i32x4.mul(x, i32x4.splat(0x21f0aaad))
  x = v128.xor(x, i32x4.shr_u(x, 15))
  x = i32x4.mul(x, i32x4.splat(0xd35a2d97))
  return v128.xor(x, i32x4.shr_u(x, 15))
}

// All bits set where an element is kept
@inline
function keptLanes(index: v128, firstKey: v128, secondKey: v128, threshold: v128): v128 {
  return i32x4.ge_u(mixLanes(i32x4.add(mixLanes(v128.xor(index, firstKey)), secondKey)), threshold)
}

// x / (1 - rate) where kept; 0 (not -0, nor NaN) elsewhere
@inline
function dropout<T>(x: usize, out: usize, n: i32, start: u32, rate: f64, seedLow: u32, seedHigh: u32): void {
  if (rate >= 1) {
    memory.fill(out, 0, <usize>n * sizeof<T>())
    return
  }
  const scalarKey = mix(seedLow ^ mix(seedHigh + 0x9e3779b9))
  const firstKey = i32x4.splat(scalarKey)
  const secondKey = i32x4.splat(mix(scalarKey + seedHigh))
  const threshold = i32x4.splat(<u32>ceil(max<f64>(rate, 0) * 4294967296.0))
  const factor = splat<T>(1 / (1 - rate))
  const four = i32x4.splat(4)
  let index = i32x4.add(i32x4.splat(start), i32x4(0, 1, 2, 3))
  let left = n
  if (left >= 4) {
    // The condition stands last so that V8 takes what does not change out of the loop
    do {
      const kept = keptLanes(index, firstKey, secondKey, threshold)
      if (sizeof<T>() == 4) {
        v128.store(out, v128.and(v128.mul<T>(v128.load(x), factor), kept))
      } else {
        const low = i64x2.extend_low_i32x4_s(kept)
        const high = i64x2.extend_high_i32x4_s(kept)
        v128.store(out, v128.and(v128.mul<T>(v128.load(x), factor), low))
        v128.store(out, v128.and(v128.mul<T>(v128.load(x, 16), factor), high), 16)
      }
      index = i32x4.add(index, four)
      x += 4 * sizeof<T>()
      out += 4 * sizeof<T>()
      left -= 4
    } while (left >= 4)
  }
  if (left > 0) {
    const kept = keptLanes(index, firstKey, secondKey, threshold)
    const bytes = <usize>left * sizeof<T>()
    if (sizeof<T>() == 4) {
      storeTail(out, v128.and(v128.mul<T>(loadTail(x, bytes), factor), kept), bytes)
    } else {
      const low = i64x2.extend_low_i32x4_s(kept)
      const high = i64x2.extend_high_i32x4_s(kept)
      if (bytes >= 16) v128.store(out, v128.and(v128.mul<T>(v128.load(x), factor), low))
      else v128.store64_lane(out, v128.and(v128.mul<T>(v128.load64_zero(x), factor), low), 0)
      if (bytes == 24)
        v128.store64_lane(out, v128.and(v128.mul<T>(v128.load64_zero(x, 16), factor), high), 0, 16)
    }
  }
}

export function dropout_f32(
  x: usize,
  out: usize,
  n: i32,
  start: u32,
  rate: f64,
  seedLow: u32,
  seedHigh: u32
): void {
  dropout<f32>(x, out, n, start, rate, seedLow, seedHigh)
}

export function dropout_f64(
  x: usize,
  out: usize,
  n: i32,
  start: u32,
  rate: f64,
  seedLow: u32,
  seedHigh: u32
): void {
  dropout<f64>(x, out, n, start, rate, seedLow, seedHigh)
}
