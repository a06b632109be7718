// Rows by index, and the sum of rows that share an index. Indices are the caller's to check.

import { loadTail, storeTail, wholeVectors } from "./lanes"
import { copyBytes } from "./copy"

// out[i, c] = x[indices[i], c]; indices: int32 [count], c < width
@inline
function gather<T>(x: usize, indices: usize, out: usize, count: i32, width: i32): void {
  const bytes = <usize>width * sizeof<T>()
  for (let i = 0; i < count; i++, indices += 4, out += bytes) {
    copyBytes(x + <usize>load<i32>(indices) * bytes, out, bytes)
  }
}

// out[indices[i], c] += x[i, c] for columnStart <= c < columnEnd
@inline
function segmentSum<T>(
  x: usize,
  indices: usize,
  out: usize,
  count: i32,
  width: i32,
  columnStart: i32,
  columnEnd: i32
): void {
  const step = <usize>width * sizeof<T>()
  const bytes = <usize>max(columnEnd - columnStart, 0) * sizeof<T>()
  const whole = wholeVectors(bytes)
  x += <usize>columnStart * sizeof<T>()
  out += <usize>columnStart * sizeof<T>()
  for (let i = 0; i < count; i++, indices += 4, x += step) {
    const row = out + <usize>load<i32>(indices) * step
    let o: usize = 0
    for (; o < whole; o += 16) v128.store(row + o, v128.add<T>(v128.load(row + o), v128.load(x + o)))
    if (o < bytes) {
      const rest = bytes - o
      storeTail(row + o, v128.add<T>(loadTail(row + o, rest), loadTail(x + o, rest)), rest)
    }
  }
}

export function gather_32(x: usize, indices: usize, out: usize, count: i32, width: i32): void {
  gather<f32>(x, indices, out, count, width)
}

export function gather_64(x: usize, indices: usize, out: usize, count: i32, width: i32): void {
  gather<f64>(x, indices, out, count, width)
}

export function segmentSum_f32(
  x: usize,
  indices: usize,
  out: usize,
  count: i32,
  width: i32,
  columnStart: i32,
  columnEnd: i32
): void {
  segmentSum<f32>(x, indices, out, count, width, columnStart, columnEnd)
}

export function segmentSum_f64(
  x: usize,
  indices: usize,
  out: usize,
  count: i32,
  width: i32,
  columnStart: i32,
  columnEnd: i32
): void {
  segmentSum<f64>(x, indices, out, count, width, columnStart, columnEnd)
}

export function segmentSum_i32(
  x: usize,
  indices: usize,
  out: usize,
  count: i32,
  width: i32,
  columnStart: i32,
  columnEnd: i32
): void {
  segmentSum<i32>(x, indices, out, count, width, columnStart, columnEnd)
}
