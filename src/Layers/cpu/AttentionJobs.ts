import { type Job, stretch } from "./Job.ts"
import type { Sizes } from "./ProductJob.ts"

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
export const attention: Job = (engine, part, parts, values) => {
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
export const attentionGradient: Job = (engine, part, parts, values) => {
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
