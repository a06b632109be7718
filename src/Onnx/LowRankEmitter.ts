import { factor, type WeightEmitter } from "./WeightEmitter.ts"

/** left right, left [inputs, rank], right [rank, outputs]: two thin products. */
export const lowRankEmitter: WeightEmitter = {
  format: "low-rank",
  apply: (graph, weight, x) =>
    graph.matmul(graph.matmul(x, factor(graph, weight, "left")), factor(graph, weight, "right")),
  applyTransposed: (graph, weight, x) => {
    const transposed = (tensor: string) => graph.transpose(factor(graph, weight, tensor), [1, 0])
    return graph.matmul(graph.matmul(x, transposed("right")), transposed("left"))
  },
  rows: (graph, weight, indices) =>
    graph.matmul(graph.gather(factor(graph, weight, "left"), indices, 0), factor(graph, weight, "right"))
}
