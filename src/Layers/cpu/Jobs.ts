import type { Kernels } from "../wasm/Kernels.ts"

/** The kernels and the matrix product; addresses count from the start of the shared memory. */
export interface Engine {
  readonly kernels: Kernels
  /** The kernels by their numbers, see `kernelNames`. */
  readonly table: ReadonlyArray<(...values: ReadonlyArray<number>) => void>
  readonly gemm: (
    bytes: 4 | 8,
    transposeA: number,
    transposeB: number,
    m: number,
    n: number,
    k: number,
    a: number,
    lda: number,
    b: number,
    ldb: number,
    beta: number,
    c: number,
    ldc: number,
    workspace: number
  ) => void
  /** Bytes of work space that `gemm` needs for these very sizes; a smaller product may need more. */
  readonly workspaceBytes: (bytes: 4 | 8, m: number, n: number, k: number) => number
  /** Into how many parts for each thread a product is best cut; 0 where `gemm` has threads of its own. */
  readonly gemmPartsPerThread: number
}

/** Names of the wasm kernels in a fixed order, so that a number can name one in a job. */
export const kernelNames = (kernels: Kernels): ReadonlyArray<string> =>
  Object.keys(kernels)
    .filter((name) => typeof (kernels as unknown as Record<string, unknown>)[name] === "function")
    .toSorted()

/** The stretch of [0, size) that part `part` of `parts` does. */
const stretch = (size: number, part: number, parts: number): readonly [number, number] => {
  const each = Math.ceil(size / parts)
  const start = Math.min(size, part * each)
  return [start, Math.min(size, start + each)]
}

/** One part of a piece of work; the same job with the same arguments runs in every thread, with another `part`. */
export type Job = (engine: Engine, part: number, parts: number, values: ArrayLike<number>) => void

/** The addresses of row `start`, from the pairs [address, bytes a row] that begin at values[3]. */
const addressesAt = (values: ArrayLike<number>, start: number): Array<number> =>
  Array.from({ length: values[1] }, (_, i) => values[3 + 2 * i] + start * values[4 + 2 * i])

/** [kernel, pointers, rows, (address, bytes a row) ..., rest ...]: kernel(addresses..., rows, rest...). */
const byRows: Job = (engine, part, parts, values) => {
  const [start, end] = stretch(values[2], part, parts)
  if (start === end) return
  const call = addressesAt(values, start)
  call.push(end - start)
  for (let i = 3 + 2 * values[1]; i < values.length; i++) call.push(values[i])
  engine.table[values[0]](...call)
}

/** As byRows, for kernels that ask where they are: kernel(addresses..., rows, firstRow, rest...). */
const byNumberedRows: Job = (engine, part, parts, values) => {
  const [start, end] = stretch(values[2], part, parts)
  if (start === end) return
  const call = addressesAt(values, start)
  call.push(end - start, start)
  for (let i = 3 + 2 * values[1]; i < values.length; i++) call.push(values[i])
  engine.table[values[0]](...call)
}

/** [kernel, columns, fixed ...]: kernel(fixed..., columnStart, columnEnd). */
const byColumns: Job = (engine, part, parts, values) => {
  const [start, end] = stretch(values[1], part, parts)
  if (start === end) return
  engine.table[values[0]](...Array.from(values).slice(2), start, end)
}

/** [kernel, x, out, outer, length, inner, bytes]: the outer dimension is shared out, or the inner where outer is 1. */
const reduce: Job = (engine, part, parts, values) => {
  const [kernel, x, out, outer, length, inner, bytes] = Array.from(values)
  if (outer > 1) {
    const [start, end] = stretch(outer, part, parts)
    if (start < end)
      engine.table[kernel](
        x + start * length * inner * bytes,
        out + start * inner * bytes,
        end - start,
        length,
        inner,
        length * inner,
        inner
      )
  } else {
    const [start, end] = stretch(inner, part, parts)
    if (start < end)
      engine.table[kernel](
        x + start * bytes,
        out + start * bytes,
        1,
        length,
        end - start,
        length * inner,
        inner
      )
  }
}

/** [kernel, x, out, metaOfPart0, metaStride, rank, outer, xStep, outStep]: each part has its own description of the copy. */
const copy: Job = (engine, part, parts, values) => {
  const [start, end] = stretch(values[6], part, parts)
  if (start === end) return
  engine.table[values[0]](
    values[1] + start * values[7],
    values[2] + start * values[8],
    values[5],
    values[3] + part * values[4]
  )
}

/** The rows that a part of a copy does: the caller writes them into that part's description. */
export const copyRows = (outer: number, part: number, parts: number): number => {
  const [start, end] = stretch(outer, part, parts)
  return end - start
}

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
const gemm: Job = (engine, part, parts, values) => {
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

/** Queries done at once: what lies behind the last of them is masked and need not be worked out. */
const queryBlock = 64

/** The [first, end) of each block of queries; a key block is the same of keys. */
const blocksOf = (tokens: number): ReadonlyArray<readonly [number, number]> =>
  Array.from({ length: Math.ceil(tokens / queryBlock) }, (_, i) => [
    i * queryBlock,
    Math.min(tokens, (i + 1) * queryBlock)
  ])

/** [m, n, k] of the products in one head of attention. */
export const attentionProducts = (tokens: number, head: number): ReadonlyArray<Sizes> =>
  blocksOf(tokens).flatMap(
    ([first, end]): ReadonlyArray<Sizes> => [
      [end - first, end, head],
      [end - first, head, end]
    ]
  )

/** And of those in its gradient. */
export const attentionGradientProducts = (tokens: number, head: number): ReadonlyArray<Sizes> =>
  blocksOf(tokens).flatMap(
    ([first, end]): ReadonlyArray<Sizes> => [
      [end - first, end, head],
      [end - first, head, end],
      [end - first, head, tokens - first]
    ]
  )

/** Elements of the scratch where a head's probabilities are kept while they are needed. */
export const attentionScratch = (tokens: number): number => Math.min(tokens, queryBlock) * tokens

/**
 * [bytes, batch, heads, tokens, width, qkv, out, keep, probabilities, softmaxKernel, scratch, workspace, stride]: the
 * probabilities [batch, heads, tokens, tokens] are kept, or there is none of them.
 */
const attention: Job = (engine, part, parts, values) => {
  const [bytes, batch, heads, tokens, width, qkv, out, keep, probabilities, softmax, scratch, space, stride] =
    Array.from(values)
  const size = bytes as 4 | 8
  const head = width / heads
  const row = 3 * width
  const scale = 1 / Math.sqrt(head)
  const workspace = space + part * stride
  const [start, end] = stretch(batch * heads, part, parts)
  for (let i = start; i < end; i++) {
    const [b, h] = [Math.floor(i / heads), i % heads]
    const q = qkv + (b * tokens * row + h * head) * bytes
    const k = q + width * bytes
    const v = k + width * bytes
    const o = out + (b * tokens * width + h * head) * bytes
    for (const [first, last] of blocksOf(tokens)) {
      const rows = last - first
      // Probabilities that are not kept need no room for the keys behind the block.
      const keys = keep ? tokens : last
      const p = keep ? probabilities + (i * tokens + first) * tokens * bytes : scratch + part * stride
      const qBlock = q + first * row * bytes
      engine.gemm(size, 0, 1, rows, last, head, qBlock, row, k, row, 0, p, keys, workspace)
      engine.table[softmax](p, p, rows, keys, scale, first)
      const oBlock = o + first * width * bytes
      engine.gemm(size, 0, 0, rows, head, last, p, keys, v, row, 0, oBlock, width, workspace)
    }
  }
}

/** [bytes, batch, heads, tokens, width, qkv, probabilities, gradient, out, softmaxGradientKernel, scratch, workspace, stride] */
const attentionGradient: Job = (engine, part, parts, values) => {
  const [
    bytes,
    batch,
    heads,
    tokens,
    width,
    qkv,
    probabilities,
    gradient,
    out,
    softmaxGradient,
    scratch,
    space,
    stride
  ] = Array.from(values)
  const size = bytes as 4 | 8
  const head = width / heads
  const row = 3 * width
  const scale = 1 / Math.sqrt(head)
  const scores = scratch + part * stride
  const workspace = space + part * stride
  const line = tokens * bytes
  const [start, end] = stretch(batch * heads, part, parts)
  for (let i = start; i < end; i++) {
    const [b, h] = [Math.floor(i / heads), i % heads]
    const offset = (b * tokens * row + h * head) * bytes
    const q = qkv + offset
    const k = q + width * bytes
    const v = k + width * bytes
    const p = probabilities + i * tokens * line
    const g = gradient + (b * tokens * width + h * head) * bytes
    const dq = out + offset
    const dk = dq + width * bytes
    const dv = dk + width * bytes
    for (const [first, last] of blocksOf(tokens)) {
      const rows = last - first
      const s = scores + first * line
      const gBlock = g + first * width * bytes
      engine.gemm(size, 0, 1, rows, last, head, gBlock, width, v, row, 0, s, tokens, workspace)
      engine.table[softmaxGradient](p + first * line, s, s, rows, tokens, scale, first)
      const dqBlock = dq + first * row * bytes
      engine.gemm(size, 0, 0, rows, head, last, s, tokens, k, row, 0, dqBlock, row, workspace)
    }
    // A key is seen by the queries from its own on.
    for (const [first, last] of blocksOf(tokens)) {
      const keys = last - first
      const queries = tokens - first
      const corner = first * line + first * bytes
      const to = first * row * bytes
      const gFrom = g + first * width * bytes
      engine.gemm(
        size,
        1,
        0,
        keys,
        head,
        queries,
        p + corner,
        tokens,
        gFrom,
        width,
        0,
        dv + to,
        row,
        workspace
      )
      const qFrom = q + first * row * bytes
      engine.gemm(
        size,
        1,
        0,
        keys,
        head,
        queries,
        scores + corner,
        tokens,
        qFrom,
        row,
        0,
        dk + to,
        row,
        workspace
      )
    }
  }
}

export const jobs = {
  byRows,
  byNumberedRows,
  byColumns,
  reduce,
  copy,
  gemm,
  attention,
  attentionGradient
} as const
export type JobName = keyof typeof jobs
export const jobList: ReadonlyArray<Job> = Object.values(jobs)
export const jobNumber = Object.fromEntries(Object.keys(jobs).map((name, i) => [name, i])) as Record<
  JobName,
  number
>
