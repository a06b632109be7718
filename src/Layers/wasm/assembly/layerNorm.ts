// Layer normalisation of rows, out = (x - mean) / deviation * gain + bias, and its gradients.
// x, g, out, dx: [rows, columns]; mean, inverseDeviation: [rows]; gain, bias, dgain, dbias: [columns].

import { loadTail, multiplyAdd, splat, storeTail, sumLanes, wholeVectors, zeros } from "./lanes"
import { rowSquaredDeviations, rowSum } from "./rows"

const BLOCK: usize = 4096

@inline
function layerNorm<T>(
  x: usize,
  gain: usize,
  bias: usize,
  out: usize,
  mean: usize,
  inverseDeviation: usize,
  rows: i32,
  columns: i32,
  epsilon: f64
): void {
  const bytes = <usize>columns * sizeof<T>()
  const whole = wholeVectors(bytes)
  for (let r = 0; r < rows; r++, x += bytes, out += bytes) {
    const average = splat<T>(rowSum<T>(x, bytes, 0) / columns)
    const variance = rowSquaredDeviations<T>(x, bytes, average) / columns
    const inverse = splat<T>(1 / sqrt<f64>(variance + epsilon))
    store<T>(mean + <usize>r * sizeof<T>(), v128.extract_lane<T>(average, 0))
    store<T>(inverseDeviation + <usize>r * sizeof<T>(), v128.extract_lane<T>(inverse, 0))
    let o: usize = 0
    for (; o < whole; o += 16) {
      const normal = v128.mul<T>(v128.sub<T>(v128.load(x + o), average), inverse)
      v128.store(out + o, multiplyAdd<T>(normal, v128.load(gain + o), v128.load(bias + o)))
    }
    if (o < bytes) {
      const rest = bytes - o
      const normal = v128.mul<T>(v128.sub<T>(loadTail(x + o, rest), average), inverse)
      storeTail(out + o, multiplyAdd<T>(normal, loadTail(gain + o, rest), loadTail(bias + o, rest)), rest)
    }
  }
}

// dx = (h - average(h) - normal average(h normal)) / deviation with h = g gain, normal = (x - mean) /
// deviation
@inline
function layerNormGradientInput<T>(
  x: usize,
  gain: usize,
  mean: usize,
  inverseDeviation: usize,
  g: usize,
  dx: usize,
  rows: i32,
  columns: i32
): void {
  const bytes = <usize>columns * sizeof<T>()
  const whole = wholeVectors(bytes)
  for (let r = 0; r < rows; r++, x += bytes, g += bytes, dx += bytes) {
    const average = v128.load_splat<T>(mean + <usize>r * sizeof<T>())
    const inverse = v128.load_splat<T>(inverseDeviation + <usize>r * sizeof<T>())
    // The sums of h and of h (x - mean)
    let total: f64 = 0
    let aligned: f64 = 0
    let o: usize = 0
    while (o < whole) {
      const end = min(whole, o + BLOCK)
      let s0 = zeros()
      let s1 = zeros()
      let t0 = zeros()
      let t1 = zeros()
      for (; end - o >= 32; o += 32) {
        const h0 = v128.mul<T>(v128.load(g + o), v128.load(gain + o))
        const h1 = v128.mul<T>(v128.load(g + o, 16), v128.load(gain + o, 16))
        s0 = v128.add<T>(s0, h0)
        s1 = v128.add<T>(s1, h1)
        t0 = multiplyAdd<T>(h0, v128.sub<T>(v128.load(x + o), average), t0)
        t1 = multiplyAdd<T>(h1, v128.sub<T>(v128.load(x + o, 16), average), t1)
      }
      if (o < end) {
        const h = v128.mul<T>(v128.load(g + o), v128.load(gain + o))
        s0 = v128.add<T>(s0, h)
        t0 = multiplyAdd<T>(h, v128.sub<T>(v128.load(x + o), average), t0)
        o += 16
      }
      total += sumLanes<T>(v128.add<T>(s0, s1))
      aligned += sumLanes<T>(v128.add<T>(t0, t1))
    }
    if (o < bytes) {
      const rest = bytes - o
      const h = v128.mul<T>(loadTail(g + o, rest), loadTail(gain + o, rest))
      total += sumLanes<T>(h)
      aligned += sumLanes<T>(v128.mul<T>(h, v128.sub<T>(loadTail(x + o, rest), average)))
    }
    const offset = splat<T>(total / columns)
    const slope = v128.mul<T>(splat<T>(aligned / columns), v128.mul<T>(inverse, inverse))
    for (o = 0; o < whole; o += 16) {
      const h = v128.sub<T>(v128.mul<T>(v128.load(g + o), v128.load(gain + o)), offset)
      const d = v128.sub<T>(h, v128.mul<T>(slope, v128.sub<T>(v128.load(x + o), average)))
      v128.store(dx + o, v128.mul<T>(d, inverse))
    }
    if (o < bytes) {
      const rest = bytes - o
      const h = v128.sub<T>(v128.mul<T>(loadTail(g + o, rest), loadTail(gain + o, rest)), offset)
      const d = v128.sub<T>(h, v128.mul<T>(slope, v128.sub<T>(loadTail(x + o, rest), average)))
      storeTail(dx + o, v128.mul<T>(d, inverse), rest)
    }
  }
}

// Rows that pass together: their strips of 64 bytes stay in the first two caches, and the memory is read in
// order
const BLOCK_ROWS: i32 = 32

@inline
function loadStrip(pointer: usize, bytes: usize): v128 {
  return bytes == 16 ? v128.load(pointer) : loadTail(pointer, bytes)
}

// Stores sum, added to what is there but in the first block
@inline
function addStrip<T>(pointer: usize, sum: v128, bytes: usize, first: bool): void {
  if (bytes == 16) v128.store(pointer, first ? sum : v128.add<T>(sum, v128.load(pointer)))
  else storeTail(pointer, first ? sum : v128.add<T>(sum, loadTail(pointer, bytes)), bytes)
}

// dgain and dbias of at most 16 bytes of columns over a block of rows
@inline
function narrowStrip<T>(
  x: usize,
  mean: usize,
  inverseDeviation: usize,
  g: usize,
  dgain: usize,
  dbias: usize,
  rows: i32,
  step: usize,
  bytes: usize,
  first: bool
): void {
  let s = zeros()
  let t = zeros()
  for (let r = 0; r < rows; r++, x += step, g += step) {
    const average = v128.load_splat<T>(mean + <usize>r * sizeof<T>())
    const inverse = v128.load_splat<T>(inverseDeviation + <usize>r * sizeof<T>())
    const h = loadStrip(g, bytes)
    s = multiplyAdd<T>(v128.mul<T>(v128.sub<T>(loadStrip(x, bytes), average), inverse), h, s)
    t = v128.add<T>(t, h)
  }
  addStrip<T>(dgain, s, bytes, first)
  addStrip<T>(dbias, t, bytes, first)
}

// dgain and dbias of 64 bytes of columns over a block of rows
@inline
function wideStrip<T>(
  x: usize,
  mean: usize,
  inverseDeviation: usize,
  g: usize,
  dgain: usize,
  dbias: usize,
  rows: i32,
  step: usize,
  first: bool
): void {
  let s0 = zeros()
  let s1 = zeros()
  let s2 = zeros()
  let s3 = zeros()
  let t0 = zeros()
  let t1 = zeros()
  let t2 = zeros()
  let t3 = zeros()
  for (let r = 0; r < rows; r++, x += step, g += step) {
    const average = v128.load_splat<T>(mean + <usize>r * sizeof<T>())
    const inverse = v128.load_splat<T>(inverseDeviation + <usize>r * sizeof<T>())
    let h = v128.load(g)
    s0 = multiplyAdd<T>(v128.mul<T>(v128.sub<T>(v128.load(x), average), inverse), h, s0)
    t0 = v128.add<T>(t0, h)
    h = v128.load(g, 16)
    s1 = multiplyAdd<T>(v128.mul<T>(v128.sub<T>(v128.load(x, 16), average), inverse), h, s1)
    t1 = v128.add<T>(t1, h)
    h = v128.load(g, 32)
    s2 = multiplyAdd<T>(v128.mul<T>(v128.sub<T>(v128.load(x, 32), average), inverse), h, s2)
    t2 = v128.add<T>(t2, h)
    h = v128.load(g, 48)
    s3 = multiplyAdd<T>(v128.mul<T>(v128.sub<T>(v128.load(x, 48), average), inverse), h, s3)
    t3 = v128.add<T>(t3, h)
  }
  addStrip<T>(dgain, s0, 16, first)
  addStrip<T>(dgain + 16, s1, 16, first)
  addStrip<T>(dgain + 32, s2, 16, first)
  addStrip<T>(dgain + 48, s3, 16, first)
  addStrip<T>(dbias, t0, 16, first)
  addStrip<T>(dbias + 16, t1, 16, first)
  addStrip<T>(dbias + 32, t2, 16, first)
  addStrip<T>(dbias + 48, t3, 16, first)
}

@inline
function layerNormGradientParameters<T>(
  x: usize,
  mean: usize,
  inverseDeviation: usize,
  g: usize,
  dgain: usize,
  dbias: usize,
  rows: i32,
  columns: i32,
  columnStart: i32,
  columnEnd: i32
): void {
  const step = <usize>columns * sizeof<T>()
  const end = <usize>columnEnd * sizeof<T>()
  const blockStep = <usize>BLOCK_ROWS * sizeof<T>()
  let r = 0
  do {
    const count = min(BLOCK_ROWS, rows - r)
    const first = r == 0
    let o = <usize>columnStart * sizeof<T>()
    for (; o + 64 <= end; o += 64) {
      wideStrip<T>(x + o, mean, inverseDeviation, g + o, dgain + o, dbias + o, count, step, first)
    }
    for (; o + 16 <= end; o += 16) {
      narrowStrip<T>(x + o, mean, inverseDeviation, g + o, dgain + o, dbias + o, count, step, 16, first)
    }
    if (o < end) {
      const rest = end - o
      narrowStrip<T>(x + o, mean, inverseDeviation, g + o, dgain + o, dbias + o, count, step, rest, first)
    }
    x += <usize>BLOCK_ROWS * step
    g += <usize>BLOCK_ROWS * step
    mean += blockStep
    inverseDeviation += blockStep
    r += BLOCK_ROWS
  } while (r < rows)
}

export function layerNorm_f32(
  x: usize,
  gain: usize,
  bias: usize,
  out: usize,
  mean: usize,
  inverseDeviation: usize,
  rows: i32,
  columns: i32,
  epsilon: f64
): void {
  layerNorm<f32>(x, gain, bias, out, mean, inverseDeviation, rows, columns, epsilon)
}

export function layerNormGradientInput_f32(
  x: usize,
  gain: usize,
  mean: usize,
  inverseDeviation: usize,
  g: usize,
  dx: usize,
  rows: i32,
  columns: i32
): void {
  layerNormGradientInput<f32>(x, gain, mean, inverseDeviation, g, dx, rows, columns)
}

export function layerNormGradientParameters_f32(
  x: usize,
  mean: usize,
  inverseDeviation: usize,
  g: usize,
  dgain: usize,
  dbias: usize,
  rows: i32,
  columns: i32,
  columnStart: i32,
  columnEnd: i32
): void {
  layerNormGradientParameters<f32>(
    x,
    mean,
    inverseDeviation,
    g,
    dgain,
    dbias,
    rows,
    columns,
    columnStart,
    columnEnd
  )
}

export function layerNorm_f64(
  x: usize,
  gain: usize,
  bias: usize,
  out: usize,
  mean: usize,
  inverseDeviation: usize,
  rows: i32,
  columns: i32,
  epsilon: f64
): void {
  layerNorm<f64>(x, gain, bias, out, mean, inverseDeviation, rows, columns, epsilon)
}

export function layerNormGradientInput_f64(
  x: usize,
  gain: usize,
  mean: usize,
  inverseDeviation: usize,
  g: usize,
  dx: usize,
  rows: i32,
  columns: i32
): void {
  layerNormGradientInput<f64>(x, gain, mean, inverseDeviation, g, dx, rows, columns)
}

export function layerNormGradientParameters_f64(
  x: usize,
  mean: usize,
  inverseDeviation: usize,
  g: usize,
  dgain: usize,
  dbias: usize,
  rows: i32,
  columns: i32,
  columnStart: i32,
  columnEnd: i32
): void {
  layerNormGradientParameters<f64>(
    x,
    mean,
    inverseDeviation,
    g,
    dgain,
    dbias,
    rows,
    columns,
    columnStart,
    columnEnd
  )
}
