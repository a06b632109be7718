import { Effect, type Scope } from "effect"
import { upload } from "../Tensor/Host.ts"
import {
  type Backend,
  compute,
  type FloatDType,
  type Operations,
  ShapeError,
  Tensor,
  type TensorError
} from "../Tensor/index.ts"
import { hostTask } from "../Tensor/HostTask.ts"
import { TensorTrain } from "./TensorTrain.ts"

/** The cores of a train as tensors [r_{k-1}, n_k, r_k] in the scope, in the backend's default float unless asked otherwise. */
export const toTensors = (
  train: TensorTrain,
  dtype?: FloatDType
): Effect.Effect<ReadonlyArray<Tensor>, TensorError, Backend | Scope.Scope> =>
  compute((t) =>
    train.cores.map((core, k) =>
      upload(t.region, core, [train.ranks[k], train.modes[k], train.ranks[k + 1]], dtype)
    )
  )

/** A train from cores on the backend, which stay where they are. */
export const fromTensors = Effect.fnUntraced(function* (
  cores: ReadonlyArray<Tensor>
): Effect.fn.Return<TensorTrain, TensorError, Backend> {
  const ranks = yield* hostTask(() => ranksOf("TensorTrains.fromTensors", cores))
  const values: Array<Float64Array> = []
  for (const core of cores) values.push(Float64Array.from(yield* Tensor.toArray(core)))
  return yield* hostTask(
    () =>
      new TensorTrain(
        cores.map(({ shape }) => shape[1]),
        ranks,
        values
      )
  )
})

/**
 * Inside a region: the elements at index rows, int32 [count, d] -> [count], by differentiable operations, so that cores can be
 * trained. Throws `ShapeError` where cores and indices do not fit together.
 */
export const elementsAt = (t: Operations, cores: ReadonlyArray<Tensor>, indices: Tensor): Tensor => {
  const operation = "elementsAt"
  ranksOf(operation, cores)
  if (indices.shape.length !== 2 || indices.shape[1] !== cores.length)
    throw new ShapeError({
      operation,
      reason: `${cores.length} cores need indices [count, ${cores.length}]`,
      shapes: [indices.shape]
    })
  const count = indices.shape[0]
  // slices: [count, r_{k-1}, r_k]
  const slices = (k: number) =>
    t.gather(t.transpose(cores[k], [1, 0, 2]), t.reshape(t.slice(indices, [0, k], [count, 1]), [count]))
  let z = slices(0)
  for (let k = 1; k < cores.length; k++) z = t.matmul(z, slices(k))
  return t.reshape(z, [count])
}

const ranksOf = (operation: string, cores: ReadonlyArray<Tensor>): ReadonlyArray<number> => {
  const shapes = cores.map(({ shape }) => shape)
  const wrong = (reason: string) => new ShapeError({ operation, reason, shapes })
  if (cores.length === 0 || shapes.some((shape) => shape.length !== 3))
    throw wrong("there must be cores, and each must be [r, n, r']")
  const ranks = [...shapes.map((shape) => shape[0]), shapes[shapes.length - 1][2]]
  if (shapes.some((shape, k) => shape[2] !== ranks[k + 1]) || ranks[0] !== 1 || ranks[cores.length] !== 1)
    throw wrong("the ranks of neighbours must agree, the first and the last be 1")
  return ranks
}
