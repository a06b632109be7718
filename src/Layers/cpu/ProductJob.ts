import { type Job, stretch } from "./Job.ts"

/** [m, n, k] of a product. */
export type Sizes = readonly [m: number, n: number, k: number]

/** Stripes begin at whole tiles of both products, in float32 and float64: multiples of these lines. */
const stripeTile = { rows: 12, columns: 16 }
/** Narrower stripes cost a BLAS a third of its speed. */
const narrowestStripe = 48

/** Stripes that each matrix of a batch of results is cut into, along its longer side. */
export const gemmStripes = (batch: number, m: number, n: number, parts: number): number =>
  Math.min(Math.ceil(parts / batch), Math.max(1, Math.floor(Math.max(m, n) / narrowestStripe)))

/** The lines [start, end) of a stripe. None has one line alone: that would be done by another kernel, which rounds differently. */
export const gemmStripe = (
  m: number,
  n: number,
  index: number,
  stripes: number
): readonly [number, number] => {
  const lines = Math.max(m, n)
  const tile = m >= n ? stripeTile.rows : stripeTile.columns
  const boundary = (i: number) => (i === stripes ? lines : Math.round((i * lines) / stripes / tile) * tile)
  return [boundary(index), boundary(index + 1)]
}

/**
 * [bytes, batch, transposeA, transposeB, m, n, k, a, lda, aBatch, b, ldb, bBatch, bias, c, ldc, cBatch, workspace, workspaceStride,
 * stripes], batch strides in bytes, bias 0 where there is none. Batches are shared out, and where they are too few, stripes of each.
 */
export const gemm: Job = (engine, part, parts, values) => {
  const [
    bytes,
    batch,
    tA,
    tB,
    m,
    n,
    k,
    a,
    lda,
    aBatch,
    b,
    ldb,
    bBatch,
    bias,
    c,
    ldc,
    cBatch,
    space,
    spaceStride,
    stripes
  ] = Array.from(values)
  const size = bytes as 4 | 8
  const workspace = space + part * spaceStride
  const repeatRow = bytes === 4 ? engine.kernels.repeatRow_32 : engine.kernels.repeatRow_64
  const aRow = bytes * (tA ? 1 : lda)
  const bColumn = bytes * (tB ? ldb : 1)
  const [first, last] = stretch(batch * stripes, part, parts)
  for (let unit = first; unit < last; unit++) {
    const i = Math.floor(unit / stripes)
    const [start, end] = gemmStripe(m, n, unit % stripes, stripes)
    const [row, rows, column, columns] = m >= n ? [start, end - start, 0, n] : [0, m, start, end - start]
    const to = c + i * cBatch + (row * ldc + column) * bytes
    if (bias !== 0) repeatRow(bias + column * bytes, to, rows, columns, ldc)
    const aFrom = a + i * aBatch + row * aRow
    const bFrom = b + i * bBatch + column * bColumn
    engine.gemm(
      size,
      tA,
      tB,
      rows,
      columns,
      k,
      aFrom,
      lda,
      bFrom,
      ldb,
      bias === 0 ? 0 : 1,
      to,
      ldc,
      workspace
    )
  }
}
