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
  const cores = coresOf(graph, named)
  return multiplications(shape, "first-core-first", 1) <= multiplications(shape, "last-core-first", 1)
    ? fromFirst(graph, x, cores, shape, transposed)
    : fromLast(graph, x, cores, shape, transposed)
}

const fromFirst = (
  graph: Graph,
  x: Value,
  cores: ReadonlyArray<Value>,
  { inputs, outputs, ranks }: MatrixShape,
  transposed: boolean
): Value => {
  let done = 1
  let after = product(inputs.slice(1))
  // z: [batch, sequence, done, after, m_k, r_{k-1}]
  let z = graph.transpose(graph.reshape(x, [0, 0, inputs[0], after]), [0, 1, 3, 2])
  cores.forEach((core, k) => {
    const matrix = graph.reshape(graph.transpose(core, transposed ? [2, 0, 1, 3] : [1, 0, 2, 3]), [
      inputs[k] * ranks[k],
      outputs[k] * ranks[k + 1]
    ])
    const y = graph.matmul(graph.reshape(z, [0, 0, done * after, inputs[k] * ranks[k]]), matrix)
    z = y
    if (k === cores.length - 1) return
    const next = inputs[k + 1]
    after /= next
    z = graph.transpose(
      graph.reshape(y, [0, 0, done, next, after, outputs[k], ranks[k + 1]]),
      [0, 1, 2, 5, 4, 3, 6]
    )
    done *= outputs[k]
  })
  return graph.reshape(z, [0, 0, product(outputs)])
}

const fromLast = (
  graph: Graph,
  x: Value,
  cores: ReadonlyArray<Value>,
  { inputs, outputs, ranks }: MatrixShape,
  transposed: boolean
): Value => {
  let done = 1
  let before = product(inputs)
  // z: [batch, sequence, done, before, m_k, r_k]
  let z = x
  for (let k = cores.length - 1; k >= 0; k--) {
    before /= inputs[k]
    const matrix = graph.reshape(graph.transpose(cores[k], transposed ? [2, 3, 1, 0] : [1, 3, 2, 0]), [
      inputs[k] * ranks[k + 1],
      outputs[k] * ranks[k]
    ])
    const y = graph.matmul(graph.reshape(z, [0, 0, done * before, inputs[k] * ranks[k + 1]]), matrix)
    z = graph.transpose(graph.reshape(y, [0, 0, done * before, outputs[k], ranks[k]]), [0, 1, 3, 2, 4])
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
