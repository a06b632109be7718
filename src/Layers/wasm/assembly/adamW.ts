// One AdamW step in place (Loshchilov and Hutter 2019, algorithm 2): g = scale gradient, m = beta1 m + (1 -
// beta1) g, v = beta2 v + (1 - beta2) g^2, p -= rate ((m / correction1) / (sqrt(v / correction2) + epsilon) +
// weightDecay p).

import { loadTail, multiplyAdd, splat, storeTail, subtractProduct, wholeVectors } from "./lanes"

@inline
function adamW<T>(
  parameter: usize,
  gradient: usize,
  first: usize,
  second: usize,
  n: i32,
  scale: usize,
  rate: f64,
  beta1: f64,
  beta2: f64,
  epsilon: f64,
  weightDecay: f64,
  correction1: f64,
  correction2: f64
): void {
  const bytes = <usize>n * sizeof<T>()
  const clip = v128.load_splat<T>(scale)
  const keep1 = splat<T>(beta1)
  const keep2 = splat<T>(beta2)
  const take1 = splat<T>(1 - beta1)
  const take2 = splat<T>(1 - beta2)
  const step = splat<T>(-rate / correction1)
  const decay = splat<T>(rate * weightDecay)
  const spread = splat<T>(1 / correction2)
  const floor = splat<T>(epsilon)
  const whole = wholeVectors(bytes)
  let o: usize = 0
  for (; o < whole; o += 16) {
    const g = v128.mul<T>(v128.load(gradient + o), clip)
    const m = multiplyAdd<T>(keep1, v128.load(first + o), v128.mul<T>(take1, g))
    const v = multiplyAdd<T>(keep2, v128.load(second + o), v128.mul<T>(take2, v128.mul<T>(g, g)))
    v128.store(first + o, m)
    v128.store(second + o, v)
    const p = v128.load(parameter + o)
    v128.store(parameter + o, v128.add<T>(p, change<T>(p, m, v, step, spread, floor, decay)))
  }
  if (o < bytes) {
    const rest = bytes - o
    const g = v128.mul<T>(loadTail(gradient + o, rest), clip)
    const m = multiplyAdd<T>(keep1, loadTail(first + o, rest), v128.mul<T>(take1, g))
    const v = multiplyAdd<T>(keep2, loadTail(second + o, rest), v128.mul<T>(take2, v128.mul<T>(g, g)))
    storeTail(first + o, m, rest)
    storeTail(second + o, v, rest)
    const p = loadTail(parameter + o, rest)
    storeTail(parameter + o, v128.add<T>(p, change<T>(p, m, v, step, spread, floor, decay)), rest)
  }
}

// step m / (sqrt(v spread) + floor) - decay p
@inline
function change<T>(p: v128, m: v128, v: v128, step: v128, spread: v128, floor: v128, decay: v128): v128 {
  const deviation = v128.add<T>(v128.sqrt<T>(v128.mul<T>(v, spread)), floor)
  return subtractProduct<T>(decay, p, v128.div<T>(v128.mul<T>(m, step), deviation))
}

export function adamW_f32(
  parameter: usize,
  gradient: usize,
  first: usize,
  second: usize,
  n: i32,
  scale: usize,
  rate: f64,
  beta1: f64,
  beta2: f64,
  epsilon: f64,
  weightDecay: f64,
  correction1: f64,
  correction2: f64
): void {
  adamW<f32>(
    parameter,
    gradient,
    first,
    second,
    n,
    scale,
    rate,
    beta1,
    beta2,
    epsilon,
    weightDecay,
    correction1,
    correction2
  )
}

export function adamW_f64(
  parameter: usize,
  gradient: usize,
  first: usize,
  second: usize,
  n: i32,
  scale: usize,
  rate: f64,
  beta1: f64,
  beta2: f64,
  epsilon: f64,
  weightDecay: f64,
  correction1: f64,
  correction2: f64
): void {
  adamW<f64>(
    parameter,
    gradient,
    first,
    second,
    n,
    scale,
    rate,
    beta1,
    beta2,
    epsilon,
    weightDecay,
    correction1,
    correction2
  )
}
