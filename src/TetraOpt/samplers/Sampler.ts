import type { Key } from "../../Random/index.ts"
import type { SearchRows } from "../Space.ts"

/** A point whose loss is known; Infinity where it failed. */
export interface Observation {
  readonly row: Float64Array
  readonly loss: number
}

/** What a sampler may know: losses in the order in which they were told, and the points that are out and not back yet. */
export interface History {
  readonly told: ReadonlyArray<Observation>
  readonly pending: ReadonlyArray<Float64Array>
}

export interface SamplerProblem {
  readonly space: SearchRows
  readonly key: Key
  /** How many points there will be in all, where that is known. */
  readonly trials?: number
}

/** Rows to evaluate next. */
export interface Proposer {
  /**
   * `count` canonical rows, allowed, different from each other and from all of the history; fewer only where no more are found, and none
   * where the space is exhausted. A function of the problem and the history alone, whatever was proposed before: so a study that
   * goes on from its journal goes on as it would have. What a proposer keeps between calls is a cache.
   */
  readonly propose: (history: History, count: number) => ReadonlyArray<Float64Array>
}

/** A way to search: the lower the loss the better. */
export interface Sampler {
  readonly name: string
  readonly start: (problem: SamplerProblem) => Proposer
}
