import { factor, type WeightEmitter } from "./WeightEmitter.ts"

/** A plain matrix: one product, or one gather. */
export const denseEmitter: WeightEmitter = {
  format: "dense",
  apply: (graph, weight, x) => graph.matmul(x, factor(graph, weight, "weight")),
  applyTransposed: (graph, weight, x) =>
    graph.matmul(x, graph.transpose(factor(graph, weight, "weight"), [1, 0])),
  rows: (graph, weight, indices) => graph.gather(factor(graph, weight, "weight"), indices, 0)
}
