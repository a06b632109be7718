import { Effect } from "effect"
import { type Key, stream } from "../../Random/index.ts"
import { type Factorizations, NumericalError, type ShapeError, type TensorError } from "../../Tensor/index.ts"
import { hostTask } from "../../Tensor/HostTask.ts"
import type { EvaluationBudgetError, EvaluationError } from "../Errors.ts"
import type { Evaluations } from "./Evaluations.ts"
import { transposed } from "../../Tensor/HostMatrix.ts"
import { leadingColumns } from "../dense/HostProducts.ts"
import { rectangularMaximumVolume } from "./MaximumVolume.ts"
import { appendRow, crossBlock, prefixRows, suffixRows } from "./NestedIndices.ts"
import { TensorTrain } from "../TensorTrain.ts"

export interface CrossProblem {
  readonly modes: ReadonlyArray<number>
  /** Singular values of a block below this share of its largest count as 0. */
  readonly cutoff: number
  /** Rows that a half-sweep takes beyond the rank it sees, at least, and as a share of that rank. */
  readonly kick: number
  readonly growth: number
  readonly maxRank: number
  readonly startingRank: number
}

/** Where alternating cross approximation stands; plain data, so that a run can be stored and continued. */
export interface CrossState {
  /** left[k]: [count, k] index rows over the first k modes, k = 0..d-1; nested. */
  readonly left: ReadonlyArray<Int32Array>
  /** right[k]: [count, d - k] index rows over the modes from k on, k = 1..d; nested. */
  readonly right: ReadonlyArray<Int32Array>
  /** Which way the next half-sweep goes. */
  readonly direction: "right" | "left"
  readonly halfSweeps: number
}

export type CrossError<E> = E | EvaluationError | EvaluationBudgetError | ShapeError | TensorError

/** Random nested suffixes, as many as the starting rank where there are so many, and only the empty prefix. */
export const initCross = (
  { modes, startingRank }: Pick<CrossProblem, "modes" | "startingRank">,
  key: Key
): CrossState => {
  const random = stream(key)
  const right: Array<Int32Array> = Array.from({ length: modes.length + 1 }, () => new Int32Array(0))
  for (let row = 0; row < startingRank; row++) {
    const suffix = Int32Array.from(modes, (size) => random.integer(size))
    for (let k = 1; k < modes.length; k++)
      right[k] = appendRow(right[k], suffix.subarray(k), modes.length - k)
  }
  const left = modes.map(() => new Int32Array(0))
  return { left, right, direction: "right", halfSweeps: 0 }
}

/** Adds a full index to every index set: where the approximation is known to be bad, the next half-sweep looks. */
export const withPivot = (state: CrossState, pivot: Int32Array): CrossState => {
  const dimensions = pivot.length
  return {
    ...state,
    left: state.left.map((rows, k) => (k === 0 ? rows : appendRow(rows, pivot.subarray(0, k), k))),
    right: state.right.map((rows, k) =>
      k === 0 || k === dimensions ? rows : appendRow(rows, pivot.subarray(k), dimensions - k)
    )
  }
}

/**
 * One half-sweep of alternating cross approximation (Oseledets and Tyrtyshnikov, "TT-cross approximation for multidimensional
 * arrays", 2010) with rectangular maxvol: at each mode the block [prefixes, n_k, suffixes] is evaluated at once, an
 * orthonormal basis of its columns is cut off at the rank that shows, and some rows more than that become the new index set.
 * Gives the next state, and the train that this half-sweep made.
 */
export const crossStep = Effect.fnUntraced(function* <E, R>(
  state: CrossState,
  problem: CrossProblem,
  evaluations: Evaluations<E, R>,
  host: Factorizations
): Effect.fn.Return<readonly [CrossState, TensorTrain], CrossError<E>, R> {
  const { modes } = problem
  const dimensions = modes.length
  const toRight = state.direction === "right"
  const left = [...state.left]
  const right = [...state.right]
  const cores: Array<Float64Array> = Array.from({ length: dimensions })
  const ranks: Array<number> = Array.from({ length: dimensions + 1 }, () => 1)
  for (let step = 0; step < dimensions; step++) {
    const k = toRight ? step : dimensions - 1 - step
    const block = crossBlock(left[k], right[k + 1], modes, k)
    const entries = yield* evaluations.at(block.indices)
    const values = Float64Array.from(entries, (entry) => evaluations.cache.value(entry))
    if (step === dimensions - 1) {
      cores[k] = values
      break
    }
    const matrix = toRight ? values : transposed(values, block.prefixes, modes[k] * block.suffixes)
    const columns = toRight ? block.suffixes : block.prefixes
    const basis = yield* hostTask(() => rowBasis(matrix, columns, problem, host))
    const found = basis.rows.length
    if (toRight) {
      cores[k] = basis.coefficients
      ranks[k + 1] = found
      left[k + 1] = prefixRows(block, basis.rows)
    } else {
      cores[k] = transposed(basis.coefficients, matrix.length / columns, found)
      ranks[k] = found
      right[k] = suffixRows(block, basis.rows)
    }
    yield* Effect.yieldNow
  }
  const train = yield* hostTask(() => new TensorTrain(modes, ranks, cores))
  const direction = toRight ? "left" : "right"
  return [{ left, right, direction, halfSweeps: state.halfSweeps + 1 }, train]
})

// a: [rows, columns]
const rowBasis = (
  a: Float64Array,
  columns: number,
  { cutoff, kick, growth, maxRank }: CrossProblem,
  host: Factorizations
): { readonly rows: Int32Array; readonly coefficients: Float64Array } => {
  const rows = a.length / columns
  const { u, s } = host.svd(a, rows, columns)
  if (s[0] === 0) return { rows: Int32Array.of(0), coefficients: new Float64Array(rows) }
  const seen = s.findLastIndex((value) => value > cutoff * s[0]) + 1
  const rank = Math.min(seen, maxRank, rows)
  const extra = Math.min(maxRank - rank, Math.max(kick, Math.ceil(growth * rank)))
  const vectors = leadingColumns(u, rows, s.length, rank)
  const basis = rectangularMaximumVolume(vectors, rows, rank, extra, 0.1)
  if (basis === undefined)
    throw new NumericalError({
      operation: "TensorTrains.fromFunction",
      reason:
        `the left singular vectors of a block [${rows}, ${columns}] are linearly dependent: ` +
        "its values differ too much in scale; approximate a logarithm or another bounded transform of the function"
    })
  return basis
}
