// Copies a strided box of at most eight dimensions: out[sum i_d outStrides_d] = x[sum i_d xStrides_d]. meta:
// int32 [sizes(rank), xStrides(rank), outStrides(rank)], strides in elements; 0 among xStrides broadcasts.
//
// The box is walked by a recursion over its outer dimensions that ends in one of three kernels, chosen once:
// a run of contiguous elements, a run of one repeated element, or a plane whose rows lie along x and whose
// columns lie along out.

import { storeTail, wholeVectors } from "./lanes"

@inline
function sizeOf(meta: usize, rank: i32, d: i32): i32 {
  return load<i32>(meta + ((<usize>d) << 2))
}

@inline
function xStride(meta: usize, rank: i32, d: i32): i32 {
  return load<i32>(meta + ((<usize>(rank + d)) << 2))
}

@inline
function outStride(meta: usize, rank: i32, d: i32): i32 {
  return load<i32>(meta + ((<usize>(2 * rank + d)) << 2))
}

// Short runs go by vectors: a call of memory.copy costs as much as copying some 256 bytes
@inline
export function copyBytes(x: usize, out: usize, bytes: usize): void {
  if (bytes > 512) {
    memory.copy(out, x, bytes)
    return
  }
  let o: usize = 0
  for (; bytes - o >= 64; o += 64) {
    const a = v128.load(x + o)
    const b = v128.load(x + o, 16)
    const c = v128.load(x + o, 32)
    const d = v128.load(x + o, 48)
    v128.store(out + o, a)
    v128.store(out + o, b, 16)
    v128.store(out + o, c, 32)
    v128.store(out + o, d, 48)
  }
  for (; bytes - o >= 16; o += 16) v128.store(out + o, v128.load(x + o))
  if (bytes & 8) {
    store<u64>(out + o, load<u64>(x + o))
    o += 8
  }
  if (bytes & 4) store<u32>(out + o, load<u32>(x + o))
}

@inline
function repeat<T>(x: usize, out: usize, bytes: usize): void {
  const value = v128.load_splat<T>(x)
  const whole = wholeVectors(bytes)
  let o: usize = 0
  for (; o < whole; o += 16) v128.store(out + o, value)
  if (o < bytes) storeTail(out + o, value, bytes - o)
}

@inline
function line<T>(x: usize, out: usize, n: i32, xStep: usize, outStep: usize): void {
  for (let i = 0; i < n; i++, x += xStep, out += outStep) store<T>(out, load<T>(x))
}

// out[i, j] = x[j, i] for i < m, j < n; xStep and outStep are the bytes from row to row
@inline
function transpose4(x: usize, out: usize, xStep: usize, outStep: usize): void {
  const a = v128.load(x)
  const b = v128.load(x + xStep)
  const c = v128.load(x + 2 * xStep)
  const d = v128.load(x + 3 * xStep)
  const ab = i32x4.shuffle(a, b, 0, 4, 1, 5)
  const cd = i32x4.shuffle(c, d, 0, 4, 1, 5)
  const ef = i32x4.shuffle(a, b, 2, 6, 3, 7)
  const gh = i32x4.shuffle(c, d, 2, 6, 3, 7)
  v128.store(out, i64x2.shuffle(ab, cd, 0, 2))
  v128.store(out + outStep, i64x2.shuffle(ab, cd, 1, 3))
  v128.store(out + 2 * outStep, i64x2.shuffle(ef, gh, 0, 2))
  v128.store(out + 3 * outStep, i64x2.shuffle(ef, gh, 1, 3))
}

@inline
function transpose2(x: usize, out: usize, xStep: usize, outStep: usize): void {
  const a = v128.load(x)
  const b = v128.load(x + xStep)
  v128.store(out, i64x2.shuffle(a, b, 0, 2))
  v128.store(out + outStep, i64x2.shuffle(a, b, 1, 3))
}

// Edge of the tiles of a transposed plane, so that lines of both sides stay in the first cache
const TILE: i32 = 32

@inline
function transposePlane<T>(x: usize, out: usize, m: i32, n: i32, xStep: usize, outStep: usize): void {
  const w = <i32>(16 / sizeof<T>())
  for (let j0 = 0; j0 < n; j0 += TILE) {
    const j1 = min(n, j0 + TILE)
    for (let i0 = 0; i0 < m; i0 += TILE) {
      const i1 = min(m, i0 + TILE)
      let i = i0
      for (; i + w <= i1; i += w) {
        let j = j0
        let from = x + <usize>j * xStep + <usize>i * sizeof<T>()
        let to = out + <usize>i * outStep + <usize>j * sizeof<T>()
        for (; j + w <= j1; j += w, from += <usize>w * xStep, to += 16) {
          if (sizeof<T>() == 4) transpose4(from, to, xStep, outStep)
          else transpose2(from, to, xStep, outStep)
        }
        for (; j < j1; j++, from += xStep, to += sizeof<T>()) line<T>(from, to, w, sizeof<T>(), outStep)
      }
      for (; i < i1; i++) {
        line<T>(
          x + <usize>j0 * xStep + <usize>i * sizeof<T>(),
          out + <usize>i * outStep + <usize>j0 * sizeof<T>(),
          j1 - j0,
          xStep,
          sizeof<T>()
        )
      }
    }
  }
}

const RUN: i32 = 0
const REPEAT: i32 = 1
const PLANE: i32 = 2
const LINE: i32 = 3

// Walks the dimensions d.. below last, other than skipped, and applies the kernel to each point
function walk<T>(
  x: usize,
  out: usize,
  d: i32,
  last: i32,
  skipped: i32,
  rank: i32,
  meta: usize,
  kernel: i32,
  m: i32,
  n: i32,
  xStep: usize,
  outStep: usize
): void {
  while (d < last && (d == skipped || sizeOf(meta, rank, d) == 1)) d++
  if (d >= last) {
    if (kernel == RUN) copyBytes(x, out, <usize>n * sizeof<T>())
    else if (kernel == REPEAT) repeat<T>(x, out, <usize>n * sizeof<T>())
    else if (kernel == PLANE) transposePlane<T>(x, out, m, n, xStep, outStep)
    else line<T>(x, out, n, xStep, outStep)
    return
  }
  const size = sizeOf(meta, rank, d)
  const xNext = <usize>xStride(meta, rank, d) * sizeof<T>()
  const outNext = <usize>outStride(meta, rank, d) * sizeof<T>()
  for (let i = 0; i < size; i++, x += xNext, out += outNext) {
    walk<T>(x, out, d + 1, last, skipped, rank, meta, kernel, m, n, xStep, outStep)
  }
}

function copy<T>(x: usize, out: usize, rank: i32, meta: usize): void {
  for (let d = 0; d < rank; d++) if (sizeOf(meta, rank, d) <= 0) return
  // The trailing dimensions that form one run: last is the first of them
  let last = rank
  while (last > 0 && sizeOf(meta, rank, last - 1) == 1) last--
  if (last == 0) {
    store<T>(out, load<T>(x))
    return
  }
  const xInner = xStride(meta, rank, last - 1)
  const outInner = outStride(meta, rank, last - 1)
  let n = sizeOf(meta, rank, last - 1)
  let inner = last - 1
  if (outInner == 1 && (xInner == 1 || xInner == 0)) {
    for (let d = inner - 1; d >= 0; d--) {
      const size = sizeOf(meta, rank, d)
      if (size == 1) {
        inner = d
        continue
      }
      if (outStride(meta, rank, d) != n || xStride(meta, rank, d) != xInner * n) break
      n *= size
      inner = d
    }
    walk<T>(x, out, 0, inner, -1, rank, meta, xInner ? RUN : REPEAT, 1, n, 0, 0)
    return
  }
  // The dimension along x, where the last one lies along out (or the other way round)
  if (outInner == 1 || xInner == 1) {
    for (let d = inner - 1; d >= 0; d--) {
      const size = sizeOf(meta, rank, d)
      if (size == 1) continue
      if (outInner == 1 && xStride(meta, rank, d) == 1) {
        const xStep = <usize>xInner * sizeof<T>()
        const outStep = <usize>outStride(meta, rank, d) * sizeof<T>()
        walk<T>(x, out, 0, inner, d, rank, meta, PLANE, size, n, xStep, outStep)
        return
      }
      if (xInner == 1 && outStride(meta, rank, d) == 1) {
        const xStep = <usize>xStride(meta, rank, d) * sizeof<T>()
        const outStep = <usize>outInner * sizeof<T>()
        walk<T>(x, out, 0, inner, d, rank, meta, PLANE, n, size, xStep, outStep)
        return
      }
    }
  }
  const xStep = <usize>xInner * sizeof<T>()
  const outStep = <usize>outInner * sizeof<T>()
  walk<T>(x, out, 0, inner, -1, rank, meta, LINE, 1, n, xStep, outStep)
}

export function copy_32(x: usize, out: usize, rank: i32, meta: usize): void {
  copy<f32>(x, out, rank, meta)
}

export function copy_64(x: usize, out: usize, rank: i32, meta: usize): void {
  copy<f64>(x, out, rank, meta)
}
