import {
  type MatrixShape,
  multiplications,
  transposedShape
} from "../TensorTrain/matrix/MatrixContraction.ts"
import type { Graph, Value } from "./Graph.ts"
import { factor, type NamedWeight, type WeightEmitter } from "./WeightEmitter.ts"

const product = (sizes: ReadonlyArray<number>): number => sizes.reduce((all, size) => all * size, 1)

const coresOf = (graph: Graph, named: NamedWeight): ReadonlyArray<Value> =>
  Object.keys(named.weight.tensors).map((_, k) => factor(graph, named, `core${k}`))

const shapeOf = ({ weight }: NamedWeight): MatrixShape => {
  const shapes = Object.keys(weight.tensors).map((_, k) => weight.tensors[`core${k}`].shape)
  return {
    inputs: shapes.map((shape) => shape[1]),
    outputs: shapes.map((shape) => shape[2]),
    ranks: [...shapes.map((shape) => shape[0]), 1]
  }
}

/**
 * x W or x Wᵀ core by core, from the first or from the last, whichever is fewer multiplications; W is never built. One product a core, and
 * the axes of what it made put in place for the next.
 */
// x: [batch, sequence, m_1 ... m_d] -> [batch, sequence, n_1 ... n_d]
const contracted = (graph: Graph, named: NamedWeight, x: Value, transposed: boolean): Value => {
  const shape = transposed ? transposedShape(shapeOf(named)) : shapeOf(named)
  const { inputs, outputs, ranks } = shape
  const cores = coresOf(graph, named)
  const isFirstFirst =
    multiplications(shape, "first-core-first", 1) <= multiplications(shape, "last-core-first", 1)
  const forwards = cores.map((_, k) => k)
  const backwards = forwards.toReversed()
  // z: [batch, sequence, done, modes to come with the next one last, its rank]
  let z = isFirstFirst
    ? graph.transpose(graph.reshape(x, [0, 0, ...inputs]), [0, 1, ...backwards.map((k) => k + 2)])
    : x
  let done = 1
  let left = product(inputs)
  for (const k of isFirstFirst ? forwards : backwards) {
    left /= inputs[k]
    // A core: [r_{k-1}, m_k, n_k, r_k], or with m and n exchanged where W is transposed.
    const [before, after] = isFirstFirst ? [0, 3] : [3, 0]
    const [rank, nextRank] = isFirstFirst ? [ranks[k], ranks[k + 1]] : [ranks[k + 1], ranks[k]]
    const axes = transposed ? [2, before, 1, after] : [1, before, 2, after]
    const matrix = graph.reshape(graph.transpose(cores[k], axes), [inputs[k] * rank, outputs[k] * nextRank])
    const y = graph.matmul(graph.reshape(z, [0, 0, done * left, inputs[k] * rank]), matrix)
    z = graph.transpose(
      graph.reshape(y, [0, 0, done, left, outputs[k], nextRank]),
      isFirstFirst ? [0, 1, 2, 4, 3, 5] : [0, 1, 4, 2, 3, 5]
    )
    done *= outputs[k]
  }
  return graph.reshape(z, [0, 0, product(outputs)])
}

/** Rows of W: the slices of the cores that a row's digits choose, multiplied one after the other. */
const rows = (graph: Graph, named: NamedWeight, indices: Value): Value => {
  const { inputs, outputs, ranks } = shapeOf(named)
  const slices = coresOf(graph, named).map((core, k) => {
    const after = graph.scalar(product(inputs.slice(k + 1)), "int64")
    const digit = graph.node("Mod", [graph.node("Div", [indices, after]), graph.scalar(inputs[k], "int64")])
    return graph.reshape(graph.gather(graph.transpose(core, [1, 0, 2, 3]), digit, 0), [
      0,
      0,
      ranks[k],
      outputs[k] * ranks[k + 1]
    ])
  })
  // z: [batch, sequence, n_1 ... n_k, r_k]
  return graph.reshape(
    slices.reduce((z, slice, k) =>
      graph.matmul(graph.reshape(z, [0, 0, product(outputs.slice(0, k)), ranks[k]]), slice)
    ),
    [0, 0, product(outputs)]
  )
}

/** A TT-matrix: its cores stay cores. */
export const tensorTrainEmitter: WeightEmitter = {
  format: "tensor-train",
  apply: (graph, weight, x) => contracted(graph, weight, x, false),
  applyTransposed: (graph, weight, x) => contracted(graph, weight, x, true),
  rows
}
