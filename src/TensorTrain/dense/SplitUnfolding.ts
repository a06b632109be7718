import { Effect } from "effect"
import { transposed } from "../../Tensor/HostMatrix.ts"
import { Backend, type Factorizations, type TensorError } from "../../Tensor/index.ts"
import { hostTask } from "../../Tensor/HostTask.ts"
import { rankWithin } from "../Truncation.ts"
import { dominantDirections, type GramMatrix, type SplitLimits } from "./DominantDirections.ts"
import { leadingColumns, product, scaledColumns } from "./HostProducts.ts"
import { orthonormalRows } from "./Orthonormal.ts"
import { gramOfColumns, squaredDistance, tallProduct } from "./TallMatrix.ts"

/** a ~ rest core, with orthonormal rows in core. */
export interface Split {
  /** [rows, rank] */
  readonly rest: Float64Array
  /** [rank, columns] */
  readonly core: Float64Array
  readonly rank: number
  /** ||a - rest core||² */
  readonly discarded: number
}

/** An unfolding a [rows, columns], cut to the smallest rank that the limits allow, or nearly so. */
export const splitUnfolding = Effect.fnUntraced(function* (
  a: Float64Array,
  columns: number,
  limits: SplitLimits
): Effect.fn.Return<Split, TensorError, Backend> {
  const { factorizations: host } = yield* Backend
  const rows = a.length / columns
  const isSmall = a.length * Math.min(rows, columns) <= smallDecomposition
  if (isSmall || (rows < columns && rows < leastRowsForGram))
    return yield* hostTask(() => splitBySvd(a, columns, limits, host))
  const split = rows < columns ? yield* splitWide(a, columns, limits) : yield* splitTall(a, columns, limits)
  return split ?? (yield* hostTask(() => splitBySvd(a, columns, limits, host)))
})

/** So many multiplications are done before several calls are made. */
const smallDecomposition = 16_384

/** Below so many rows a singular value decomposition of a wide matrix costs no more than the way around it. */
const leastRowsForGram = 128

const splitBySvd = (
  a: Float64Array,
  columns: number,
  { allowance, maxRank }: SplitLimits,
  host: Factorizations
): Split => {
  const rows = a.length / columns
  const { u, s, vt } = host.svd(a, rows, columns)
  const { rank, discarded } = rankWithin(s, allowance, maxRank)
  const rest = scaledColumns(leadingColumns(u, rows, s.length, rank), rank, s)
  return { rest, core: vt.slice(0, rank * columns), rank, discarded }
}

/** By the directions u of its columns: a ~ u (uᵀ a), where the rows of uᵀ a are nearly orthogonal. */
const splitWide = Effect.fnUntraced(function* (
  a: Float64Array,
  columns: number,
  limits: SplitLimits
): Effect.fn.Return<Split | undefined, TensorError, Backend> {
  const { factorizations: host } = yield* Backend
  const rows = a.length / columns
  const gram: GramMatrix<never> = (projector) =>
    hostTask(() => {
      const along = projector === undefined ? a : host.multiply(projector, a, rows, rows, columns)
      return host.multiply(along, along, rows, columns, rows, { transposeB: true })
    })
  const directions = yield* dominantDirections(gram, rows, limits, columns >= fewRowsPerColumn * rows)
  if (directions === undefined) return undefined
  const { vectors, rank, discarded } = directions
  return yield* hostTask(() => {
    const along = product(host, vectors, a, rank, rows, columns)
    const { basis, triangle } = orthonormalRows(host, along, rank, columns)
    const rest = host.multiply(vectors, triangle, rows, rank, rank, { transposeA: true })
    return { rest, core: basis, rank, discarded }
  })
})

/** With fewer rows a column a singular value decomposition costs less than a second Gram matrix. */
const fewRowsPerColumn = 4

const splitTall = Effect.fnUntraced(function* (
  a: Float64Array,
  columns: number,
  limits: SplitLimits
): Effect.fn.Return<Split | undefined, TensorError, Backend> {
  const rows = a.length / columns
  const sampled = yield* splitBySample(a, columns, limits)
  if (sampled !== undefined) return sampled
  const directions = yield* dominantDirections<Backend>(
    (projector) => gramOfColumns(a, columns, projector),
    columns,
    limits,
    rows >= fewRowsPerColumn * columns
  )
  if (directions === undefined) return undefined
  const { vectors, rank, discarded } = directions
  return {
    rest: yield* tallProduct(a, columns, transposed(vectors, rank, columns)),
    core: vectors,
    rank,
    discarded
  }
})

/** A sample is worth its while for so many columns, with so many times its rows in the whole, which it must be short of. */
const leastColumnsToSample = 32
const rowsPerSampledRow = 3
/** How far below its share of what may be discarded a sample is looked at. */
const sampleShare = 1e-3
/** What part of what may be discarded the directions of a sample may miss. */
const missedShare = 0.05
/** Directions of a sample above this share of the columns save nothing. */
const fewShare = 1 / 3

/**
 * Where a sample of the rows has few directions, they most often are all there are: a is looked at along these alone, which is
 * a fraction of the work of its Gram matrix, and what lies outside of them is measured, not guessed. undefined where that is too
 * much.
 */
const splitBySample = Effect.fnUntraced(function* (
  a: Float64Array,
  columns: number,
  { allowance, total, maxRank }: SplitLimits
): Effect.fn.Return<Split | undefined, TensorError, Backend> {
  const { factorizations: host } = yield* Backend
  const rows = a.length / columns
  const count = Math.floor(columns / 2)
  const noise = columns * Number.EPSILON ** 2 * total
  if (columns < leastColumnsToSample || rows < rowsPerSampledRow * count || allowance < noise)
    return undefined
  const sample = spreadRows(a, columns, count)
  const seen = yield* splitUnfolding(sample, columns, {
    allowance: (sampleShare * allowance * count) / rows,
    total: (total * count) / rows,
    maxRank: count
  })
  if (seen.rank > fewShare * columns) return undefined
  const along = yield* tallProduct(a, columns, transposed(seen.core, seen.rank, columns))
  const missed = yield* squaredDistance(a, columns, along, seen.core)
  if (missed > missedShare * allowance) return undefined
  const inner = yield* splitUnfolding(along, seen.rank, { allowance: allowance - missed, total, maxRank })
  return {
    ...inner,
    core: yield* hostTask(() => product(host, inner.core, seen.core, inner.rank, seen.rank, columns)),
    discarded: inner.discarded + missed
  }
})

/** Rows of a [rows, columns] at multiples of the golden ratio, which fall in with no period of a tensor's indices. */
const spreadRows = (a: Float64Array, columns: number, count: number): Float64Array => {
  const rows = a.length / columns
  const sample = new Float64Array(count * columns)
  for (let j = 0; j < count; j++) {
    const row = Math.floor(((j * goldenRatio) % 1) * rows)
    sample.set(a.subarray(row * columns, (row + 1) * columns), j * columns)
  }
  return sample
}

const goldenRatio = (1 + Math.sqrt(5)) / 2
