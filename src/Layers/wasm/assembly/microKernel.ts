// The inner tile of the matrix product: 6 rows by two vectors of columns, held in twelve of the fifteen
// vector registers that V8 allocates on x86-64; the other three hold two vectors of B and one repeated
// element of A.
//
// In the loops the rows go from the last to the first because V8 keeps loads in their order but places each
// sum as late as it can, the last of them first: in the other order all six elements of A would wait in
// registers, and sums be spilled.

import { multiplyAdd, zeros } from "./lanes"

export const TILE_ROWS: i32 = 6

// The columns of a tile: two vectors
@inline
export function tileColumns<T>(): i32 {
  return <i32>(32 / sizeof<T>())
}

// c[i, j] = alpha sum_p a[i, p] b[p, j] + beta c[i, j], i < 6, j < two vectors, where accumulate; without, c
// is not read. The six a[i, p] lie side by side, aTerm and bTerm are the bytes from p to p + 1, cRow those
// from i to i + 1.
export function tile<T>(
  k: i32,
  a: usize,
  aTerm: usize,
  b: usize,
  bTerm: usize,
  c: usize,
  cRow: usize,
  alpha: T,
  beta: T,
  accumulate: bool
): void {
  let c00 = zeros()
  let c01 = zeros()
  let c10 = zeros()
  let c11 = zeros()
  let c20 = zeros()
  let c21 = zeros()
  let c30 = zeros()
  let c31 = zeros()
  let c40 = zeros()
  let c41 = zeros()
  let c50 = zeros()
  let c51 = zeros()
  const end = a + <usize>k * aTerm
  for (; a != end; a += aTerm, b += bTerm) {
    const b0 = v128.load(b)
    const b1 = v128.load(b, 16)
    let ai = v128.load_splat<T>(a, 5 * sizeof<T>())
    c50 = multiplyAdd<T>(ai, b0, c50)
    c51 = multiplyAdd<T>(ai, b1, c51)
    ai = v128.load_splat<T>(a, 4 * sizeof<T>())
    c40 = multiplyAdd<T>(ai, b0, c40)
    c41 = multiplyAdd<T>(ai, b1, c41)
    ai = v128.load_splat<T>(a, 3 * sizeof<T>())
    c30 = multiplyAdd<T>(ai, b0, c30)
    c31 = multiplyAdd<T>(ai, b1, c31)
    ai = v128.load_splat<T>(a, 2 * sizeof<T>())
    c20 = multiplyAdd<T>(ai, b0, c20)
    c21 = multiplyAdd<T>(ai, b1, c21)
    ai = v128.load_splat<T>(a, sizeof<T>())
    c10 = multiplyAdd<T>(ai, b0, c10)
    c11 = multiplyAdd<T>(ai, b1, c11)
    ai = v128.load_splat<T>(a)
    c00 = multiplyAdd<T>(ai, b0, c00)
    c01 = multiplyAdd<T>(ai, b1, c01)
  }
  const alphas = v128.splat<T>(alpha)
  const betas = v128.splat<T>(beta)
  storeRow<T>(c, c00, c01, alphas, betas, accumulate)
  storeRow<T>(c + cRow, c10, c11, alphas, betas, accumulate)
  storeRow<T>(c + 2 * cRow, c20, c21, alphas, betas, accumulate)
  storeRow<T>(c + 3 * cRow, c30, c31, alphas, betas, accumulate)
  storeRow<T>(c + 4 * cRow, c40, c41, alphas, betas, accumulate)
  storeRow<T>(c + 5 * cRow, c50, c51, alphas, betas, accumulate)
}

// The same for rows of A that lie aRow bytes apart and are contiguous along p; where there are fewer than
// six, the last one stands for those that lack
export function tileOfRows<T>(
  k: i32,
  rows: i32,
  a: usize,
  aRow: usize,
  b: usize,
  bTerm: usize,
  c: usize,
  cRow: usize,
  alpha: T,
  beta: T,
  accumulate: bool
): void {
  let c00 = zeros()
  let c01 = zeros()
  let c10 = zeros()
  let c11 = zeros()
  let c20 = zeros()
  let c21 = zeros()
  let c30 = zeros()
  let c31 = zeros()
  let c40 = zeros()
  let c41 = zeros()
  let c50 = zeros()
  let c51 = zeros()
  let a0 = a
  let a1 = a0 + (rows > 1 ? aRow : 0)
  let a2 = a1 + (rows > 2 ? aRow : 0)
  let a3 = a2 + (rows > 3 ? aRow : 0)
  let a4 = a3 + (rows > 4 ? aRow : 0)
  let a5 = a4 + (rows > 5 ? aRow : 0)
  const end = a + <usize>k * sizeof<T>()
  while (a0 != end) {
    const b0 = v128.load(b)
    const b1 = v128.load(b, 16)
    let ai = v128.load_splat<T>(a5)
    c50 = multiplyAdd<T>(ai, b0, c50)
    c51 = multiplyAdd<T>(ai, b1, c51)
    ai = v128.load_splat<T>(a4)
    c40 = multiplyAdd<T>(ai, b0, c40)
    c41 = multiplyAdd<T>(ai, b1, c41)
    ai = v128.load_splat<T>(a3)
    c30 = multiplyAdd<T>(ai, b0, c30)
    c31 = multiplyAdd<T>(ai, b1, c31)
    ai = v128.load_splat<T>(a2)
    c20 = multiplyAdd<T>(ai, b0, c20)
    c21 = multiplyAdd<T>(ai, b1, c21)
    ai = v128.load_splat<T>(a1)
    c10 = multiplyAdd<T>(ai, b0, c10)
    c11 = multiplyAdd<T>(ai, b1, c11)
    ai = v128.load_splat<T>(a0)
    c00 = multiplyAdd<T>(ai, b0, c00)
    c01 = multiplyAdd<T>(ai, b1, c01)
    a0 += sizeof<T>()
    a1 += sizeof<T>()
    a2 += sizeof<T>()
    a3 += sizeof<T>()
    a4 += sizeof<T>()
    a5 += sizeof<T>()
    b += bTerm
  }
  const alphas = v128.splat<T>(alpha)
  const betas = v128.splat<T>(beta)
  storeRow<T>(c, c00, c01, alphas, betas, accumulate)
  storeRow<T>(c + cRow, c10, c11, alphas, betas, accumulate)
  storeRow<T>(c + 2 * cRow, c20, c21, alphas, betas, accumulate)
  storeRow<T>(c + 3 * cRow, c30, c31, alphas, betas, accumulate)
  storeRow<T>(c + 4 * cRow, c40, c41, alphas, betas, accumulate)
  storeRow<T>(c + 5 * cRow, c50, c51, alphas, betas, accumulate)
}

@inline
function storeRow<T>(c: usize, x: v128, y: v128, alpha: v128, beta: v128, accumulate: bool): void {
  x = v128.mul<T>(x, alpha)
  y = v128.mul<T>(y, alpha)
  if (accumulate) {
    x = multiplyAdd<T>(beta, v128.load(c), x)
    y = multiplyAdd<T>(beta, v128.load(c, 16), y)
  }
  v128.store(c, x)
  v128.store(c, y, 16)
}
