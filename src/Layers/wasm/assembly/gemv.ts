// Products of a matrix and a vector, y = alpha M x + beta y, and of two vectors, C = alpha x y^T + beta C,
// where every element is read once and nothing is packed.

import { loadTail, multiplyAdd, storeTail, sumLanes, zeros } from "./lanes"

// y = sum + beta y, where beta is 0 without reading y
@inline
function storeSum<T>(y: usize, sum: T, beta: T): void {
  store<T>(y, beta == 0 ? sum : sum + beta * load<T>(y))
}

// M: [lines, k], each line contiguous, step bytes apart; x: [k] contiguous; yStep: bytes between elements of
// y
@inline
export function multiplyLines<T>(
  lines: i32,
  k: i32,
  alpha: T,
  matrix: usize,
  step: usize,
  x: usize,
  beta: T,
  y: usize,
  yStep: usize
): void {
  const bytes = <usize>k * sizeof<T>()
  let i = 0
  for (; i + 4 <= lines; i += 4, matrix += 4 * step) {
    const m0 = matrix
    const m1 = m0 + step
    const m2 = m1 + step
    const m3 = m2 + step
    let s0 = zeros()
    let s1 = zeros()
    let s2 = zeros()
    let s3 = zeros()
    let t0 = zeros()
    let t1 = zeros()
    let t2 = zeros()
    let t3 = zeros()
    let o: usize = 0
    for (; bytes - o >= 32; o += 32) {
      const v = v128.load(x + o)
      const w = v128.load(x + o, 16)
      s0 = multiplyAdd<T>(v128.load(m0 + o), v, s0)
      t0 = multiplyAdd<T>(v128.load(m0 + o, 16), w, t0)
      s1 = multiplyAdd<T>(v128.load(m1 + o), v, s1)
      t1 = multiplyAdd<T>(v128.load(m1 + o, 16), w, t1)
      s2 = multiplyAdd<T>(v128.load(m2 + o), v, s2)
      t2 = multiplyAdd<T>(v128.load(m2 + o, 16), w, t2)
      s3 = multiplyAdd<T>(v128.load(m3 + o), v, s3)
      t3 = multiplyAdd<T>(v128.load(m3 + o, 16), w, t3)
    }
    while (o < bytes) {
      const rest = bytes - o
      if (rest >= 16) {
        const v = v128.load(x + o)
        s0 = multiplyAdd<T>(v128.load(m0 + o), v, s0)
        s1 = multiplyAdd<T>(v128.load(m1 + o), v, s1)
        s2 = multiplyAdd<T>(v128.load(m2 + o), v, s2)
        s3 = multiplyAdd<T>(v128.load(m3 + o), v, s3)
      } else {
        const v = loadTail(x + o, rest)
        t0 = multiplyAdd<T>(loadTail(m0 + o, rest), v, t0)
        t1 = multiplyAdd<T>(loadTail(m1 + o, rest), v, t1)
        t2 = multiplyAdd<T>(loadTail(m2 + o, rest), v, t2)
        t3 = multiplyAdd<T>(loadTail(m3 + o, rest), v, t3)
      }
      o += 16
    }
    const to = y + <usize>i * yStep
    storeSum<T>(to, alpha * <T>sumLanes<T>(v128.add<T>(s0, t0)), beta)
    storeSum<T>(to + yStep, alpha * <T>sumLanes<T>(v128.add<T>(s1, t1)), beta)
    storeSum<T>(to + 2 * yStep, alpha * <T>sumLanes<T>(v128.add<T>(s2, t2)), beta)
    storeSum<T>(to + 3 * yStep, alpha * <T>sumLanes<T>(v128.add<T>(s3, t3)), beta)
  }
  for (; i < lines; i++, matrix += step) {
    let s0 = zeros()
    let s1 = zeros()
    let s2 = zeros()
    let s3 = zeros()
    let o: usize = 0
    for (; bytes - o >= 64; o += 64) {
      s0 = multiplyAdd<T>(v128.load(matrix + o), v128.load(x + o), s0)
      s1 = multiplyAdd<T>(v128.load(matrix + o, 16), v128.load(x + o, 16), s1)
      s2 = multiplyAdd<T>(v128.load(matrix + o, 32), v128.load(x + o, 32), s2)
      s3 = multiplyAdd<T>(v128.load(matrix + o, 48), v128.load(x + o, 48), s3)
    }
    for (; bytes - o >= 16; o += 16) s0 = multiplyAdd<T>(v128.load(matrix + o), v128.load(x + o), s0)
    if (o < bytes) s1 = multiplyAdd<T>(loadTail(matrix + o, bytes - o), loadTail(x + o, bytes - o), s1)
    const sum = v128.add<T>(v128.add<T>(s0, s1), v128.add<T>(s2, s3))
    storeSum<T>(y + <usize>i * yStep, alpha * <T>sumLanes<T>(sum), beta)
  }
}

// The bytes of y that stay in the first cache while the matrix passes
const STRIP: usize = 8192

// M^T: [k, lines] contiguous along lines, step bytes from term to term; x: elements xStep bytes apart; y:
// [lines] contiguous. Eight terms are added to y at a time.
@inline
export function addTerms<T>(
  lines: i32,
  k: i32,
  alpha: T,
  matrix: usize,
  step: usize,
  x: usize,
  xStep: usize,
  beta: T,
  y: usize
): void {
  const bytes = <usize>lines * sizeof<T>()
  for (let start: usize = 0; start < bytes; start += STRIP) {
    const end = min(bytes, start + STRIP)
    let from = matrix
    let element = x
    let p = 0
    for (; p < k; ) {
      const keep: T = p == 0 ? beta : 1
      const b = v128.splat<T>(keep)
      let o = start
      if (p + 8 <= k) {
        p += 8
        const x0 = v128.splat<T>(alpha * load<T>(element))
        const x1 = v128.splat<T>(alpha * load<T>(element + xStep))
        const x2 = v128.splat<T>(alpha * load<T>(element + 2 * xStep))
        const x3 = v128.splat<T>(alpha * load<T>(element + 3 * xStep))
        const x4 = v128.splat<T>(alpha * load<T>(element + 4 * xStep))
        const x5 = v128.splat<T>(alpha * load<T>(element + 5 * xStep))
        const x6 = v128.splat<T>(alpha * load<T>(element + 6 * xStep))
        const x7 = v128.splat<T>(alpha * load<T>(element + 7 * xStep))
        const m0 = from
        const m1 = m0 + step
        const m2 = m1 + step
        const m3 = m2 + step
        const m4 = m3 + step
        const m5 = m4 + step
        const m6 = m5 + step
        const m7 = m6 + step
        // The condition stands last so that V8 takes the eight factors out of the loop
        if (start + 16 <= end) {
          do {
            let s = v128.mul<T>(x0, v128.load(m0 + o))
            let t = v128.mul<T>(x1, v128.load(m1 + o))
            s = multiplyAdd<T>(x2, v128.load(m2 + o), s)
            t = multiplyAdd<T>(x3, v128.load(m3 + o), t)
            s = multiplyAdd<T>(x4, v128.load(m4 + o), s)
            t = multiplyAdd<T>(x5, v128.load(m5 + o), t)
            s = multiplyAdd<T>(x6, v128.load(m6 + o), s)
            t = multiplyAdd<T>(x7, v128.load(m7 + o), t)
            s = v128.add<T>(s, t)
            if (keep != 0) s = multiplyAdd<T>(b, v128.load(y + o), s)
            v128.store(y + o, s)
            o += 16
          } while (o + 16 <= end)
        }
        if (o < end) {
          const rest = end - o
          let s = v128.mul<T>(x0, loadTail(m0 + o, rest))
          let t = v128.mul<T>(x1, loadTail(m1 + o, rest))
          s = multiplyAdd<T>(x2, loadTail(m2 + o, rest), s)
          t = multiplyAdd<T>(x3, loadTail(m3 + o, rest), t)
          s = multiplyAdd<T>(x4, loadTail(m4 + o, rest), s)
          t = multiplyAdd<T>(x5, loadTail(m5 + o, rest), t)
          s = multiplyAdd<T>(x6, loadTail(m6 + o, rest), s)
          t = multiplyAdd<T>(x7, loadTail(m7 + o, rest), t)
          s = v128.add<T>(s, t)
          if (keep != 0) s = multiplyAdd<T>(b, loadTail(y + o, rest), s)
          storeTail(y + o, s, rest)
        }
        from += 8 * step
        element += 8 * xStep
      } else {
        p++
        const x0 = v128.splat<T>(alpha * load<T>(element))
        for (; o + 16 <= end; o += 16) {
          let s = v128.mul<T>(x0, v128.load(from + o))
          if (keep != 0) s = multiplyAdd<T>(b, v128.load(y + o), s)
          v128.store(y + o, s)
        }
        if (o < end) {
          const rest = end - o
          let s = v128.mul<T>(x0, loadTail(from + o, rest))
          if (keep != 0) s = multiplyAdd<T>(b, loadTail(y + o, rest), s)
          storeTail(y + o, s, rest)
        }
        from += step
        element += xStep
      }
    }
  }
}

// C: [m, n]; x: [m] xStep bytes apart; y: [n] contiguous
@inline
export function multiplyVectors<T>(
  m: i32,
  n: i32,
  alpha: T,
  x: usize,
  xStep: usize,
  y: usize,
  beta: T,
  c: usize,
  step: usize
): void {
  const bytes = <usize>n * sizeof<T>()
  const b = v128.splat<T>(beta)
  for (let i = 0; i < m; i++, x += xStep, c += step) {
    const a = v128.splat<T>(alpha * load<T>(x))
    let o: usize = 0
    if (beta == 0) {
      for (; bytes - o >= 32; o += 32) {
        v128.store(c + o, v128.mul<T>(a, v128.load(y + o)))
        v128.store(c + o, v128.mul<T>(a, v128.load(y + o, 16)), 16)
      }
    } else {
      for (; bytes - o >= 16; o += 16) {
        v128.store(c + o, multiplyAdd<T>(a, v128.load(y + o), v128.mul<T>(b, v128.load(c + o))))
      }
    }
    for (; o < bytes; o += sizeof<T>()) {
      storeSum<T>(c + o, v128.extract_lane<T>(a, 0) * load<T>(y + o), beta)
    }
  }
}
