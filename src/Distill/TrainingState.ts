import { Schema } from "effect"
import type { StreamState } from "../Random/index.ts"
import type { TypedArray } from "../Tensor/index.ts"
import type { Tensors } from "./Optimizer.ts"

/** One look at the held-out data; lower is better. */
export const Evaluation = Schema.Struct({
  /** Updates made before it. */
  step: Schema.Natural,
  /** Mean training loss since the last report. */
  loss: Schema.Finite,
  evaluation: Schema.Finite
})
export type Evaluation = typeof Evaluation.Type

/** The lowest evaluation so far, and the parameters that gave it, on the host. */
export interface Best {
  readonly step: number
  readonly evaluation: number
  readonly parameters: Readonly<Record<string, TypedArray>>
}

/**
 * All that a training run needs to go on bit for bit. Parameters and moments are tensors that change in place: a step uses
 * the state that it is given up.
 */
export interface TrainingState {
  /** Updates made so far. */
  readonly step: number
  readonly parameters: Tensors
  readonly moments: Tensors
  /** Where the stream of random numbers that chooses batches stands. */
  readonly sampler: StreamState
  /** Seconds spent on updates, over all processes that worked on the run. */
  readonly seconds: number
  readonly best: Best | undefined
  readonly history: ReadonlyArray<Evaluation>
}
