// 128-bit vectors of T: f32 and i32 fill four lanes, f64 two. Offsets and lengths are bytes, so that a whole
// vector is always 16 of them; a tail is what is left, 4, 8 or 12 bytes.

@inline
export function splat<T>(x: f64): v128 {
  return v128.splat<T>(<T>x)
}

// a * b + c, rounded once where the machine has FMA and twice elsewhere
@inline
export function multiplyAdd<T>(a: v128, b: v128, c: v128): v128 {
  return v128.relaxed_madd<T>(a, b, c)
}

// c - a * b
@inline
export function subtractProduct<T>(a: v128, b: v128, c: v128): v128 {
  return v128.relaxed_nmadd<T>(a, b, c)
}

@inline
export function zeros(): v128 {
  return i32x4.splat(0)
}

// The lanes of a whole vector that fit in bytes
@inline
export function wholeVectors(bytes: usize): usize {
  return bytes & ~15
}

// Loads 4, 8 or 12 bytes; the lanes beyond are 0
@inline
export function loadTail(pointer: usize, bytes: usize): v128 {
  if (bytes == 8) return v128.load64_zero(pointer)
  if (bytes == 4) return v128.load32_zero(pointer)
  return v128.load32_lane(pointer, v128.load64_zero(pointer), 2, 8)
}

// Loads 4, 8 or 12 bytes; the lanes beyond are those of filler
@inline
export function loadTailOver(pointer: usize, bytes: usize, filler: v128): v128 {
  if (bytes == 8) return v128.load64_lane(pointer, filler, 0)
  if (bytes == 4) return v128.load32_lane(pointer, filler, 0)
  return v128.load32_lane(pointer, v128.load64_lane(pointer, filler, 0), 2, 8)
}

// Stores the first 4, 8 or 12 bytes
@inline
export function storeTail(pointer: usize, x: v128, bytes: usize): void {
  if (bytes == 4) {
    v128.store32_lane(pointer, x, 0)
    return
  }
  v128.store64_lane(pointer, x, 0)
  if (bytes == 12) v128.store32_lane(pointer, x, 2, 8)
}

// All bits set in the first bytes bytes of a vector
@inline
export function tailMask(bytes: usize): v128 {
  return i32x4.gt_s(i32x4.splat(<i32>bytes), i32x4(0, 4, 8, 12))
}

@inline
export function sumLanes<T>(x: v128): f64 {
  if (sizeof<T>() == 8) {
    return f64x2.extract_lane(x, 0) + f64x2.extract_lane(x, 1)
  }
  const pair = f64x2.add(f64x2.promote_low_f32x4(x), f64x2.promote_low_f32x4(upperHalf(x)))
  return f64x2.extract_lane(pair, 0) + f64x2.extract_lane(pair, 1)
}

// Lanes 2 and 3 of four moved to lanes 0 and 1
@inline
export function upperHalf(x: v128): v128 {
  return i64x2.shuffle(x, x, 1, 1)
}

// The greatest lane, NaN aside
@inline
export function maximumLane<T>(x: v128): T {
  let y = v128.pmax<T>(x, upperHalf(x))
  if (sizeof<T>() == 4) y = v128.pmax<T>(y, i32x4.shuffle(y, y, 1, 1, 1, 1))
  return v128.extract_lane<T>(y, 0)
}
