import { Effect } from "effect"
import { type Key, stream } from "../Random/index.ts"
import { Backend, NumericalError, type TensorError } from "../Tensor/index.ts"
import { orthogonalise } from "./Orthogonalisation.ts"
import type { TensorTrain } from "./TensorTrain.ts"
import { timeSlice } from "../Iteration/TimeSlice.ts"

/** Index rows drawn at random, and what each was drawn with. */
export interface Samples {
  /** [count, d] */
  readonly indices: Int32Array
  /** Natural logarithm of the probability with which each row is drawn. */
  readonly logProbabilities: Float64Array
}

/**
 * What the indices are drawn in proportion to: "square", Y², exactly; "modulus", |Y|, exactly where Y has no negative elements,
 * else each index in proportion to the modulus of its signed marginal, which `logProbabilities` tells.
 */
export type SamplingDensity = "square" | "modulus"

/** See `TensorTrains.sample`. */
export const sample = Effect.fnUntraced(function* (
  train: TensorTrain,
  count: number,
  density: SamplingDensity,
  key: Key
): Effect.fn.Return<Samples, TensorError, Backend> {
  // With orthonormal rows after core 0, the length of a row of a partial product is the norm of all that begins so.
  const source = density === "square" ? yield* orthogonalise(train, 0) : train
  const masses = density === "square" ? undefined : sumsAfter(train)
  const dimensions = source.modes.length
  const random = stream(key)
  const indices = new Int32Array(count * dimensions)
  const logProbabilities = new Float64Array(count)
  const pause = timeSlice()
  for (let row = 0; row < count; row++) {
    let prefix = Float64Array.of(1)
    let logProbability = 0
    for (let k = 0; k < dimensions; k++) {
      const slices = prefixSlices(prefix, source, k)
      const { weights, total } = weightsOf(slices, source.modes[k], masses?.[k + 1])
      if (!(total > 0))
        return yield* new NumericalError({
          operation: "TensorTrains.sample",
          reason:
            k === 0
              ? "the tensor is zero, or its sum is: there is nothing to draw in proportion to"
              : `every continuation of [${indices.subarray(row * dimensions, row * dimensions + k).join(", ")}] weighs 0`
        })
      const index = random.categorical(weights)
      const columns = source.ranks[k + 1]
      indices[row * dimensions + k] = index
      logProbability += Math.log(weights[index] / total)
      prefix = slices.slice(index * columns, (index + 1) * columns)
      scaleDown(prefix)
    }
    logProbabilities[row] = logProbability
    yield* pause
  }
  return { indices, logProbabilities }
})

// prefix: [r_{k-1}] -> prefix G_k, [n_k, r_k]
const prefixSlices = (
  prefix: Float64Array,
  { modes, ranks, cores }: TensorTrain,
  k: number
): Float64Array<ArrayBuffer> => {
  const width = modes[k] * ranks[k + 1]
  const result = new Float64Array(width)
  for (let p = 0; p < prefix.length; p++)
    for (let j = 0; j < width; j++) result[j] += prefix[p] * cores[k][p * width + j]
  return result
}

// slices: [n, r], mass: [r]
const weightsOf = (
  slices: Float64Array,
  size: number,
  mass: Float64Array | undefined
): { readonly weights: Float64Array; readonly total: number } => {
  const columns = slices.length / size
  const weights = new Float64Array(size)
  let total = 0
  for (let i = 0; i < size; i++) {
    let weight = 0
    for (let s = 0; s < columns; s++) {
      const value = slices[i * columns + s]
      weight += mass === undefined ? value * value : value * mass[s]
    }
    weights[i] = Math.abs(weight)
    total += weights[i]
  }
  return { weights, total }
}

/** Only the direction of a prefix matters; at a length of 1 its products stay in range. */
const scaleDown = (prefix: Float64Array): void => {
  let largest = 0
  for (let s = 0; s < prefix.length; s++) largest = Math.max(largest, Math.abs(prefix[s]))
  if (largest > 0) for (let s = 0; s < prefix.length; s++) prefix[s] /= largest
}

/** sums[k]: [r_k], the sum over all indices of the product of the slices after core k - 1, up to a positive factor. */
const sumsAfter = ({ modes, ranks, cores }: TensorTrain): ReadonlyArray<Float64Array> => {
  const sums = ranks.map((rank) => new Float64Array(rank))
  sums[modes.length][0] = 1
  for (let k = modes.length - 1; k >= 0; k--) {
    const columns = ranks[k + 1]
    for (let row = 0; row < ranks[k] * modes[k]; row++) {
      const into = Math.floor(row / modes[k])
      for (let s = 0; s < columns; s++) sums[k][into] += cores[k][row * columns + s] * sums[k + 1][s]
    }
    scaleDown(sums[k])
  }
  return sums
}
