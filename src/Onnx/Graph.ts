import type { Shape, Tensor } from "../Tensor/index.ts"

/** A tensor that flows through a graph, by its name: an input, an initializer, or what a node makes. */
export type Value = string

/** What a number in a graph or a file may be. */
export type ElementType = "float32" | "float16" | "int32" | "int64"

/** How an exported file stores a model's floating-point numbers; computed is in float32 either way. */
export type ParameterStorage = "float32" | "float16"

/** An attribute of a node, by its kind in the format. */
export type Attribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly ints: ReadonlyArray<number> }

/** One operation, of one output or several. */
export interface GraphNode {
  readonly name: string
  readonly operator: string
  readonly inputs: ReadonlyArray<Value>
  readonly outputs: ReadonlyArray<Value>
  readonly attributes: Readonly<Record<string, Attribute>>
}

/** Numbers that lie in the file, and the type that they have there; a model's own are read when they are written. */
export interface Initializer {
  readonly name: Value
  readonly type: ElementType
  readonly shape: Shape
  readonly numbers: Tensor | Float32Array | Int32Array | BigInt64Array
}

/** A graph's input or output; a dimension is a size, or the name of one that each run decides. */
export interface Port {
  readonly name: Value
  readonly type: ElementType
  readonly shape: ReadonlyArray<number | string>
}

interface Content {
  readonly nodes: Array<GraphNode>
  readonly initializers: Map<Value, Initializer>
  /** How many nodes have asked for a name. */
  readonly names: Map<string, number>
  readonly widened: Map<Value, Value>
  readonly storage: ParameterStorage
}

/**
 * An ONNX graph that is being built: operations append a node and give its output's name. `within` names a part of it, under
 * which the nodes of that part go.
 *
 * @example
 *   const y = graph.within("h.0.mlp").multiply(x, graph.scalar(2))
 */
export class Graph {
  readonly scope: string
  readonly #content: Content

  private constructor(scope: string, content: Content) {
    this.scope = scope
    this.#content = content
  }

  static make(storage: ParameterStorage): Graph {
    const names = new Map<string, number>()
    return new Graph("", { nodes: [], initializers: new Map(), names, widened: new Map(), storage })
  }

  get nodes(): ReadonlyArray<GraphNode> {
    return this.#content.nodes
  }

  get initializers(): ReadonlyArray<Initializer> {
    return [...this.#content.initializers.values()]
  }

  /** The same graph, with names of nodes under this one. */
  within(scope: string): Graph {
    return new Graph(scope, this.#content)
  }

  #unusedName(operator: string): string {
    const wanted = this.scope === "" ? operator : `${this.scope}/${operator}`
    const count = this.#content.names.get(wanted) ?? 0
    this.#content.names.set(wanted, count + 1)
    return count === 0 ? wanted : `${wanted}_${count}`
  }

  #append(
    operator: string,
    inputs: ReadonlyArray<Value>,
    attributes: GraphNode["attributes"],
    outputsOf: (name: string) => ReadonlyArray<Value>
  ): ReadonlyArray<Value> {
    const name = this.#unusedName(operator)
    const outputs = outputsOf(name)
    this.#content.nodes.push({ name, operator, inputs, outputs, attributes })
    return outputs
  }

  /** Any operation of one output, which has the node's name. */
  node(operator: string, inputs: ReadonlyArray<Value>, attributes: GraphNode["attributes"] = {}): Value {
    return this.#append(operator, inputs, attributes, (name) => [name])[0]
  }

  /** Gives a value the name that the graph's users see. */
  output(name: Value, value: Value): void {
    this.#append("Identity", [value], {}, () => [name])
  }

  /** A float tensor of the model under its full name, in float32 whatever the file stores; asked for again, the same one. */
  parameter(name: Value, tensor: Tensor): Value {
    const { initializers, widened, storage } = this.#content
    if (!initializers.has(name))
      initializers.set(name, { name, type: storage, shape: tensor.shape, numbers: tensor })
    if (storage === "float32") return name
    const known = widened.get(name)
    if (known !== undefined) return known
    const value = this.within(name).node("Cast", [name], { to: { int: elementTypeCodes.float32 } })
    widened.set(name, value)
    return value
  }

  /** An index buffer, int32 [length], under its full name. */
  indices(name: Value, values: Int32Array): Value {
    return this.#constant({ name, type: "int32", shape: [values.length], numbers: values })
  }

  /** A list of integers, int64. */
  integers(values: ReadonlyArray<number>): Value {
    const numbers = BigInt64Array.from(values, BigInt)
    return this.#constant({
      name: `int64[${values.join(",")}]`,
      type: "int64",
      shape: [values.length],
      numbers
    })
  }

  /** One number. */
  scalar(value: number, type: "float32" | "int32" | "int64" = "float32"): Value {
    const numbers =
      type === "float32"
        ? Float32Array.of(value)
        : type === "int32"
          ? Int32Array.of(value)
          : BigInt64Array.of(BigInt(value))
    return this.#constant({ name: `${type}(${value})`, type, shape: [], numbers })
  }

  #constant(initializer: Initializer): Value {
    if (!this.#content.initializers.has(initializer.name))
      this.#content.initializers.set(initializer.name, initializer)
    return initializer.name
  }

  /** Numpy's matrix product, with its broadcasting. */
  matmul(a: Value, b: Value): Value {
    return this.node("MatMul", [a, b])
  }

  add(a: Value, b: Value): Value {
    return this.node("Add", [a, b])
  }

  multiply(a: Value, b: Value): Value {
    return this.node("Mul", [a, b])
  }

  /** A size of 0 keeps the dimension in its place, one of -1 takes what is left. */
  reshape(x: Value, shape: ReadonlyArray<number>): Value {
    return this.node("Reshape", [x, this.integers(shape)])
  }

  transpose(x: Value, permutation: ReadonlyArray<number>): Value {
    return this.node("Transpose", [x], { perm: { ints: permutation } })
  }

  gather(data: Value, indices: Value, axis: number): Value {
    return this.node("Gather", [data, indices], { axis: { int: axis } })
  }

  /** Equal parts of the last axis, each of this size. */
  split(x: Value, parts: number, size: number): ReadonlyArray<Value> {
    const sizes = this.integers(Array.from({ length: parts }, () => size))
    return this.#append("Split", [x, sizes], { axis: { int: -1 } }, (name) =>
      Array.from({ length: parts }, (_, part) => `${name}:${part}`)
    )
  }
}

/** TensorProto.DataType of onnx.proto. */
export const elementTypeCodes: Readonly<Record<ElementType, number>> = {
  float32: 1,
  int32: 6,
  int64: 7,
  float16: 10
}

/** Bytes that one number takes in a file. */
export const bytesPerElement: Readonly<Record<ElementType, number>> = {
  float32: 4,
  int32: 4,
  int64: 8,
  float16: 2
}
