import { Effect } from "effect"
import { Backend, type Factorizations, type TensorError } from "../Tensor/index.ts"
import { hostTask } from "../Tensor/HostTask.ts"
import { transposed } from "../Tensor/HostMatrix.ts"
import { product } from "./dense/HostProducts.ts"
import { orthonormalColumns } from "./dense/Orthonormal.ts"
import { euclideanNorm, powerOfTwo, timesPowerOfTwo } from "./dense/PowerOfTwo.ts"
import { TensorTrain } from "./TensorTrain.ts"
import { timeSlice } from "../Iteration/TimeSlice.ts"

/** Cores under work: a train whose scale 2^exponent is kept apart, so that no intermediate leaves the range. */
export interface Sweep {
  readonly modes: ReadonlyArray<number>
  readonly ranks: Array<number>
  readonly cores: Array<Float64Array>
  exponent: number
}

/** Cores of a scale within 2^+-256 multiply without leaving the range; others are brought there. */
const usualExponent = 256

export const sweepOf = (train: TensorTrain): Sweep => {
  let exponent = 0
  const cores = train.cores.map((core) => {
    const power = powerOfTwo(core)
    if (Math.abs(Math.log2(power)) <= usualExponent) return core
    exponent += Math.log2(power)
    return core.map((value) => value / power)
  })
  return { modes: train.modes, ranks: [...train.ranks], cores, exponent }
}

/** The train of a sweep, its scale put into core k. */
export const trainOf = ({ modes, ranks, cores, exponent }: Sweep, k: number): TensorTrain =>
  new TensorTrain(
    modes,
    ranks,
    exponent === 0
      ? cores
      : cores.map((core, at) => (at === k ? core.map((value) => timesPowerOfTwo(value, exponent)) : core))
  )

/** Divides a freshly made core by a power of two, which the sweep remembers. */
const normalise = (sweep: Sweep, core: Float64Array): Float64Array => {
  const power = powerOfTwo(core)
  if (power === 1) return core
  for (let e = 0; e < core.length; e++) core[e] /= power
  sweep.exponent += Math.log2(power)
  return core
}

/** Gives core k orthonormal columns, as a matrix [r_{k-1} n_k, r_k]; the other factor goes into core k + 1. */
export const orthogonaliseLeft = (sweep: Sweep, k: number, host: Factorizations): void => {
  const { modes, ranks, cores } = sweep
  const columns = ranks[k + 1]
  const { q, r, rank } = orthonormalColumns(host, cores[k], ranks[k] * modes[k], columns)
  cores[k] = q
  ranks[k + 1] = rank
  const width = modes[k + 1] * ranks[k + 2]
  cores[k + 1] = normalise(sweep, product(host, r, cores[k + 1], rank, columns, width))
}

/** Gives core k orthonormal rows, as a matrix [r_{k-1}, n_k r_k]; the other factor goes into core k - 1. */
export const orthogonaliseRight = (sweep: Sweep, k: number, host: Factorizations): void => {
  const { modes, ranks, cores } = sweep
  const rows = ranks[k]
  const columns = modes[k] * ranks[k + 1]
  const { q, r, rank } = orthonormalColumns(host, transposed(cores[k], rows, columns), columns, rows)
  cores[k] = transposed(q, columns, rank)
  ranks[k] = rank
  const height = ranks[k - 1] * modes[k - 1]
  cores[k - 1] = normalise(sweep, product(host, cores[k - 1], transposed(r, rank, rows), height, rows, rank))
}

/** The same train with orthonormal columns before core k and orthonormal rows after it; core k carries the norm. */
export const orthogonalise = Effect.fnUntraced(function* (
  train: TensorTrain,
  k: number
): Effect.fn.Return<TensorTrain, TensorError, Backend> {
  const sweep = yield* centred(train, k)
  return yield* hostTask(() => trainOf(sweep, k))
})

/** ||Y||, from orthogonal cores: as accurate for a small difference of large tensors as for any other. */
export const norm = Effect.fnUntraced(function* (
  train: TensorTrain
): Effect.fn.Return<number, TensorError, Backend> {
  const last = train.modes.length - 1
  const sweep = yield* centred(train, last)
  return timesPowerOfTwo(euclideanNorm(sweep.cores[last]), sweep.exponent)
})

const centred = Effect.fnUntraced(function* (
  train: TensorTrain,
  k: number
): Effect.fn.Return<Sweep, TensorError, Backend> {
  const { factorizations: host } = yield* Backend
  const sweep = sweepOf(train)
  const pause = timeSlice()
  for (let left = 0; left < k; left++) {
    yield* hostTask(() => orthogonaliseLeft(sweep, left, host))
    yield* pause
  }
  for (let right = train.modes.length - 1; right > k; right--) {
    yield* hostTask(() => orthogonaliseRight(sweep, right, host))
    yield* pause
  }
  return sweep
})
