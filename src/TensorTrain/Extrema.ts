import { Effect } from "effect"
import type { Backend, TensorError } from "../Tensor/index.ts"
import { addConstant, hadamard } from "./Arithmetic.ts"
import { beamSearch } from "./BeamSearch.ts"
import { evaluate } from "./Evaluation.ts"
import { orthogonalise } from "./Orthogonalisation.ts"
import { round } from "./Rounding.ts"
import type { TensorTrain } from "./TensorTrain.ts"

export interface ExtremaOptions {
  /** Partial indices kept at each mode, at least 1; default 100. Where it is as large as the tensor, the answer is exact. */
  readonly beam?: number | undefined
}

export interface Extremum {
  readonly index: Int32Array
  readonly value: number
}

export interface Extrema {
  readonly maximum: Extremum
  readonly minimum: Extremum
}

/** Above this rank the square of a train, whose cores have the fourth power of it in numbers, costs more than a wider beam. */
const largestSquaredRank = 10

/** What rounding may change the square of a shifted train by; only the order of its elements matters. */
const squareTolerance = 1e-6

/**
 * The largest and the smallest element that are found: a beam search by modulus finds one of the two, another on the tensor
 * shifted by that value, squared where its ranks are small, the other (Chertkov et al., "Optimization of functions given in the
 * tensor train format", arXiv 2209.14808). Each candidate is then improved one index at a time. Not certain to be the true
 * ones.
 */
export const extrema = Effect.fnUntraced(function* (
  train: TensorTrain,
  { beam = 100 }: ExtremaOptions
): Effect.fn.Return<Extrema, TensorError, Backend> {
  const first = yield* candidates(train, beam)
  const values = evaluate(train, first)
  let largest = 0
  for (let row = 0; row < values.length; row++)
    if (Math.abs(values[row]) > Math.abs(values[largest])) largest = row
  const shifted = addConstant(train, -values[largest])
  const searched =
    shifted.largestRank <= largestSquaredRank
      ? yield* round(hadamard(shifted, shifted), { tolerance: squareTolerance })
      : shifted
  const second = yield* candidates(searched, beam)
  const all = new Int32Array(first.length + second.length)
  all.set(first)
  all.set(second, first.length)
  const found = evaluate(train, all)
  let [top, bottom] = [0, 0]
  for (let row = 1; row < found.length; row++) {
    if (found[row] > found[top]) top = row
    if (found[row] < found[bottom]) bottom = row
  }
  const dimensions = train.modes.length
  const at = (row: number) => all.slice(row * dimensions, (row + 1) * dimensions)
  return {
    maximum: climb(train, at(top), found[top], 1),
    minimum: climb(train, at(bottom), found[bottom], -1)
  }
})

/** Index rows of large modulus, searched from the first mode and from the last. */
const candidates = Effect.fnUntraced(function* (
  train: TensorTrain,
  beam: number
): Effect.fn.Return<Int32Array, TensorError, Backend> {
  const forward = yield* beamSearch(yield* orthogonalise(train, 0), beam, "right")
  const backward = yield* beamSearch(yield* orthogonalise(train, train.modes.length - 1), beam, "left")
  const all = new Int32Array(forward.length + backward.length)
  all.set(forward)
  all.set(backward, forward.length)
  return all
})

/** Changes one index at a time to the best of its mode, until none changes. */
const climb = (train: TensorTrain, start: Int32Array, value: number, sign: 1 | -1): Extremum => {
  let best: Extremum = { index: start, value }
  for (let unchanged = 0, k = 0; unchanged < train.modes.length; k = (k + 1) % train.modes.length) {
    const size = train.modes[k]
    const rows = new Int32Array(size * train.modes.length)
    for (let i = 0; i < size; i++) {
      rows.set(best.index, i * train.modes.length)
      rows[i * train.modes.length + k] = i
    }
    const values = evaluate(train, rows)
    let at = best.index[k]
    for (let i = 0; i < size; i++) if (sign * values[i] > sign * values[at]) at = i
    unchanged = at === best.index[k] ? unchanged + 1 : 1
    if (at !== best.index[k]) {
      const from = at * train.modes.length
      best = { index: rows.slice(from, from + train.modes.length), value: values[at] }
    }
  }
  return best
}
