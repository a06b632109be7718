// out[i] = value

import { storeTail, wholeVectors } from "./lanes"

@inline
function fill(out: usize, value: v128, bytes: usize): void {
  const whole = wholeVectors(bytes)
  let o: usize = 0
  for (; o < whole; o += 16) v128.store(out + o, value)
  if (o < bytes) storeTail(out + o, value, bytes - o)
}

export function fill_32(out: usize, value: f32, n: i32): void {
  fill(out, i32x4.splat(reinterpret<i32>(value)), <usize>n * 4)
}

// Apart from fill_32, because a number that JavaScript passes as float32 may lose the bits of a NaN
export function fill_i32(out: usize, value: i32, n: i32): void {
  fill(out, i32x4.splat(value), <usize>n * 4)
}

export function fill_64(out: usize, value: f64, n: i32): void {
  fill(out, i64x2.splat(reinterpret<i64>(value)), <usize>n * 8)
}
