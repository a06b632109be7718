import type { SumWeight } from "../Weight/index.ts"
import type { Graph, Value } from "./Graph.ts"
import type { NamedWeight, WeightEmitter, WeightEmitters } from "./WeightEmitter.ts"

/** The sum of what its parts give, by the emitters that there are for those. */
export const sumEmitter = (emitters: WeightEmitters): WeightEmitter => {
  const each = (
    graph: Graph,
    { name, weight }: NamedWeight,
    emit: (emitter: WeightEmitter, part: NamedWeight) => Value
  ): Value =>
    (weight as SumWeight).parts
      .map((part, i) => emit(emitters[part.format], { name: `${name}.${i}`, weight: part }))
      .reduce((sum, value) => graph.add(sum, value))
  return {
    format: "sum",
    apply: (graph, weight, x) => each(graph, weight, (emitter, part) => emitter.apply(graph, part, x)),
    applyTransposed: (graph, weight, x) =>
      each(graph, weight, (emitter, part) => emitter.applyTransposed(graph, part, x)),
    rows: (graph, weight, indices) =>
      each(graph, weight, (emitter, part) => emitter.rows(graph, part, indices))
  }
}
