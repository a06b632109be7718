// out[i] = f(x[i]); out may be x.

import { loadTail, splat, storeTail } from "./lanes"
import { exp, gelu, log, relu, sigmoid, sign, tanh } from "./math"
import { cos, sin } from "./trigonometry"

const NEGATE: i32 = 0
const ABS: i32 = 1
const SQUARE: i32 = 2
const SIGN: i32 = 3
const EXP: i32 = 4
const LOG: i32 = 5
const SQRT: i32 = 6
const RECIPROCAL: i32 = 7
const TANH: i32 = 8
const SIGMOID: i32 = 9
const RELU: i32 = 10
const GELU: i32 = 11
const SIN: i32 = 12
const COS: i32 = 13
const FLOOR: i32 = 14

@inline
function apply<T>(op: i32, x: v128): v128 {
  if (op == NEGATE) return v128.neg<T>(x)
  if (op == ABS) return v128.abs<T>(x)
  if (op == SQUARE) return v128.mul<T>(x, x)
  if (op == SIGN) return sign<T>(x)
  if (isFloat<T>()) {
    if (op == EXP) return exp<T>(x)
    if (op == LOG) return log<T>(x)
    if (op == SQRT) return v128.sqrt<T>(x)
    if (op == RECIPROCAL) return v128.div<T>(splat<T>(1), x)
    if (op == TANH) return tanh<T>(x)
    if (op == SIGMOID) return sigmoid<T>(x)
    if (op == RELU) return relu<T>(x)
    if (op == GELU) return gelu<T>(x)
    if (op == SIN) return sin<T>(x)
    if (op == COS) return cos<T>(x)
    if (op == FLOOR) return v128.floor<T>(x)
  }
  return x
}

// Operations of one instruction go four vectors at a time
@inline
function isCheap(op: i32): bool {
  return op <= SQUARE || op == SQRT || op == RECIPROCAL || op == RELU || op == FLOOR
}

@inline
function unary<T>(op: i32, x: usize, out: usize, n: i32): void {
  const bytes = <usize>n * sizeof<T>()
  let o: usize = 0
  if (isCheap(op)) {
    for (; bytes - o >= 64; o += 64) {
      const a = apply<T>(op, v128.load(x + o))
      const b = apply<T>(op, v128.load(x + o, 16))
      const c = apply<T>(op, v128.load(x + o, 32))
      const d = apply<T>(op, v128.load(x + o, 48))
      v128.store(out + o, a)
      v128.store(out + o, b, 16)
      v128.store(out + o, c, 32)
      v128.store(out + o, d, 48)
    }
  }
  for (; bytes - o >= 16; o += 16) v128.store(out + o, apply<T>(op, v128.load(x + o)))
  if (o < bytes) storeTail(out + o, apply<T>(op, loadTail(x + o, bytes - o)), bytes - o)
}

export function unary_negate_f32(x: usize, out: usize, n: i32): void {
  unary<f32>(NEGATE, x, out, n)
}

export function unary_negate_f64(x: usize, out: usize, n: i32): void {
  unary<f64>(NEGATE, x, out, n)
}

export function unary_negate_i32(x: usize, out: usize, n: i32): void {
  unary<i32>(NEGATE, x, out, n)
}

export function unary_abs_f32(x: usize, out: usize, n: i32): void {
  unary<f32>(ABS, x, out, n)
}

export function unary_abs_f64(x: usize, out: usize, n: i32): void {
  unary<f64>(ABS, x, out, n)
}

export function unary_abs_i32(x: usize, out: usize, n: i32): void {
  unary<i32>(ABS, x, out, n)
}

export function unary_square_f32(x: usize, out: usize, n: i32): void {
  unary<f32>(SQUARE, x, out, n)
}

export function unary_square_f64(x: usize, out: usize, n: i32): void {
  unary<f64>(SQUARE, x, out, n)
}

export function unary_square_i32(x: usize, out: usize, n: i32): void {
  unary<i32>(SQUARE, x, out, n)
}

export function unary_sign_f32(x: usize, out: usize, n: i32): void {
  unary<f32>(SIGN, x, out, n)
}

export function unary_sign_f64(x: usize, out: usize, n: i32): void {
  unary<f64>(SIGN, x, out, n)
}

export function unary_sign_i32(x: usize, out: usize, n: i32): void {
  unary<i32>(SIGN, x, out, n)
}

export function unary_exp_f32(x: usize, out: usize, n: i32): void {
  unary<f32>(EXP, x, out, n)
}

export function unary_exp_f64(x: usize, out: usize, n: i32): void {
  unary<f64>(EXP, x, out, n)
}

export function unary_log_f32(x: usize, out: usize, n: i32): void {
  unary<f32>(LOG, x, out, n)
}

export function unary_log_f64(x: usize, out: usize, n: i32): void {
  unary<f64>(LOG, x, out, n)
}

export function unary_sqrt_f32(x: usize, out: usize, n: i32): void {
  unary<f32>(SQRT, x, out, n)
}

export function unary_sqrt_f64(x: usize, out: usize, n: i32): void {
  unary<f64>(SQRT, x, out, n)
}

export function unary_reciprocal_f32(x: usize, out: usize, n: i32): void {
  unary<f32>(RECIPROCAL, x, out, n)
}

export function unary_reciprocal_f64(x: usize, out: usize, n: i32): void {
  unary<f64>(RECIPROCAL, x, out, n)
}

export function unary_tanh_f32(x: usize, out: usize, n: i32): void {
  unary<f32>(TANH, x, out, n)
}

export function unary_tanh_f64(x: usize, out: usize, n: i32): void {
  unary<f64>(TANH, x, out, n)
}

export function unary_sigmoid_f32(x: usize, out: usize, n: i32): void {
  unary<f32>(SIGMOID, x, out, n)
}

export function unary_sigmoid_f64(x: usize, out: usize, n: i32): void {
  unary<f64>(SIGMOID, x, out, n)
}

export function unary_relu_f32(x: usize, out: usize, n: i32): void {
  unary<f32>(RELU, x, out, n)
}

export function unary_relu_f64(x: usize, out: usize, n: i32): void {
  unary<f64>(RELU, x, out, n)
}

export function unary_gelu_f32(x: usize, out: usize, n: i32): void {
  unary<f32>(GELU, x, out, n)
}

export function unary_gelu_f64(x: usize, out: usize, n: i32): void {
  unary<f64>(GELU, x, out, n)
}

export function unary_sin_f32(x: usize, out: usize, n: i32): void {
  unary<f32>(SIN, x, out, n)
}

export function unary_sin_f64(x: usize, out: usize, n: i32): void {
  unary<f64>(SIN, x, out, n)
}

export function unary_cos_f32(x: usize, out: usize, n: i32): void {
  unary<f32>(COS, x, out, n)
}

export function unary_cos_f64(x: usize, out: usize, n: i32): void {
  unary<f64>(COS, x, out, n)
}

export function unary_floor_f32(x: usize, out: usize, n: i32): void {
  unary<f32>(FLOOR, x, out, n)
}

export function unary_floor_f64(x: usize, out: usize, n: i32): void {
  unary<f64>(FLOOR, x, out, n)
}
