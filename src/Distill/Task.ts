import type { Effect, Schema } from "effect"
import type { Key, Stream } from "../Random/index.ts"
import type { Operations } from "../Tensor/index.ts"
import type { Loss } from "./Losses.ts"
import type { Tensors } from "./Optimizer.ts"

/** What is to be learnt; the trainer knows nothing else of it. */
export interface Task<Batch, E = never, R = never> {
  /** What is trained, in place, by name; at least one. */
  readonly parameters: Tensors
  /** The next (micro-)batch; all that is random in it comes from the stream. */
  readonly nextBatch: (stream: Stream) => Batch
  /** What a batch counts for in the speed that is reported. */
  readonly tokens: (batch: Batch) => number
  /**
   * Puts a batch on the device, together with all that is constant (a teacher's answers), and returns the loss, which is then
   * differentiated. `key` is for what is random in the loss (dropout); it is a new one each time.
   */
  readonly prepare: (t: Operations, batch: Batch, key: Key) => () => Loss
  /** A look at held-out data with the parameters as they are; lower is better. */
  readonly evaluate?: Effect.Effect<number, E, R> | undefined
  /** What else decides the outcome (data, loss weights, model), as JSON: a checkpoint of another description is not taken up. */
  readonly description: Schema.Json
}
