// out[i] = value

import { storeTail, wholeVectors } from "./lanes"

@inline
function fill(out: usize, value: v128, bytes: usize): void {
  const whole = wholeVectors(bytes)
  let o: usize = 0
  for (; o < whole; o += 16) v128.store(out + o, value)
  if (o < bytes) storeTail(out + o, value, bytes - o)
}

// Also serves int32: the value is the float with the same bits
export function fill_32(out: usize, value: f32, n: i32): void {
  fill(out, i32x4.splat(reinterpret<i32>(value)), <usize>n * 4)
}

export function fill_64(out: usize, value: f64, n: i32): void {
  fill(out, i64x2.splat(reinterpret<i64>(value)), <usize>n * 8)
}
