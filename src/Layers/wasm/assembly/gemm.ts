// C = alpha op(A) op(B) + beta C, row-major, by the blocking of Goto and van de Geijn (2008): a block of A
// stays in the second cache and a panel of B in the first. An operand that would be read only a few times is
// not packed.

import { addTerms, multiplyLines, multiplyVectors } from "./gemv"
import { loadTail, multiplyAdd, storeTail, wholeVectors } from "./lanes"
import { TILE_ROWS, tile, tileColumns, tileOfRows } from "./microKernel"
import { packAdjacent, packLines } from "./pack"

const BLOCK_K: i32 = 384
const BLOCK_ROWS: i32 = 96
const BLOCK_COLUMNS: i32 = 2048

// Up to here rows of C read B where it lies, and columns of C read A where it lies. The terms of a transposed
// A are a row apart: that pays for three columns of tiles only
const DIRECT_ROWS: i32 = 48
const DIRECT_COLUMNS: i32 = 32

@inline
function roundUp(x: i32, step: i32): i32 {
  return ((x + step - 1) / step) * step
}

// The block size that splits size into equal parts of at most limit
@inline
function blockSize(size: i32, limit: i32, step: i32): i32 {
  const parts = (size + limit - 1) / limit
  return roundUp((size + parts - 1) / parts, step)
}

@inline
function panelBytes<T>(lines: i32, k: i32): usize {
  return (<usize>lines * <usize>k * sizeof<T>() + 63) & ~63
}

@inline
function gemmWorkspace<T>(m: i32, n: i32, k: i32): i32 {
  if (m <= 0 || n <= 0 || k <= 0) return 0
  const vector = k == 1 ? panelBytes<T>(1, n) : m == 1 || n == 1 ? panelBytes<T>(1, k) : 0
  const depth = blockSize(k, BLOCK_K, 1)
  const a = panelBytes<T>(blockSize(m, BLOCK_ROWS, TILE_ROWS), depth)
  const b = panelBytes<T>(blockSize(n, BLOCK_COLUMNS, tileColumns<T>()), depth)
  return <i32>max(vector, a + b + panelBytes<T>(TILE_ROWS, tileColumns<T>()))
}

// C *= beta, C = 0 where beta is
@inline
function scale<T>(c: usize, step: usize, m: i32, n: i32, beta: T): void {
  const bytes = <usize>n * sizeof<T>()
  const whole = wholeVectors(bytes)
  const factor = v128.splat<T>(beta)
  for (let i = 0; i < m; i++, c += step) {
    if (beta == 0) {
      memory.fill(c, 0, bytes)
      continue
    }
    let o: usize = 0
    for (; o < whole; o += 16) v128.store(c + o, v128.mul<T>(v128.load(c + o), factor))
    for (; o < bytes; o += sizeof<T>()) store<T>(c + o, load<T>(c + o) * beta)
  }
}

// c = patch + beta c over the rows and columns of an incomplete tile
@inline
function storeEdge<T>(patch: usize, c: usize, step: usize, rows: i32, columns: i32, beta: T): void {
  const bytes = <usize>columns * sizeof<T>()
  const factor = v128.splat<T>(beta)
  for (let i = 0; i < rows; i++, patch += 32, c += step) {
    let o: usize = 0
    for (; bytes - o >= 16; o += 16) {
      const x = v128.load(patch + o)
      v128.store(c + o, beta == 0 ? x : multiplyAdd<T>(factor, v128.load(c + o), x))
    }
    if (o < bytes) {
      const x = loadTail(patch + o, bytes - o)
      storeTail(c + o, beta == 0 ? x : multiplyAdd<T>(factor, loadTail(c + o, bytes - o), x), bytes - o)
    }
  }
}

// The k elements step bytes apart, copied to workspace where they are not contiguous
@inline
function contiguous<T>(k: i32, x: usize, step: usize, workspace: usize): usize {
  if (step == sizeof<T>()) return x
  for (let p = 0; p < k; p++, x += step) store<T>(workspace + <usize>p * sizeof<T>(), load<T>(x))
  return workspace
}

@inline
function gemm<T>(
  transposeA: i32,
  transposeB: i32,
  m: i32,
  n: i32,
  k: i32,
  alpha: T,
  a: usize,
  lda: i32,
  b: usize,
  ldb: i32,
  beta: T,
  c: usize,
  ldc: i32,
  workspace: usize
): void {
  if (m <= 0 || n <= 0) return
  const aStep = <usize>lda * sizeof<T>()
  const bStep = <usize>ldb * sizeof<T>()
  const cStep = <usize>ldc * sizeof<T>()
  if (k <= 0 || alpha == 0) {
    scale<T>(c, cStep, m, n, beta)
    return
  }
  if (m == 1) {
    const aElement = transposeA ? aStep : sizeof<T>()
    if (transposeB) {
      const x = contiguous<T>(k, a, aElement, workspace)
      multiplyLines<T>(n, k, alpha, b, bStep, x, beta, c, sizeof<T>())
    } else addTerms<T>(n, k, alpha, b, bStep, a, aElement, beta, c)
    return
  }
  if (n == 1) {
    const bElement = transposeB ? sizeof<T>() : bStep
    if (!transposeA) {
      const x = contiguous<T>(k, b, bElement, workspace)
      multiplyLines<T>(m, k, alpha, a, aStep, x, beta, c, cStep)
      return
    }
    if (ldc == 1) {
      addTerms<T>(m, k, alpha, a, aStep, b, bElement, beta, c)
      return
    }
  }
  if (k == 1) {
    const y = contiguous<T>(n, b, transposeB ? bStep : sizeof<T>(), workspace)
    multiplyVectors<T>(m, n, alpha, a, transposeA ? sizeof<T>() : aStep, y, beta, c, cStep)
    return
  }
  const width = tileColumns<T>()
  const depth = blockSize(k, BLOCK_K, 1)
  const blockRows = blockSize(m, BLOCK_ROWS, TILE_ROWS)
  const blockColumns = blockSize(n, BLOCK_COLUMNS, width)
  const aPanels = workspace
  const bPanels = aPanels + panelBytes<T>(blockRows, depth)
  const patch = bPanels + panelBytes<T>(blockColumns, depth)
  const aDirect = n <= (transposeA ? 3 * width : DIRECT_COLUMNS)
  const bDirect = !transposeB && m <= DIRECT_ROWS
  // Bytes across the lines and along the terms of A and B
  const aRow = transposeA ? sizeof<T>() : aStep
  const aTerm = transposeA ? aStep : sizeof<T>()
  const bColumn = transposeB ? bStep : sizeof<T>()
  const bTerm = transposeB ? sizeof<T>() : bStep
  for (let j0 = 0; j0 < n; j0 += blockColumns) {
    const columns = min(blockColumns, n - j0)
    for (let p0 = 0; p0 < k; p0 += depth) {
      const terms = min(depth, k - p0)
      const keep: T = p0 == 0 ? beta : 1
      const aBlock = a + <usize>p0 * aTerm
      const bBlock = b + <usize>p0 * bTerm + <usize>j0 * bColumn
      const aPanel = <usize>(TILE_ROWS * terms) * sizeof<T>()
      const bPanel = <usize>(width * terms) * sizeof<T>()
      for (let j = 0; j < columns; j += width) {
        if (bDirect && columns - j >= width) continue
        const from = bBlock + <usize>j * bColumn
        const to = bPanels + <usize>(j / width) * bPanel
        if (transposeB) packLines<T>(width, from, bStep, to, terms, columns - j)
        else packAdjacent<T>(width, from, bStep, to, terms, columns - j)
      }
      for (let i0 = 0; i0 < m; i0 += blockRows) {
        const rows = min(blockRows, m - i0)
        const aRows = aBlock + <usize>i0 * aRow
        let to = aPanels
        for (let i = 0; i < rows; i += TILE_ROWS, to += aPanel) {
          const from = aRows + <usize>i * aRow
          if (transposeA) {
            if (aDirect && rows - i >= TILE_ROWS) continue
            packAdjacent<T>(TILE_ROWS, from, aStep, to, terms, rows - i)
          } else if (!aDirect) packLines<T>(TILE_ROWS, from, aStep, to, terms, rows - i)
        }
        for (let j = 0; j < columns; j += width) {
          const direct = bDirect && columns - j >= width
          const bTile = direct ? bBlock + <usize>j * bColumn : bPanels + <usize>(j / width) * bPanel
          const bTileTerm = direct ? bTerm : 32
          let aTile = aPanels
          let corner = c + <usize>i0 * cStep + <usize>(j0 + j) * sizeof<T>()
          for (let i = 0; i < rows; i += TILE_ROWS, aTile += aPanel, corner += <usize>TILE_ROWS * cStep) {
            const left = rows - i
            const whole = left >= TILE_ROWS && columns - j >= width
            const to = whole ? corner : patch
            const toRow = whole ? cStep : 32
            const add = whole && keep != 0
            if (!aDirect || (transposeA && left < TILE_ROWS)) {
              const packedTerm = <usize>TILE_ROWS * sizeof<T>()
              tile<T>(terms, aTile, packedTerm, bTile, bTileTerm, to, toRow, alpha, keep, add)
            } else {
              const from = aRows + <usize>i * aRow
              if (transposeA) tile<T>(terms, from, aTerm, bTile, bTileTerm, to, toRow, alpha, keep, add)
              else tileOfRows<T>(terms, left, from, aRow, bTile, bTileTerm, to, toRow, alpha, keep, add)
            }
            if (!whole)
              storeEdge<T>(patch, corner, cStep, min(TILE_ROWS, left), min(width, columns - j), keep)
          }
        }
      }
    }
  }
}

export function gemm_f32(
  transposeA: i32,
  transposeB: i32,
  m: i32,
  n: i32,
  k: i32,
  alpha: f64,
  a: usize,
  lda: i32,
  b: usize,
  ldb: i32,
  beta: f64,
  c: usize,
  ldc: i32,
  workspace: usize
): void {
  gemm<f32>(transposeA, transposeB, m, n, k, <f32>alpha, a, lda, b, ldb, <f32>beta, c, ldc, workspace)
}

export function gemmWorkspace_f32(m: i32, n: i32, k: i32): i32 {
  return gemmWorkspace<f32>(m, n, k)
}

export function gemm_f64(
  transposeA: i32,
  transposeB: i32,
  m: i32,
  n: i32,
  k: i32,
  alpha: f64,
  a: usize,
  lda: i32,
  b: usize,
  ldb: i32,
  beta: f64,
  c: usize,
  ldc: i32,
  workspace: usize
): void {
  gemm<f64>(transposeA, transposeB, m, n, k, <f64>alpha, a, lda, b, ldb, <f64>beta, c, ldc, workspace)
}

export function gemmWorkspace_f64(m: i32, n: i32, k: i32): i32 {
  return gemmWorkspace<f64>(m, n, k)
}
