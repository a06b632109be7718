import { Effect } from "effect"
import { Backend, type TensorError } from "../Tensor/index.ts"
import { hostTask } from "../Tensor/HostTask.ts"
import { zeros } from "./Arithmetic.ts"
import { product } from "./dense/HostProducts.ts"
import { euclideanNorm } from "./dense/PowerOfTwo.ts"
import { splitUnfolding } from "./dense/SplitUnfolding.ts"
import { orthogonaliseLeft, sweepOf, trainOf } from "./Orthogonalisation.ts"
import type { TensorTrain } from "./TensorTrain.ts"
import { timeSlice } from "../Iteration/TimeSlice.ts"
import { type Accuracy, defaultTolerance, ErrorBudget, largestRankAt } from "./Truncation.ts"

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
    const { rest, core, rank, discarded } = yield* splitUnfolding(
      sweep.cores[k],
      sweep.modes[k] * sweep.ranks[k + 1],
      { allowance: budget.allowance, total: norm ** 2, maxRank: largestRankAt(maxRank, k) }
    )
    budget.spend(discarded)
    sweep.cores[k] = core
    const height = sweep.ranks[k - 1] * sweep.modes[k - 1]
    sweep.cores[k - 1] = yield* hostTask(() =>
      product(host, sweep.cores[k - 1], rest, height, sweep.ranks[k], rank)
    )
    sweep.ranks[k] = rank
    yield* pause
  }
  return yield* hostTask(() => trainOf(sweep, 0))
})
