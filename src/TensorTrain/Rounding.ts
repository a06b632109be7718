import { Effect } from "effect"
import { Backend, type Factorizations, type TensorError } from "../Tensor/index.ts"
import { hostTask } from "../Weight/index.ts"
import { zeros } from "./Arithmetic.ts"
import { leadingColumns, product, scaledColumns } from "./dense/HostMatrix.ts"
import { euclideanNorm } from "./dense/PowerOfTwo.ts"
import { orthogonaliseLeft, type Sweep, sweepOf, trainOf } from "./Orthogonalisation.ts"
import type { TensorTrain } from "./TensorTrain.ts"
import { timeSlice } from "../Tensor/TimeSlice.ts"
import { type Accuracy, defaultTolerance, ErrorBudget, largestRankAt, rankWithin } from "./Truncation.ts"

/**
 * The same tensor within ||X - Y|| <= tolerance ||Y|| in smaller ranks: orthogonal factors from the first core to the last,
 * truncated singular value decompositions on the way back (Oseledets, 2011, algorithm 2, mirrored, which transposes nothing).
 * All cores but the first then have orthonormal rows.
 */
export const round = Effect.fnUntraced(function* (
  train: TensorTrain,
  { tolerance = defaultTolerance, maxRank }: Accuracy
): Effect.fn.Return<TensorTrain, TensorError, Backend> {
  const { factorizations: host } = yield* Backend
  const sweep = sweepOf(train)
  const pause = timeSlice()
  const last = train.modes.length - 1
  for (let k = 0; k < last; k++) {
    yield* hostTask(() => orthogonaliseLeft(sweep, k, host))
    yield* pause
  }
  const norm = euclideanNorm(sweep.cores[last])
  if (norm === 0) return zeros(train.modes)
  const budget = new ErrorBudget((tolerance * norm) ** 2, last)
  for (let k = last; k > 0; k--) {
    const most = largestRankAt(maxRank, k)
    budget.spend(yield* hostTask(() => truncateRight(sweep, k, budget.allowance, most, host)))
    yield* pause
  }
  return yield* hostTask(() => trainOf(sweep, 0))
})

/** Keeps the leading singular directions of core k as its rows; the others' sum of squares is returned. */
const truncateRight = (
  { modes, ranks, cores }: Sweep,
  k: number,
  allowance: number,
  maxRank: number,
  host: Factorizations
): number => {
  const rows = ranks[k]
  const columns = modes[k] * ranks[k + 1]
  const { u, s, vt } = host.svd(cores[k], rows, columns)
  const { rank, discarded } = rankWithin(s, allowance, maxRank)
  const left = scaledColumns(leadingColumns(u, rows, s.length, rank), rank, s)
  cores[k] = vt.slice(0, rank * columns)
  cores[k - 1] = product(host, cores[k - 1], left, ranks[k - 1] * modes[k - 1], rows, rank)
  ranks[k] = rank
  return discarded
}
