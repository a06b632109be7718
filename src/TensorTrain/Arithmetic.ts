import { ShapeError } from "../Tensor/index.ts"
import { requireMemory } from "./dense/Memory.ts"
import { powerOfTwo, timesPowerOfTwo } from "./dense/PowerOfTwo.ts"
import { TensorTrain } from "./TensorTrain.ts"

const requireSameModes = (operation: string, a: TensorTrain, b: TensorTrain): void => {
  if (a.modes.length !== b.modes.length || a.modes.some((size, k) => size !== b.modes[k]))
    throw new ShapeError({ operation, reason: "the modes differ", shapes: [a.modes, b.modes] })
}

/** value Y; the number goes into the first core. */
export const scale = (train: TensorTrain, value: number): TensorTrain =>
  new TensorTrain(train.modes, train.ranks, [train.cores[0].map((x) => value * x), ...train.cores.slice(1)])

/** X + Y: block diagonal cores, ranks add up (Oseledets, 2011, section 4.1). */
export const add = (a: TensorTrain, b: TensorTrain): TensorTrain => {
  requireSameModes("TensorTrain.add", a, b)
  const last = a.modes.length - 1
  if (last === 0)
    return new TensorTrain(a.modes, a.ranks, [a.cores[0].map((value, i) => value + b.cores[0][i])])
  const ranks = a.ranks.map((rank, k) => (k === 0 || k > last ? 1 : rank + b.ranks[k]))
  const cores = a.modes.map((size, k) => {
    const core = new Float64Array(ranks[k] * size * ranks[k + 1])
    copyBlock(core, ranks, a, k, 0, 0)
    copyBlock(core, ranks, b, k, k === 0 ? 0 : a.ranks[k], k === last ? 0 : a.ranks[k + 1])
    return core
  })
  return new TensorTrain(a.modes, ranks, cores)
}

const copyBlock = (
  target: Float64Array,
  ranks: ReadonlyArray<number>,
  train: TensorTrain,
  k: number,
  top: number,
  left: number
): void => {
  const [size, columns] = [train.modes[k], train.ranks[k + 1]]
  const core = train.cores[k]
  for (let row = 0; row < train.ranks[k]; row++)
    for (let i = 0; i < size; i++) {
      const from = (row * size + i) * columns
      target.set(core.subarray(from, from + columns), ((top + row) * size + i) * ranks[k + 1] + left)
    }
}

/** X - Y. */
export const subtract = (a: TensorTrain, b: TensorTrain): TensorTrain => add(a, scale(b, -1))

/** The elementwise product: Kronecker products of the slices, ranks multiply (Oseledets, 2011, section 4.2). */
export const hadamard = (a: TensorTrain, b: TensorTrain): TensorTrain => {
  requireSameModes("TensorTrain.hadamard", a, b)
  const ranks = a.ranks.map((rank, k) => rank * b.ranks[k])
  const cores = a.modes.map((size, k) => {
    const [rowsA, columnsA, rowsB, columnsB] = [a.ranks[k], a.ranks[k + 1], b.ranks[k], b.ranks[k + 1]]
    const [left, right] = [a.cores[k], b.cores[k]]
    requireMemory("TensorTrain.hadamard", [ranks[k], size, ranks[k + 1]], "round the factors first")
    const core = new Float64Array(ranks[k] * size * ranks[k + 1])
    let e = 0
    for (let p = 0; p < rowsA; p++)
      for (let q = 0; q < rowsB; q++)
        for (let i = 0; i < size; i++)
          for (let s = 0; s < columnsA; s++) {
            const factor = left[(p * size + i) * columnsA + s]
            const from = (q * size + i) * columnsB
            for (let t = 0; t < columnsB; t++) core[e++] = factor * right[from + t]
          }
    return core
  })
  return new TensorTrain(a.modes, ranks, cores)
}

/** X + value: the constant is a train of ones. */
export const addConstant = (train: TensorTrain, value: number): TensorTrain =>
  add(train, scale(ones(train.modes), value))

/** All ones, of rank 1. */
export const ones = (modes: ReadonlyArray<number>): TensorTrain => constant(modes, 1)

/** All zeros, of rank 1. */
export const zeros = (modes: ReadonlyArray<number>): TensorTrain => constant(modes, 0)

const constant = (modes: ReadonlyArray<number>, value: number): TensorTrain =>
  new TensorTrain(
    modes,
    Array.from({ length: modes.length + 1 }, () => 1),
    modes.map((size) => new Float64Array(size).fill(value))
  )

/**
 * <X, Y> = sum over all indices of X Y, contracted core by core: d n r³ work. Kept in range by powers of two, so that only a
 * result that is itself out of range overflows.
 */
export const dot = (a: TensorTrain, b: TensorTrain): number => {
  requireSameModes("TensorTrain.dot", a, b)
  let state = Float64Array.of(1)
  let exponent = 0
  for (let k = 0; k < a.modes.length; k++) {
    state = contractPair(state, a, b, k)
    const power = powerOfTwo(state)
    for (let e = 0; e < state.length; e++) state[e] /= power
    exponent += Math.log2(power)
  }
  return timesPowerOfTwo(state[0], exponent)
}

// state: [ra, rb] -> sum_i A[:, i, :]ᵀ state B[:, i, :], [ra', rb']
const contractPair = (
  state: Float64Array,
  a: TensorTrain,
  b: TensorTrain,
  k: number
): Float64Array<ArrayBuffer> => {
  const size = a.modes[k]
  const [rowsA, columnsA, rowsB, columnsB] = [a.ranks[k], a.ranks[k + 1], b.ranks[k], b.ranks[k + 1]]
  const [left, right] = [a.cores[k], b.cores[k]]
  // half: [ra, n, rb']
  const width = size * columnsB
  const half = new Float64Array(rowsA * width)
  for (let p = 0; p < rowsA; p++)
    for (let q = 0; q < rowsB; q++) {
      const factor = state[p * rowsB + q]
      if (factor === 0) continue
      for (let j = 0; j < width; j++) half[p * width + j] += factor * right[q * width + j]
    }
  const result = new Float64Array(columnsA * columnsB)
  for (let row = 0; row < rowsA * size; row++)
    for (let s = 0; s < columnsA; s++) {
      const factor = left[row * columnsA + s]
      if (factor === 0) continue
      for (let t = 0; t < columnsB; t++) result[s * columnsB + t] += factor * half[row * columnsB + t]
    }
  return result
}

/**
 * Sums some modes away with weights: the mode k with `weights[k]` [n_k] is contracted, the modes without stay. Where all are
 * contracted, one mode of size 1 is left, whose element is the sum.
 */
export const contractModes = (
  train: TensorTrain,
  weights: ReadonlyArray<Float64Array | undefined>
): TensorTrain => {
  const wrong = train.modes.findIndex((size, k) => weights[k] !== undefined && weights[k]?.length !== size)
  if (weights.length > train.modes.length || wrong >= 0)
    throw new ShapeError({
      operation: "TensorTrain.contractModes",
      reason: wrong >= 0 ? `mode ${wrong} needs ${train.modes[wrong]} weights` : "more weights than modes",
      shapes: [train.modes, weights.map((each) => each?.length ?? 0)]
    })
  const modes: Array<number> = []
  const ranks: Array<number> = [1]
  const cores: Array<Float64Array> = []
  // pending: [rows, r_k], what has been contracted since the last mode that stays.
  let pending = Float64Array.of(1)
  for (let k = 0; k < train.modes.length; k++) {
    const weight = weights[k]
    const joined = timesCore(pending, train, k)
    const columns = train.ranks[k + 1]
    if (weight === undefined) {
      modes.push(train.modes[k])
      ranks.push(columns)
      cores.push(joined)
      pending = identity(columns)
    } else {
      const rows = ranks[ranks.length - 1]
      pending = new Float64Array(rows * columns)
      for (let p = 0; p < rows; p++)
        for (let i = 0; i < weight.length; i++)
          for (let s = 0; s < columns; s++)
            pending[p * columns + s] += weight[i] * joined[(p * weight.length + i) * columns + s]
    }
  }
  if (modes.length === 0) return new TensorTrain([1], [1, 1], [pending])
  // The contracted modes at the end multiply the last core that stays.
  const rows = ranks[ranks.length - 1]
  const last = cores[cores.length - 1]
  const closed = new Float64Array(last.length / rows)
  for (let row = 0; row < closed.length; row++)
    for (let p = 0; p < rows; p++) closed[row] += last[row * rows + p] * pending[p]
  return new TensorTrain(modes, [...ranks.slice(0, -1), 1], [...cores.slice(0, -1), closed])
}

const identity = (size: number): Float64Array<ArrayBuffer> => {
  const matrix = new Float64Array(size * size)
  for (let p = 0; p < size; p++) matrix[p * size + p] = 1
  return matrix
}

// left: [rows, r_{k-1}] -> [rows, n_k, r_k]
const timesCore = (left: Float64Array, train: TensorTrain, k: number): Float64Array<ArrayBuffer> => {
  const inner = train.ranks[k]
  const rows = left.length / inner
  const width = train.modes[k] * train.ranks[k + 1]
  const result = new Float64Array(rows * width)
  for (let row = 0; row < rows; row++)
    for (let p = 0; p < inner; p++) {
      const factor = left[row * inner + p]
      if (factor === 0) continue
      for (let j = 0; j < width; j++) result[row * width + j] += factor * train.cores[k][p * width + j]
    }
  return result
}

/** The sum of all elements. */
export const sum = (train: TensorTrain): number => dot(train, ones(train.modes))
