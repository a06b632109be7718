// The first index of each row's maximum; NaN counts as larger than everything.

import { wholeVectors } from "./lanes"
import { rowMaximumOrNaN } from "./rows"

// The first element that equals value, or is NaN where value is
@inline
function firstIndex<T>(x: usize, bytes: usize, value: T): i32 {
  const wanted = v128.splat<T>(value)
  const whole = wholeVectors(bytes)
  const isNaN = value != value
  let o: usize = 0
  for (; o < whole; o += 16) {
    const v = v128.load(x + o)
    if (v128.any_true(isNaN ? v128.ne<T>(v, v) : v128.eq<T>(v, wanted))) break
  }
  for (; o < bytes; o += sizeof<T>()) {
    const element = load<T>(x + o)
    if (isNaN ? element != element : element == value) return <i32>(o / sizeof<T>())
  }
  return 0
}

@inline
function argmax<T>(x: usize, out: usize, rows: i32, columns: i32): void {
  const bytes = <usize>columns * sizeof<T>()
  for (let r = 0; r < rows; r++, x += bytes, out += 4) {
    const greatest = rowMaximumOrNaN<T>(x, bytes)
    store<i32>(out, firstIndex<T>(x, bytes, greatest))
  }
}

export function argmax_f32(x: usize, out: usize, rows: i32, columns: i32): void {
  argmax<f32>(x, out, rows, columns)
}

export function argmax_f64(x: usize, out: usize, rows: i32, columns: i32): void {
  argmax<f64>(x, out, rows, columns)
}
