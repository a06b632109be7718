import { Effect } from "effect"
import { transposed } from "../Tensor/HostMatrix.ts"
import { Backend, NumericalError, ShapeError, type TensorError } from "../Tensor/index.ts"
import { sizeOf } from "../Tensor/Tensor.ts"
import { hostTask } from "../Tensor/HostTask.ts"
import { powerOfTwo } from "./dense/PowerOfTwo.ts"
import { type Split, splitUnfolding } from "./dense/SplitUnfolding.ts"
import { gramOfColumns, tallProduct } from "./dense/TallMatrix.ts"
import { TensorTrain } from "./TensorTrain.ts"
import { type Accuracy, defaultTolerance, ErrorBudget, largestRankAt } from "./Truncation.ts"

/** A train, and the error that its truncations added up to. */
export interface Decomposition {
  readonly train: TensorTrain
  /** ||A - TT|| / ||A||; 0 for A = 0. */
  readonly relativeError: number
}

/**
 * TT-SVD of a [n_1, ..., n_d], row-major and finite, within ||A - TT|| <= tolerance ||A|| (Oseledets, 2011, algorithm 1, from the
 * last mode to the first, which leaves every unfolding tall). All cores but the first have orthonormal rows. `squares` is
 * ||A||² where it is known, infinite where it is out of range.
 */
export const decompose = Effect.fnUntraced(function* (
  a: Float64Array,
  modes: ReadonlyArray<number>,
  { tolerance = defaultTolerance, maxRank }: Accuracy,
  squares = squaredNorm(a)
): Effect.fn.Return<Decomposition, TensorError, Backend> {
  // Another scale only where squares leave the range, or fall so low that they lose digits.
  const scale = squares > 1e250 || squares < 1e-200 ? powerOfTwo(a) : 1
  let rest = scale === 1 ? a : a.map((value) => value / scale)
  const total = scale === 1 ? squares : squaredNorm(rest)
  const budget = new ErrorBudget(tolerance ** 2 * total, modes.length - 1)
  const cores: Array<Float64Array> = []
  const ranks: Array<number> = [1]
  let squaredError = 0
  for (let k = modes.length - 1; k > 0; ) {
    const from =
      tolerance >= leastToleranceForGroups && total > 0 ? groupStart(rest.length, modes, k, ranks[0]) : k
    const columns = sizeOf(modes.slice(from, k + 1)) * ranks[0]
    const limits = (mode: number) => ({
      allowance: budget.allowance,
      total,
      maxRank: largestRankAt(maxRank, mode)
    })
    let split = yield* splitUnfolding(rest, columns, limits(from))
    budget.spend(split.discarded)
    squaredError += split.discarded
    if (from < k) {
      // In the place of the long rest, its triangular factor, which weighs the short core alike.
      const { triangle, weighted } = yield* weightedCore(split, columns)
      let group = weighted
      for (; k > from; k--) {
        const last = yield* splitUnfolding(group, modes[k] * ranks[0], limits(k))
        budget.spend(last.discarded)
        squaredError += last.discarded
        cores.unshift(last.core)
        ranks.unshift(last.rank)
        group = last.rest
      }
      split = yield* unweighted(split, triangle, group, modes[from] * ranks[0])
    }
    cores.unshift(split.core)
    ranks.unshift(split.rank)
    rest = split.rest
    k--
  }
  const first = scale === 1 && rest !== a ? rest : rest.map((value) => value * scale)
  const train = yield* hostTask(() => new TensorTrain(modes, [1, ...ranks], [first, ...cores]))
  return { train, relativeError: total === 0 ? 0 : Math.sqrt(squaredError / total) }
})

/** Modes are split off together up to so many columns while there are so many numbers, each pass over which costs more. */
const groupedColumns = 32
const leastToGroup = 65_536
const leastToleranceForGroups = 1e-12

/** The first of the modes up to k that are split off at once. */
const groupStart = (size: number, modes: ReadonlyArray<number>, k: number, rank: number): number => {
  if (size < leastToGroup) return k
  let [from, columns] = [k, modes[k] * rank]
  while (from > 1 && columns * modes[from - 1] <= groupedColumns) columns *= modes[--from]
  return from
}

/** For rest = q r: the triangle rᵀ [rank, rank], and r core. */
const weightedCore = Effect.fnUntraced(function* (split: Split, columns: number) {
  const { factorizations: host } = yield* Backend
  const { rest, core, rank } = split
  const gram = yield* gramOfColumns(rest, rank)
  return yield* hostTask(() => {
    const triangle = host.cholesky(gram, rank)
    return { triangle, weighted: host.multiply(triangle, core, rank, rank, columns, { transposeA: true }) }
  })
})

/** The split whose core is what is left of a weighted one [rank, columns], its rows made orthonormal again. */
const unweighted = Effect.fnUntraced(function* (
  split: Split,
  triangle: Float64Array,
  weighted: Float64Array,
  columns: number
): Effect.fn.Return<Split, TensorError, Backend> {
  const { factorizations: host } = yield* Backend
  const kept = Math.min(split.rank, columns)
  const { core, change } = yield* hostTask(() => {
    const { q, r } = host.qr(transposed(weighted, split.rank, columns), columns, split.rank)
    const factor = transposed(r, kept, split.rank)
    return {
      core: transposed(q, columns, kept),
      change: host.solveTriangular(triangle, split.rank, factor, kept, true)
    }
  })
  return { ...split, rank: kept, core, rest: yield* tallProduct(split.rest, split.rank, change) }
})

const squaredNorm = (a: Float64Array): number => {
  let total = 0
  for (let e = 0; e < a.length; e++) total += a[e] * a[e]
  return total
}

/**
 * ||A||², infinite where it is out of range. Refuses an array that does not fill its shape, an empty shape, and NaN or infinite
 * elements.
 */
export const checkDense = (
  operation: string,
  values: ArrayLike<number>,
  shape: ReadonlyArray<number>
): Effect.Effect<number, ShapeError | NumericalError> => {
  const wrong = (reason: string) => Effect.fail(new ShapeError({ operation, reason, shapes: [shape] }))
  if (shape.length === 0 || shape.some((size) => !Number.isInteger(size) || size < 1))
    return wrong("needs at least one mode, each a whole number of at least 1")
  const size = sizeOf(shape)
  if (values.length !== size) return wrong(`${values.length} numbers for a shape of ${size}`)
  let squares = 0
  for (let e = 0; e < size; e++) squares += values[e] * values[e]
  if (Number.isFinite(squares)) return Effect.succeed(squares)
  for (let e = 0; e < size; e++)
    if (!Number.isFinite(values[e])) {
      let left = e
      const index = shape.toReversed().map((mode) => {
        const digit = left % mode
        left = Math.floor(left / mode)
        return digit
      })
      return Effect.fail(
        new NumericalError({
          operation,
          reason: `element [${index.toReversed().join(", ")}] is ${values[e]}; a tensor train needs finite numbers`
        })
      )
    }
  return Effect.succeed(squares)
}
