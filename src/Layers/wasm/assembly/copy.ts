// Copies a strided box of at most eight dimensions: out[sum i_d outStrides_d] = x[sum i_d xStrides_d]. meta:
// int32 [sizes(rank), xStrides(rank), outStrides(rank)], strides in elements; 0 among xStrides broadcasts.
//
// The box is walked by a recursion over its outer dimensions that ends in a kernel chosen once: a run of
// contiguous elements, a run of one repeated element, a grid of runs, a plane whose rows lie along x and
// whose columns lie along out, or else a line.

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

// out[i, j] = x[j, i] for i, j < 4; xStep and outStep are the bytes from row to row
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

@inline
function transposeBlock<T>(x: usize, out: usize, i: i32, j: i32, xStep: usize, outStep: usize): void {
  const from = x + <usize>j * xStep + <usize>i * sizeof<T>()
  const to = out + <usize>i * outStep + <usize>j * sizeof<T>()
  if (sizeof<T>() == 4) transpose4(from, to, xStep, outStep)
  else transpose2(from, to, xStep, outStep)
}

// Edge of the tiles of a transposed plane, so that the lines of both sides stay in the first cache
const TILE: i32 = 32

// out[i, j] = x[j, i] for i < m, j < n. Within a tile the side whose rows lie farther apart, where lines may
// compete for the same place in the cache, is passed line by line.
@inline
function transposePlane<T>(x: usize, out: usize, m: i32, n: i32, xStep: usize, outStep: usize): void {
  const w = <i32>(16 / sizeof<T>())
  for (let j0 = 0; j0 < n; j0 += TILE) {
    const j1 = min(n, j0 + TILE)
    const jWhole = j0 + ((j1 - j0) & -w)
    for (let i0 = 0; i0 < m; i0 += TILE) {
      const i1 = min(m, i0 + TILE)
      const iWhole = i0 + ((i1 - i0) & -w)
      if (xStep > outStep) {
        for (let j = j0; j < jWhole; j += w) {
          for (let i = i0; i < iWhole; i += w) transposeBlock<T>(x, out, i, j, xStep, outStep)
        }
      } else {
        for (let i = i0; i < iWhole; i += w) {
          for (let j = j0; j < jWhole; j += w) transposeBlock<T>(x, out, i, j, xStep, outStep)
        }
      }
      for (let j = jWhole; j < j1; j++) {
        const from = x + <usize>j * xStep + <usize>i0 * sizeof<T>()
        const to = out + <usize>i0 * outStep + <usize>j * sizeof<T>()
        line<T>(from, to, i1 - i0, sizeof<T>(), outStep)
      }
      for (let i = iWhole; i < i1; i++) {
        const from = x + <usize>j0 * xStep + <usize>i * sizeof<T>()
        const to = out + <usize>i * outStep + <usize>j0 * sizeof<T>()
        line<T>(from, to, jWhole - j0, xStep, sizeof<T>())
      }
    }
  }
}

const RUN: i32 = 0
const REPEAT: i32 = 1
const LINE: i32 = 2
const PLANE: i32 = 3
const PLANE_ACROSS: i32 = 4
const GRID: i32 = 5

// Copies the dimensions that walk has left: a run of n elements; the line of dimension last; the plane of
// last and other, one along x and one along out; or the runs of the grid of last and other
@inline
function copyRest<T>(
  x: usize,
  out: usize,
  last: i32,
  other: i32,
  rank: i32,
  meta: usize,
  kernel: i32,
  n: i32
): void {
  if (kernel == RUN) {
    copyBytes(x, out, <usize>n * sizeof<T>())
    return
  }
  if (kernel == REPEAT) {
    repeat<T>(x, out, <usize>n * sizeof<T>())
    return
  }
  const size = sizeOf(meta, rank, last)
  const xStep = <usize>xStride(meta, rank, last) * sizeof<T>()
  const outStep = <usize>outStride(meta, rank, last) * sizeof<T>()
  if (kernel == LINE) {
    line<T>(x, out, size, xStep, outStep)
    return
  }
  const otherSize = sizeOf(meta, rank, other)
  const xOther = <usize>xStride(meta, rank, other) * sizeof<T>()
  const outOther = <usize>outStride(meta, rank, other) * sizeof<T>()
  if (kernel == PLANE) {
    transposePlane<T>(x, out, otherSize, size, xStep, outOther)
    return
  }
  if (kernel == PLANE_ACROSS) {
    transposePlane<T>(x, out, size, otherSize, xOther, outStep)
    return
  }
  for (let i = 0; i < size; i++, x += xStep, out += outStep) {
    let from = x
    let to = out
    for (let j = 0; j < otherSize; j++, from += xOther, to += outOther) {
      copyBytes(from, to, <usize>n * sizeof<T>())
    }
  }
}

// Walks the dimensions from d to last, other aside, and copies the rest at each of their points
function walk<T>(
  x: usize,
  out: usize,
  d: i32,
  last: i32,
  other: i32,
  rank: i32,
  meta: usize,
  kernel: i32,
  n: i32
): void {
  while (d < last && (d == other || sizeOf(meta, rank, d) == 1)) d++
  if (d >= last) {
    copyRest<T>(x, out, last, other, rank, meta, kernel, n)
    return
  }
  const size = sizeOf(meta, rank, d)
  const xNext = <usize>xStride(meta, rank, d) * sizeof<T>()
  const outNext = <usize>outStride(meta, rank, d) * sizeof<T>()
  for (let i = 0; i < size; i++, x += xNext, out += outNext) {
    walk<T>(x, out, d + 1, last, other, rank, meta, kernel, n)
  }
}

// The last dimension before d that is longer than 1, or -1
function longerBefore(d: i32, rank: i32, meta: usize): i32 {
  for (d--; d >= 0; d--) if (sizeOf(meta, rank, d) > 1) return d
  return -1
}

function copy<T>(x: usize, out: usize, rank: i32, meta: usize): void {
  for (let d = 0; d < rank; d++) if (sizeOf(meta, rank, d) <= 0) return
  const last = longerBefore(rank, rank, meta)
  if (last < 0) {
    store<T>(out, load<T>(x))
    return
  }
  const xInner = xStride(meta, rank, last)
  const outInner = outStride(meta, rank, last)
  if (outInner == 1 && (xInner == 1 || xInner == 0)) {
    // The trailing dimensions that form one run, from dimension first on
    let first = last
    let n = sizeOf(meta, rank, last)
    let d = longerBefore(first, rank, meta)
    while (d >= 0 && outStride(meta, rank, d) == n && xStride(meta, rank, d) == xInner * n) {
      n *= sizeOf(meta, rank, d)
      first = d
      d = longerBefore(first, rank, meta)
    }
    // The longer of two dimensions outside: then the runs belong to a few sequences in memory, which are
    // fetched ahead
    const other = longerBefore(d, rank, meta)
    if (xInner && other >= 0 && sizeOf(meta, rank, d) > 4 * sizeOf(meta, rank, other)) {
      walk<T>(x, out, 0, d, other, rank, meta, GRID, n)
    } else walk<T>(x, out, 0, first, -1, rank, meta, xInner ? RUN : REPEAT, n)
    return
  }
  // The dimension along x, where the last one lies along out, or the other way round
  for (let d = longerBefore(last, rank, meta); d >= 0; d = longerBefore(d, rank, meta)) {
    if (outInner == 1 && xStride(meta, rank, d) == 1) {
      walk<T>(x, out, 0, last, d, rank, meta, PLANE, 0)
      return
    }
    if (xInner == 1 && outStride(meta, rank, d) == 1) {
      walk<T>(x, out, 0, last, d, rank, meta, PLANE_ACROSS, 0)
      return
    }
  }
  walk<T>(x, out, 0, last, -1, rank, meta, LINE, 0)
}

export function copy_32(x: usize, out: usize, rank: i32, meta: usize): void {
  copy<f32>(x, out, rank, meta)
}

export function copy_64(x: usize, out: usize, rank: i32, meta: usize): void {
  copy<f64>(x, out, rank, meta)
}
