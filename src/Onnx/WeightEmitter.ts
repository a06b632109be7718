import type { Weight } from "../Weight/index.ts"
import type { Graph, Value } from "./Graph.ts"

/** A weight and its full name, under which its tensors and indices go into the file. */
export interface NamedWeight {
  readonly name: string
  readonly weight: Weight
}

/**
 * How a weight format is written as operations: the counterparts of `apply` without bias, `applyTransposed` and `rows`. The
 * graph's nodes are named after the weight; batch and sequence are known only when it runs.
 */
export interface WeightEmitter {
  readonly format: string
  /** x W: x [batch, sequence, inputs] -> [batch, sequence, outputs]. */
  readonly apply: (graph: Graph, weight: NamedWeight, x: Value) => Value
  /** x Wᵀ: x [batch, sequence, outputs] -> [batch, sequence, inputs]. */
  readonly applyTransposed: (graph: Graph, weight: NamedWeight, x: Value) => Value
  /** Rows of W: int64 indices [batch, sequence] -> [batch, sequence, outputs]. */
  readonly rows: (graph: Graph, weight: NamedWeight, indices: Value) => Value
}

/** Emitters by format name. */
export type WeightEmitters = Readonly<Record<string, WeightEmitter>>

/** One of a weight's tensors as a value of the graph. */
export const factor = (graph: Graph, { name, weight }: NamedWeight, tensor: string): Value =>
  graph.parameter(`${name}.${tensor}`, weight.tensors[tensor])
