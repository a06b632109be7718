// out[r, c] = f(a[r, c], b[r, c]); out: [rows, columns] contiguous. aRow and bRow step from row to row in
// elements (0 broadcasts), aColumn and bColumn within a row (0 or 1).

import { loadTail, storeTail } from "./lanes"
import { geluDerivative } from "./math"
import { power } from "./power"

const ADD: i32 = 0
const SUBTRACT: i32 = 1
const MULTIPLY: i32 = 2
const DIVIDE: i32 = 3
const POWER: i32 = 4
const MAXIMUM: i32 = 5
const MINIMUM: i32 = 6
const GELU_GRADIENT: i32 = 7

@inline
function apply<T>(op: i32, a: v128, b: v128): v128 {
  if (op == ADD) return v128.add<T>(a, b)
  if (op == SUBTRACT) return v128.sub<T>(a, b)
  if (op == MULTIPLY) return v128.mul<T>(a, b)
  if (op == MAXIMUM) return v128.max<T>(a, b)
  if (op == MINIMUM) return v128.min<T>(a, b)
  if (isFloat<T>()) {
    if (op == DIVIDE) return v128.div<T>(a, b)
    if (op == POWER) return power<T>(a, b)
    if (op == GELU_GRADIENT) return v128.mul<T>(geluDerivative<T>(a), b)
  }
  return a
}

// One row of bytes; a column of 0 repeats the first element. Operations of one instruction go four vectors at
// a time
@inline
function row<T>(op: i32, a: usize, b: usize, out: usize, bytes: usize, aColumn: i32, bColumn: i32): void {
  const x = v128.load_splat<T>(a)
  const y = v128.load_splat<T>(b)
  let o: usize = 0
  if (op != POWER && op != GELU_GRADIENT) {
    for (; bytes - o >= 64; o += 64) {
      const c = apply<T>(op, aColumn ? v128.load(a + o) : x, bColumn ? v128.load(b + o) : y)
      const d = apply<T>(op, aColumn ? v128.load(a + o, 16) : x, bColumn ? v128.load(b + o, 16) : y)
      const e = apply<T>(op, aColumn ? v128.load(a + o, 32) : x, bColumn ? v128.load(b + o, 32) : y)
      const f = apply<T>(op, aColumn ? v128.load(a + o, 48) : x, bColumn ? v128.load(b + o, 48) : y)
      v128.store(out + o, c)
      v128.store(out + o, d, 16)
      v128.store(out + o, e, 32)
      v128.store(out + o, f, 48)
    }
  }
  for (; bytes - o >= 16; o += 16) {
    v128.store(out + o, apply<T>(op, aColumn ? v128.load(a + o) : x, bColumn ? v128.load(b + o) : y))
  }
  if (o < bytes) {
    const rest = bytes - o
    const v = apply<T>(op, aColumn ? loadTail(a + o, rest) : x, bColumn ? loadTail(b + o, rest) : y)
    storeTail(out + o, v, rest)
  }
}

@inline
function binary<T>(
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
  if (rows <= 0 || columns <= 0) return
  if (columns == 1 && <u32>aRow <= 1 && <u32>bRow <= 1) {
    columns = rows
    rows = 1
    aColumn = aRow
    bColumn = bRow
  } else if (aColumn == 1 && bColumn == 1 && aRow == columns && bRow == columns) {
    columns *= rows
    rows = 1
  }
  const bytes = <usize>columns * sizeof<T>()
  const aStep = <usize>aRow * sizeof<T>()
  const bStep = <usize>bRow * sizeof<T>()
  for (let r = 0; r < rows; r++) {
    if (aColumn && bColumn) row<T>(op, a, b, out, bytes, 1, 1)
    else if (aColumn) row<T>(op, a, b, out, bytes, 1, 0)
    else if (bColumn) row<T>(op, a, b, out, bytes, 0, 1)
    else row<T>(op, a, b, out, bytes, 0, 0)
    a += aStep
    b += bStep
    out += bytes
  }
}

export function binary_add_f32(
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
  binary<f32>(ADD, a, b, out, rows, columns, aRow, aColumn, bRow, bColumn)
}

export function binary_add_f64(
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
  binary<f64>(ADD, a, b, out, rows, columns, aRow, aColumn, bRow, bColumn)
}

export function binary_add_i32(
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
  binary<i32>(ADD, a, b, out, rows, columns, aRow, aColumn, bRow, bColumn)
}

export function binary_subtract_f32(
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
  binary<f32>(SUBTRACT, a, b, out, rows, columns, aRow, aColumn, bRow, bColumn)
}

export function binary_subtract_f64(
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
  binary<f64>(SUBTRACT, a, b, out, rows, columns, aRow, aColumn, bRow, bColumn)
}

export function binary_subtract_i32(
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
  binary<i32>(SUBTRACT, a, b, out, rows, columns, aRow, aColumn, bRow, bColumn)
}

export function binary_multiply_f32(
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
  binary<f32>(MULTIPLY, a, b, out, rows, columns, aRow, aColumn, bRow, bColumn)
}

export function binary_multiply_f64(
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
  binary<f64>(MULTIPLY, a, b, out, rows, columns, aRow, aColumn, bRow, bColumn)
}

export function binary_multiply_i32(
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
  binary<i32>(MULTIPLY, a, b, out, rows, columns, aRow, aColumn, bRow, bColumn)
}

export function binary_divide_f32(
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
  binary<f32>(DIVIDE, a, b, out, rows, columns, aRow, aColumn, bRow, bColumn)
}

export function binary_divide_f64(
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
  binary<f64>(DIVIDE, a, b, out, rows, columns, aRow, aColumn, bRow, bColumn)
}

export function binary_power_f32(
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
  binary<f32>(POWER, a, b, out, rows, columns, aRow, aColumn, bRow, bColumn)
}

export function binary_power_f64(
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
  binary<f64>(POWER, a, b, out, rows, columns, aRow, aColumn, bRow, bColumn)
}

export function binary_maximum_f32(
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
  binary<f32>(MAXIMUM, a, b, out, rows, columns, aRow, aColumn, bRow, bColumn)
}

export function binary_maximum_f64(
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
  binary<f64>(MAXIMUM, a, b, out, rows, columns, aRow, aColumn, bRow, bColumn)
}

export function binary_maximum_i32(
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
  binary<i32>(MAXIMUM, a, b, out, rows, columns, aRow, aColumn, bRow, bColumn)
}

export function binary_minimum_f32(
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
  binary<f32>(MINIMUM, a, b, out, rows, columns, aRow, aColumn, bRow, bColumn)
}

export function binary_minimum_f64(
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
  binary<f64>(MINIMUM, a, b, out, rows, columns, aRow, aColumn, bRow, bColumn)
}

export function binary_minimum_i32(
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
  binary<i32>(MINIMUM, a, b, out, rows, columns, aRow, aColumn, bRow, bColumn)
}

export function binary_geluGradient_f32(
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
  binary<f32>(GELU_GRADIENT, a, b, out, rows, columns, aRow, aColumn, bRow, bColumn)
}

export function binary_geluGradient_f64(
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
  binary<f64>(GELU_GRADIENT, a, b, out, rows, columns, aRow, aColumn, bRow, bColumn)
}
