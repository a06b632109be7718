// Softmax along rows, whole or causally masked, and its gradient. out may be x (y, g).

import { expNonPositive } from "./math"
import { loadTail, multiplyAdd, splat, storeTail, sumLanes, tailMask, wholeVectors, zeros } from "./lanes"
import { rowDot, rowMaximum } from "./rows"

const BLOCK: usize = 4096

// out = exp(scale x - shift); returns its sum
@inline
function exponentials<T>(x: usize, out: usize, bytes: usize, scale: T, shift: T): f64 {
  const factor = v128.splat<T>(scale)
  const offset = v128.splat<T>(-shift)
  const whole = wholeVectors(bytes)
  let total: f64 = 0
  let o: usize = 0
  while (o < whole) {
    const end = min(whole, o + BLOCK)
    let s = zeros()
    for (; o < end; o += 16) {
      const e = expNonPositive<T>(multiplyAdd<T>(v128.load(x + o), factor, offset))
      v128.store(out + o, e)
      s = v128.add<T>(s, e)
    }
    total += sumLanes<T>(s)
  }
  if (o < bytes) {
    const e = expNonPositive<T>(multiplyAdd<T>(loadTail(x + o, bytes - o), factor, offset))
    storeTail(out + o, e, bytes - o)
    total += sumLanes<T>(v128.and(e, tailMask(bytes - o)))
  }
  return total
}

// out *= factor
@inline
function scaleRow<T>(out: usize, bytes: usize, factor: T): void {
  const f = v128.splat<T>(factor)
  let o: usize = 0
  for (; bytes - o >= 64; o += 64) {
    const a = v128.mul<T>(v128.load(out + o), f)
    const b = v128.mul<T>(v128.load(out + o, 16), f)
    const c = v128.mul<T>(v128.load(out + o, 32), f)
    const d = v128.mul<T>(v128.load(out + o, 48), f)
    v128.store(out + o, a)
    v128.store(out + o, b, 16)
    v128.store(out + o, c, 32)
    v128.store(out + o, d, 48)
  }
  for (; bytes - o >= 16; o += 16) v128.store(out + o, v128.mul<T>(v128.load(out + o), f))
  for (; o < bytes; o += sizeof<T>()) store<T>(out + o, load<T>(out + o) * factor)
}

@inline
function softmaxRow<T>(x: usize, out: usize, bytes: usize, scale: T): void {
  const shift = scale * rowMaximum<T>(x, bytes)
  const sum = exponentials<T>(x, out, bytes, scale, shift)
  scaleRow<T>(out, bytes, <T>(1 / sum))
}

// out = scale y (g - sum(y g))
@inline
function gradientRow<T>(y: usize, g: usize, out: usize, bytes: usize, scale: T): void {
  const whole = wholeVectors(bytes)
  const mean = splat<T>(rowDot<T>(y, g, bytes))
  const factor = v128.splat<T>(scale)
  let o: usize = 0
  for (; o < whole; o += 16) {
    const d = v128.sub<T>(v128.load(g + o), mean)
    v128.store(out + o, v128.mul<T>(v128.mul<T>(v128.load(y + o), factor), d))
  }
  if (o < bytes) {
    const d = v128.sub<T>(loadTail(g + o, bytes - o), mean)
    storeTail(out + o, v128.mul<T>(v128.mul<T>(loadTail(y + o, bytes - o), factor), d), bytes - o)
  }
}

@inline
function softmax<T>(x: usize, out: usize, rows: i32, columns: i32): void {
  const bytes = <usize>columns * sizeof<T>()
  for (let r = 0; r < rows; r++, x += bytes, out += bytes) softmaxRow<T>(x, out, bytes, 1)
}

@inline
function softmaxGradient<T>(y: usize, g: usize, out: usize, rows: i32, columns: i32): void {
  const bytes = <usize>columns * sizeof<T>()
  for (let r = 0; r < rows; r++, y += bytes, g += bytes, out += bytes) gradientRow<T>(y, g, out, bytes, 1)
}

// A call of memory.fill costs as much as a loop over some 1000 bytes
@inline
function clear(out: usize, bytes: usize): void {
  if (bytes > 1024) {
    memory.fill(out, 0, bytes)
    return
  }
  let o: usize = 0
  for (; bytes - o >= 16; o += 16) v128.store(out + o, zeros())
  if (o < bytes) storeTail(out + o, zeros(), bytes - o)
}

// The columns c <= r + offset of a row
@inline
function visibleColumns(r: i32, offset: i32, columns: i32): usize {
  return <usize>max(0, min(columns, r + offset + 1))
}

// Softmax of scale x, scale > 0, over the columns c <= r + offset; 0 in the others
@inline
function causalSoftmax<T>(x: usize, out: usize, rows: i32, columns: i32, scale: T, offset: i32): void {
  const bytes = <usize>columns * sizeof<T>()
  for (let r = 0; r < rows; r++, x += bytes, out += bytes) {
    const visible = visibleColumns(r, offset, columns) * sizeof<T>()
    if (visible > 0) softmaxRow<T>(x, out, visible, scale)
    clear(out + visible, bytes - visible)
  }
}

@inline
function causalSoftmaxGradient<T>(
  y: usize,
  g: usize,
  out: usize,
  rows: i32,
  columns: i32,
  scale: T,
  offset: i32
): void {
  const bytes = <usize>columns * sizeof<T>()
  for (let r = 0; r < rows; r++, y += bytes, g += bytes, out += bytes) {
    const visible = visibleColumns(r, offset, columns) * sizeof<T>()
    gradientRow<T>(y, g, out, visible, scale)
    clear(out + visible, bytes - visible)
  }
}

export function softmax_f32(x: usize, out: usize, rows: i32, columns: i32): void {
  softmax<f32>(x, out, rows, columns)
}

export function softmaxGradient_f32(y: usize, g: usize, out: usize, rows: i32, columns: i32): void {
  softmaxGradient<f32>(y, g, out, rows, columns)
}

export function causalSoftmax_f32(
  x: usize,
  out: usize,
  rows: i32,
  columns: i32,
  scale: f32,
  offset: i32
): void {
  causalSoftmax<f32>(x, out, rows, columns, scale, offset)
}

export function causalSoftmaxGradient_f32(
  y: usize,
  g: usize,
  out: usize,
  rows: i32,
  columns: i32,
  scale: f32,
  offset: i32
): void {
  causalSoftmaxGradient<f32>(y, g, out, rows, columns, scale, offset)
}

export function softmax_f64(x: usize, out: usize, rows: i32, columns: i32): void {
  softmax<f64>(x, out, rows, columns)
}

export function softmaxGradient_f64(y: usize, g: usize, out: usize, rows: i32, columns: i32): void {
  softmaxGradient<f64>(y, g, out, rows, columns)
}

export function causalSoftmax_f64(
  x: usize,
  out: usize,
  rows: i32,
  columns: i32,
  scale: f64,
  offset: i32
): void {
  causalSoftmax<f64>(x, out, rows, columns, scale, offset)
}

export function causalSoftmaxGradient_f64(
  y: usize,
  g: usize,
  out: usize,
  rows: i32,
  columns: i32,
  scale: f64,
  offset: i32
): void {
  causalSoftmaxGradient<f64>(y, g, out, rows, columns, scale, offset)
}
