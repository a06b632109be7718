// out[r, c] = a[r, c] ? b[r, c], int32 0 or 1, broadcast like the binary kernels; and selection by such a
// condition.

import { splat, wholeVectors } from "./lanes"

const EQUAL: i32 = 0
const LESS: i32 = 1
const LESS_EQUAL: i32 = 2

@inline
function holds<T>(op: i32, a: T, b: T): i32 {
  if (op == EQUAL) return a == b ? 1 : 0
  if (op == LESS) return a < b ? 1 : 0
  return a <= b ? 1 : 0
}

@inline
function mask<T>(op: i32, a: v128, b: v128): v128 {
  if (op == EQUAL) return v128.eq<T>(a, b)
  if (op == LESS) return v128.lt<T>(a, b)
  return v128.le<T>(a, b)
}

@inline
function at(pointer: usize, offset: usize, column: i32, value: v128): v128 {
  return column ? v128.load(pointer + offset) : value
}

@inline
function compare<T>(
  op: i32,
  a: usize,
  b: usize,
  out: usize,
  rows: i32,
  columns: i32,
  aRow: i32,
  aColumn: i32,
  bRow: i32,
  bColumn: i32
): void {
  const aStep = <usize>aRow * sizeof<T>()
  const bStep = <usize>bRow * sizeof<T>()
  for (let r = 0; r < rows; r++, a += aStep, b += bStep) {
    let c = 0
    if (columns >= 4) {
      const aFirst = v128.load_splat<T>(a)
      const bFirst = v128.load_splat<T>(b)
      for (; c + 4 <= columns; c += 4, out += 16) {
        const o = <usize>c * sizeof<T>()
        let m = mask<T>(op, at(a, o, aColumn, aFirst), at(b, o, bColumn, bFirst))
        if (sizeof<T>() == 8) {
          const n = mask<T>(op, at(a, o + 16, aColumn, aFirst), at(b, o + 16, bColumn, bFirst))
          m = i32x4.shuffle(m, n, 0, 2, 4, 6)
        }
        v128.store(out, i32x4.shr_u(m, 31))
      }
    }
    for (; c < columns; c++, out += 4) {
      const x = load<T>(a + <usize>(c * aColumn) * sizeof<T>())
      const y = load<T>(b + <usize>(c * bColumn) * sizeof<T>())
      store<i32>(out, holds<T>(op, x, y))
    }
  }
}

// out[i] = condition[i] ? a[i] : b[i]; condition: int32
@inline
function choose<T>(condition: usize, a: usize, b: usize, out: usize, n: i32): void {
  const zero = splat<i32>(0)
  const whole = wholeVectors((<usize>n) << 2)
  let o: usize = 0
  for (; o < whole; o += 16) {
    const m = i32x4.ne(v128.load(condition + o), zero)
    if (sizeof<T>() == 4) {
      v128.store(out + o, v128.bitselect(v128.load(a + o), v128.load(b + o), m))
    } else {
      const p = o << 1
      const low = i64x2.extend_low_i32x4_s(m)
      const high = i64x2.extend_high_i32x4_s(m)
      const first = v128.bitselect(v128.load(a + p), v128.load(b + p), low)
      const second = v128.bitselect(v128.load(a + p, 16), v128.load(b + p, 16), high)
      v128.store(out + p, first)
      v128.store(out + p, second, 16)
    }
  }
  for (let i = <i32>(o >> 2); i < n; i++) {
    const p = <usize>i * sizeof<T>()
    store<T>(out + p, load<i32>(condition + ((<usize>i) << 2)) ? load<T>(a + p) : load<T>(b + p))
  }
}

export function select_32(condition: usize, a: usize, b: usize, out: usize, n: i32): void {
  choose<i32>(condition, a, b, out, n)
}

export function select_64(condition: usize, a: usize, b: usize, out: usize, n: i32): void {
  choose<i64>(condition, a, b, out, n)
}

export function compare_equal_f32(
  a: usize,
  b: usize,
  out: usize,
  rows: i32,
  columns: i32,
  aRow: i32,
  aColumn: i32,
  bRow: i32,
  bColumn: i32
): void {
  compare<f32>(EQUAL, a, b, out, rows, columns, aRow, aColumn, bRow, bColumn)
}

export function compare_equal_f64(
  a: usize,
  b: usize,
  out: usize,
  rows: i32,
  columns: i32,
  aRow: i32,
  aColumn: i32,
  bRow: i32,
  bColumn: i32
): void {
  compare<f64>(EQUAL, a, b, out, rows, columns, aRow, aColumn, bRow, bColumn)
}

export function compare_equal_i32(
  a: usize,
  b: usize,
  out: usize,
  rows: i32,
  columns: i32,
  aRow: i32,
  aColumn: i32,
  bRow: i32,
  bColumn: i32
): void {
  compare<i32>(EQUAL, a, b, out, rows, columns, aRow, aColumn, bRow, bColumn)
}

export function compare_less_f32(
  a: usize,
  b: usize,
  out: usize,
  rows: i32,
  columns: i32,
  aRow: i32,
  aColumn: i32,
  bRow: i32,
  bColumn: i32
): void {
  compare<f32>(LESS, a, b, out, rows, columns, aRow, aColumn, bRow, bColumn)
}

export function compare_less_f64(
  a: usize,
  b: usize,
  out: usize,
  rows: i32,
  columns: i32,
  aRow: i32,
  aColumn: i32,
  bRow: i32,
  bColumn: i32
): void {
  compare<f64>(LESS, a, b, out, rows, columns, aRow, aColumn, bRow, bColumn)
}

export function compare_less_i32(
  a: usize,
  b: usize,
  out: usize,
  rows: i32,
  columns: i32,
  aRow: i32,
  aColumn: i32,
  bRow: i32,
  bColumn: i32
): void {
  compare<i32>(LESS, a, b, out, rows, columns, aRow, aColumn, bRow, bColumn)
}

export function compare_lessEqual_f32(
  a: usize,
  b: usize,
  out: usize,
  rows: i32,
  columns: i32,
  aRow: i32,
  aColumn: i32,
  bRow: i32,
  bColumn: i32
): void {
  compare<f32>(LESS_EQUAL, a, b, out, rows, columns, aRow, aColumn, bRow, bColumn)
}

export function compare_lessEqual_f64(
  a: usize,
  b: usize,
  out: usize,
  rows: i32,
  columns: i32,
  aRow: i32,
  aColumn: i32,
  bRow: i32,
  bColumn: i32
): void {
  compare<f64>(LESS_EQUAL, a, b, out, rows, columns, aRow, aColumn, bRow, bColumn)
}

export function compare_lessEqual_i32(
  a: usize,
  b: usize,
  out: usize,
  rows: i32,
  columns: i32,
  aRow: i32,
  aColumn: i32,
  bRow: i32,
  bColumn: i32
): void {
  compare<i32>(LESS_EQUAL, a, b, out, rows, columns, aRow, aColumn, bRow, bColumn)
}
