import { attention, attentionGradient } from "./AttentionJobs.ts"
import { type Job, stretch } from "./Job.ts"
import { gemm } from "./ProductJob.ts"

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
