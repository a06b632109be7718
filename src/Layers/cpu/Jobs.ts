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
  /** True where `gemm` shares its work out to threads of its own. */
  readonly ownThreads: boolean
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

/** A multiple of the tiles of both products, in float32 and float64; narrower stripes cost a BLAS a third of its speed. */
const stripeTile = 48

/** Stripes of whole tiles that each matrix of a batch of results is cut into, along its longer side. */
export const gemmStripes = (batch: number, m: number, n: number, parts: number): number =>
  Math.min(Math.ceil(parts / batch), Math.max(1, Math.floor(Math.max(m, n) / stripeTile)))

/**
 * The lines [start, end) of a stripe. The last one takes what is left behind the last whole tile: a stripe of one line would
 * be done by another kernel, which rounds differently.
 */
export const gemmStripe = (
  m: number,
  n: number,
  index: number,
  stripes: number
): readonly [number, number] => {
  const lines = Math.max(m, n)
  const tiles = Math.floor(lines / stripeTile)
  const boundary = (i: number) => (i === stripes ? lines : Math.floor((i * tiles) / stripes) * stripeTile)
  return [boundary(index), boundary(index + 1)]
}

/**
 * [bytes, batch, transposeA, transposeB, m, n, k, a, lda, aBatch, b, ldb, bBatch, beta, c, ldc, cBatch, workspace, workspaceStride,
 * stripes], batch strides in bytes. Batches are shared out, and where they are too few, stripes of each.
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
    beta,
    c,
    ldc,
    cBatch,
    space,
    spaceStride,
    stripes
  ] = Array.from(values)
  const size = bytes as 4 | 8
  const workspace = space + part * spaceStride
  const rowBytes = m >= n ? bytes * (tA ? 1 : lda) : 0
  const columnBytes = m >= n ? 0 : bytes * (tB ? ldb : 1)
  const resultBytes = m >= n ? ldc * bytes : bytes
  const [first, last] = stretch(batch * stripes, part, parts)
  for (let unit = first; unit < last; unit++) {
    const i = Math.floor(unit / stripes)
    const [start, end] = gemmStripe(m, n, unit % stripes, stripes)
    engine.gemm(
      size,
      tA,
      tB,
      m >= n ? end - start : m,
      m >= n ? n : end - start,
      k,
      a + i * aBatch + start * rowBytes,
      lda,
      b + i * bBatch + start * columnBytes,
      ldb,
      beta,
      c + i * cBatch + start * resultBytes,
      ldc,
      workspace
    )
  }
}

/** [bytes, batch, heads, tokens, width, qkv, out, probabilities, softmaxKernel, workspace, workspaceStride] */
const attention: Job = (engine, part, parts, values) => {
  const [bytes, batch, heads, tokens, width, qkv, out, probabilities, softmax, space, spaceStride] =
    Array.from(values)
  const size = bytes as 4 | 8
  const head = width / heads
  const scale = 1 / Math.sqrt(head)
  const workspace = space + part * spaceStride
  const [start, end] = stretch(batch * heads, part, parts)
  for (let i = start; i < end; i++) {
    const [b, h] = [Math.floor(i / heads), i % heads]
    const q = qkv + (b * tokens * 3 * width + h * head) * bytes
    const k = q + width * bytes
    const v = k + width * bytes
    const p = probabilities + i * tokens * tokens * bytes
    engine.gemm(size, 0, 1, tokens, tokens, head, q, 3 * width, k, 3 * width, 0, p, tokens, workspace)
    engine.table[softmax](p, p, tokens, tokens, scale, 0)
    const o = out + (b * tokens * width + h * head) * bytes
    engine.gemm(size, 0, 0, tokens, head, tokens, p, tokens, v, 3 * width, 0, o, width, workspace)
  }
}

/** [bytes, batch, heads, tokens, width, qkv, probabilities, gradient, out, softmaxGradientKernel, workspace, workspaceStride] */
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
    space,
    spaceStride
  ] = Array.from(values)
  const size = bytes as 4 | 8
  const head = width / heads
  const scale = 1 / Math.sqrt(head)
  const scores = space + part * spaceStride
  const workspace = scores + tokens * tokens * bytes
  const [start, end] = stretch(batch * heads, part, parts)
  const row = 3 * width
  for (let i = start; i < end; i++) {
    const [b, h] = [Math.floor(i / heads), i % heads]
    const offset = (b * tokens * row + h * head) * bytes
    const q = qkv + offset
    const k = q + width * bytes
    const v = k + width * bytes
    const p = probabilities + i * tokens * tokens * bytes
    const g = gradient + (b * tokens * width + h * head) * bytes
    const dq = out + offset
    const dk = dq + width * bytes
    const dv = dk + width * bytes
    engine.gemm(size, 1, 0, tokens, head, tokens, p, tokens, g, width, 0, dv, row, workspace)
    engine.gemm(size, 0, 1, tokens, tokens, head, g, width, v, row, 0, scores, tokens, workspace)
    engine.table[softmaxGradient](p, scores, scores, tokens, tokens, scale, 0)
    engine.gemm(size, 0, 0, tokens, head, tokens, scores, tokens, k, row, 0, dq, row, workspace)
    engine.gemm(size, 1, 0, tokens, head, tokens, scores, tokens, q, row, 0, dk, row, workspace)
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
