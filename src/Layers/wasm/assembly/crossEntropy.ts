// Cross entropy of rows of logits against int32 targets, and its gradient. A negative target counts for
// nothing. logits, out: [rows, columns]; targets, losses, logSumExp, g: [rows].

import { expNonPositive } from "./math"
import { loadTail, loadTailOver, multiplyAdd, splat, storeTail, sumLanes, wholeVectors, zeros } from "./lanes"
import { rowMaximum } from "./rows"
import { logarithm } from "./scalar"

const BLOCK: usize = 4096

// Sum of exp(scale x - shift), where none is above 1 but for rounding
@inline
export function sumOfExponentials<T>(x: usize, bytes: usize, scale: T, shift: T): f64 {
  const factor = v128.splat<T>(scale)
  const offset = v128.splat<T>(-shift)
  const whole = wholeVectors(bytes)
  let total: f64 = 0
  let o: usize = 0
  while (o < whole) {
    const end = min(whole, o + BLOCK)
    let s = zeros()
    for (; o < end; o += 16) {
      s = v128.add<T>(s, expNonPositive<T>(multiplyAdd<T>(v128.load(x + o), factor, offset)))
    }
    total += sumLanes<T>(s)
  }
  if (o < bytes) {
    const v = loadTailOver(x + o, bytes - o, splat<T>(-Infinity))
    total += sumLanes<T>(expNonPositive<T>(multiplyAdd<T>(v, factor, offset)))
  }
  return total
}

// log sum exp(scale x), scale > 0
@inline
export function rowLogSumExp<T>(x: usize, bytes: usize, scale: T): T {
  const shift = scale * rowMaximum<T>(x, bytes)
  return <T>(<f64>shift + logarithm(sumOfExponentials<T>(x, bytes, scale, shift)))
}

@inline
function crossEntropy<T>(
  logits: usize,
  targets: usize,
  losses: usize,
  logSumExp: usize,
  rows: i32,
  columns: i32
): void {
  const bytes = <usize>columns * sizeof<T>()
  for (let r = 0; r < rows; r++, logits += bytes) {
    const o = <usize>r * sizeof<T>()
    const target = load<i32>(targets + ((<usize>r) << 2))
    const normaliser = rowLogSumExp<T>(logits, bytes, 1)
    store<T>(logSumExp + o, normaliser)
    let loss: T = 0
    if (target >= 0) loss = normaliser - load<T>(logits + <usize>target * sizeof<T>())
    store<T>(losses + o, loss)
  }
}

// out = g (softmax(logits) - onehot(target))
@inline
function crossEntropyGradient<T>(
  logits: usize,
  targets: usize,
  logSumExp: usize,
  g: usize,
  out: usize,
  rows: i32,
  columns: i32
): void {
  const bytes = <usize>columns * sizeof<T>()
  const whole = wholeVectors(bytes)
  for (let r = 0; r < rows; r++, logits += bytes, out += bytes) {
    const target = load<i32>(targets + ((<usize>r) << 2))
    if (target < 0) {
      memory.fill(out, 0, bytes)
      continue
    }
    const weight = load<T>(g + <usize>r * sizeof<T>())
    const factor = v128.splat<T>(weight)
    const normaliser = v128.load_splat<T>(logSumExp + <usize>r * sizeof<T>())
    let o: usize = 0
    for (; o < whole; o += 16) {
      const p = expNonPositive<T>(v128.sub<T>(v128.load(logits + o), normaliser))
      v128.store(out + o, v128.mul<T>(p, factor))
    }
    if (o < bytes) {
      const p = expNonPositive<T>(v128.sub<T>(loadTail(logits + o, bytes - o), normaliser))
      storeTail(out + o, v128.mul<T>(p, factor), bytes - o)
    }
    const hit = out + <usize>target * sizeof<T>()
    store<T>(hit, load<T>(hit) - weight)
  }
}

export function crossEntropy_f32(
  logits: usize,
  targets: usize,
  losses: usize,
  logSumExp: usize,
  rows: i32,
  columns: i32
): void {
  crossEntropy<f32>(logits, targets, losses, logSumExp, rows, columns)
}

export function crossEntropyGradient_f32(
  logits: usize,
  targets: usize,
  logSumExp: usize,
  g: usize,
  out: usize,
  rows: i32,
  columns: i32
): void {
  crossEntropyGradient<f32>(logits, targets, logSumExp, g, out, rows, columns)
}

export function crossEntropy_f64(
  logits: usize,
  targets: usize,
  losses: usize,
  logSumExp: usize,
  rows: i32,
  columns: i32
): void {
  crossEntropy<f64>(logits, targets, losses, logSumExp, rows, columns)
}

export function crossEntropyGradient_f64(
  logits: usize,
  targets: usize,
  logSumExp: usize,
  g: usize,
  out: usize,
  rows: i32,
  columns: i32
): void {
  crossEntropyGradient<f64>(logits, targets, logSumExp, g, out, rows, columns)
}
