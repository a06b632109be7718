import { type KroneckerShape, multiplications, transposedShape } from "../Kronecker/Contraction.ts"
import type { Graph, Value } from "./Graph.ts"
import { factor, type NamedWeight, type WeightEmitter } from "./WeightEmitter.ts"

type Side = "rows" | "columns"

const shapeOf = ({ weight }: NamedWeight): KroneckerShape => {
  const [terms, m1, n1] = weight.tensors.left.shape
  const [, m2, n2] = weight.tensors.right.shape
  return { terms, left: [m1, n1], right: [m2, n2] }
}

const inverseOf = (order: Uint32Array): Uint32Array => {
  const inverse = new Uint32Array(order.length)
  for (let place = 0; place < order.length; place++) inverse[order[place]] = place
  return inverse
}

/** For each of W's rows (columns) its place in the sum. */
const placesOf = (graph: Graph, { name, weight }: NamedWeight, side: Side): Value | undefined => {
  const order = weight.indices[side]
  return order && graph.indices(`${name}.${side}.inverse`, Int32Array.from(inverseOf(order)))
}

/** One side of W as the factors see it: size1 of left times size2 of right, held as [size1, size2] or exchanged. */
interface Blocks {
  readonly side: Side
  readonly size1: number
  readonly size2: number
  readonly exchanged: boolean
}

/** An exchange with a size of 1 moves nothing. */
const moves = ({ size1, size2, exchanged }: Blocks): boolean => exchanged && size1 > 1 && size2 > 1

/**
 * x [batch, sequence, size1 size2] in W's order -> [batch, sequence, size1, size2] in the sum's, or [..., size2, size1] where
 * exchanged. A permutation's gather does the exchange too.
 */
const intoBlocks = (graph: Graph, { name, weight }: NamedWeight, x: Value, blocks: Blocks): Value => {
  const { side, size1, size2 } = blocks
  const order = weight.indices[side]
  const shape = blocks.exchanged ? [0, 0, size2, size1] : [0, 0, size1, size2]
  if (order === undefined)
    return moves(blocks)
      ? graph.transpose(graph.reshape(x, [0, 0, size1, size2]), [0, 1, 3, 2])
      : graph.reshape(x, shape)
  const indices = moves(blocks)
    ? graph.indices(
        `${name}.${side}.exchanged`,
        Int32Array.from(order, (_, i) => order[(i % size1) * size2 + Math.floor(i / size1)])
      )
    : graph.indices(`${name}.${side}`, Int32Array.from(order))
  return graph.reshape(graph.gather(x, indices, -1), shape)
}

/** The way back: blocks in the sum's order, exchanged or not -> [batch, sequence, size1 size2] in W's order. */
const outOfBlocks = (graph: Graph, named: NamedWeight, y: Value, blocks: Blocks): Value => {
  const { side, size1, size2 } = blocks
  const order = named.weight.indices[side]
  const flat = [0, 0, size1 * size2]
  if (order === undefined) return graph.reshape(moves(blocks) ? graph.transpose(y, [0, 1, 3, 2]) : y, flat)
  const indices = moves(blocks)
    ? graph.indices(
        `${named.name}.${side}.inverse.exchanged`,
        Int32Array.from(inverseOf(order), (i) => (i % size2) * size1 + Math.floor(i / size2))
      )
    : placesOf(graph, named, side)!
  return graph.gather(graph.reshape(y, flat), indices, -1)
}

/** A_1, A_2, ... or B_1, B_2, ..., each [inputs, outputs], or stored transposed. */
interface Factor {
  readonly tensor: Value
  readonly inputs: number
  readonly outputs: number
  readonly transposed: boolean
}

/** A factor's numbers in this order of its dimensions, as a matrix; a runtime works that out once, when it loads the model. */
const arranged = (
  graph: Graph,
  { tensor, transposed }: Factor,
  dimensions: ReadonlyArray<"terms" | "inputs" | "outputs">,
  shape: readonly [number, number]
): Value => {
  const stored = transposed ? ["terms", "outputs", "inputs"] : ["terms", "inputs", "outputs"]
  const permutation = dimensions.map((dimension) => stored.indexOf(dimension))
  const isStored = permutation.every((axis, i) => axis === i)
  return graph.reshape(isStored ? tensor : graph.transpose(tensor, permutation), shape)
}

/**
 * x W or x Wᵀ as two products with a factor each, the cheaper order first; W is never built. The larger factor multiplies the
 * last dimension of all tokens' blocks at once, the smaller one each token's block from the left: then nothing has to be moved
 * between the two.
 */
// blocks of x: [batch, sequence, small.inputs, large.inputs] -> [batch, sequence, small.outputs, large.outputs]
const product = (graph: Graph, weight: NamedWeight, x: Value, transposed: boolean): Value => {
  const shape = transposed ? transposedShape(shapeOf(weight)) : shapeOf(weight)
  const { terms } = shape
  const factorOf = (tensor: string, [inputs, outputs]: readonly [number, number]): Factor => ({
    tensor: factor(graph, weight, tensor),
    inputs,
    outputs,
    transposed
  })
  const [left, right] = [factorOf("left", shape.left), factorOf("right", shape.right)]
  const leftIsLarger = left.inputs * left.outputs >= right.inputs * right.outputs
  const leftFirst = multiplications(shape, "left-first", 1) <= multiplications(shape, "right-first", 1)
  const [large, small] = leftIsLarger ? [left, right] : [right, left]
  const [before, after]: readonly [Side, Side] = transposed ? ["columns", "rows"] : ["rows", "columns"]
  const inputs = { side: before, size1: left.inputs, size2: right.inputs, exchanged: leftIsLarger }
  const outputs = { side: after, size1: left.outputs, size2: right.outputs, exchanged: leftIsLarger }

  const blocks = intoBlocks(graph, weight, x, inputs)
  const largeFirst = (): Value => {
    const sideBySide = arranged(
      graph,
      large,
      ["inputs", "terms", "outputs"],
      [large.inputs, terms * large.outputs]
    )
    const z = graph.reshape(graph.matmul(blocks, sideBySide), [0, 0, small.inputs * terms, large.outputs])
    return graph.matmul(
      arranged(graph, small, ["outputs", "inputs", "terms"], [small.outputs, small.inputs * terms]),
      z
    )
  }
  const smallFirst = (): Value => {
    const stacked = arranged(
      graph,
      small,
      ["outputs", "terms", "inputs"],
      [small.outputs * terms, small.inputs]
    )
    const z = graph.reshape(graph.matmul(stacked, blocks), [0, 0, small.outputs, terms * large.inputs])
    return graph.matmul(
      z,
      arranged(graph, large, ["terms", "inputs", "outputs"], [terms * large.inputs, large.outputs])
    )
  }
  return outOfBlocks(graph, weight, leftFirst === leftIsLarger ? largeFirst() : smallFirst(), outputs)
}

/** Rows of W from rows of the factors: the sum over terms of their outer products is one small matrix product a row. */
const rows = (graph: Graph, weight: NamedWeight, indices: Value): Value => {
  const {
    terms,
    left: [, n1],
    right: [m2, n2]
  } = shapeOf(weight)
  const table = placesOf(graph, weight, "rows")
  const places = table === undefined ? indices : graph.gather(table, indices, 0)
  const size = (): Value => graph.scalar(m2, table === undefined ? "int64" : "int32")
  const left = factor(graph, weight, "left")
  const right = factor(graph, weight, "right")
  const leftRows = m2 === 1 ? places : graph.node("Div", [places, size()])
  // a: [batch, sequence, n1, terms], b: [batch, sequence, terms, n2], or [terms, n2] where right has one row
  const a = graph.transpose(graph.gather(left, leftRows, 1), [1, 2, 3, 0])
  const b =
    m2 === 1
      ? graph.reshape(right, [terms, n2])
      : graph.transpose(graph.gather(right, graph.node("Mod", [places, size()]), 1), [1, 2, 0, 3])
  const found = graph.reshape(graph.matmul(a, b), [0, 0, n1 * n2])
  const columns = placesOf(graph, weight, "columns")
  return columns === undefined ? found : graph.gather(found, columns, -1)
}

/** A permuted sum of Kronecker products: its factors stay factors, its permutations become gathers. */
export const kroneckerEmitter: WeightEmitter = {
  format: "kronecker",
  apply: (graph, weight, x) => product(graph, weight, x, false),
  applyTransposed: (graph, weight, x) => product(graph, weight, x, true),
  rows
}
