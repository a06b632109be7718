import type { Gpt2 } from "../Model/Gpt2.ts"
import { headWidth } from "../Model/ModelConfig.ts"
import { Graph, type ParameterStorage, type Port, type Value } from "./Graph.ts"
import type { NamedWeight, WeightEmitter } from "./WeightEmitter.ts"

/** A graph with its inputs and outputs. */
export interface Network {
  readonly graph: Graph
  readonly inputs: ReadonlyArray<Port>
  readonly outputs: ReadonlyArray<Port>
}

/** What the parts of the network need of the model. */
interface Context {
  readonly model: Gpt2
  readonly emitterOf: (weight: string) => WeightEmitter
}

const named = ({ model }: Context, name: string): NamedWeight => ({ name, weight: model.weights[name] })

const tensor = (graph: Graph, { model }: Context, name: string): Value =>
  graph.parameter(name, model.tensors[name])

const affine = (graph: Graph, context: Context, name: string, x: Value): Value => {
  const part = graph.within(name)
  const y = context.emitterOf(name).apply(part, named(context, name), x)
  return part.add(y, tensor(graph, context, `${name}.bias`))
}

const norm = (graph: Graph, context: Context, name: string, x: Value): Value =>
  graph
    .within(name)
    .node(
      "LayerNormalization",
      [x, tensor(graph, context, `${name}.weight`), tensor(graph, context, `${name}.bias`)],
      { axis: { int: -1 }, epsilon: { float: context.model.config.layer_norm_epsilon } }
    )

/** 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), as the operations that runtimes know to put together again. */
const gelu = (graph: Graph, x: Value): Value => {
  const cube = graph.node("Pow", [x, graph.scalar(3)])
  const inner = graph.add(x, graph.multiply(cube, graph.scalar(0.044715)))
  const curve = graph.node("Tanh", [graph.multiply(inner, graph.scalar(Math.sqrt(2 / Math.PI)))])
  return graph.multiply(graph.multiply(x, graph.scalar(0.5)), graph.add(curve, graph.scalar(1)))
}

/** Positions 0, 1, ..., int64 [sequence], and what is added to a query's score of each key: -infinity for later ones. */
const positionsAndMask = (graph: Graph, tokens: Value): { positions: Value; mask: Value } => {
  const part = graph.within("positions")
  const length = part.gather(part.node("Shape", [tokens]), part.scalar(1, "int64"), 0)
  const positions = part.node("Range", [part.scalar(0, "int64"), length, part.scalar(1, "int64")])
  const queries = part.node("Unsqueeze", [positions, part.integers([1])])
  const later = part.node("Greater", [positions, queries])
  const mask = part.node("Where", [later, part.scalar(-Infinity), part.scalar(0)])
  return { positions, mask }
}

/** Causal attention of every head: qkv [batch, sequence, 3 width], mask [sequence, sequence] -> [batch, sequence, width]. */
const attention = (graph: Graph, { model: { config } }: Context, qkv: Value, mask: Value): Value => {
  const size = headWidth(config)
  const [queries, keys, values] = graph
    .split(qkv, 3, config.n_embd)
    .map((part) => graph.reshape(part, [0, 0, config.n_head, size]))
  const scaled = graph.multiply(graph.transpose(queries, [0, 2, 1, 3]), graph.scalar(1 / Math.sqrt(size)))
  const scores = graph.matmul(scaled, graph.transpose(keys, [0, 2, 3, 1]))
  const probabilities = graph.node("Softmax", [graph.add(scores, mask)], { axis: { int: -1 } })
  const attended = graph.matmul(probabilities, graph.transpose(values, [0, 2, 1, 3]))
  return graph.reshape(graph.transpose(attended, [0, 2, 1, 3]), [0, 0, config.n_embd])
}

const block = (graph: Graph, context: Context, layer: number, x: Value, mask: Value): Value => {
  const name = `h.${layer}`
  const part = graph.within(name)
  const qkv = affine(graph, context, `${name}.attn.c_attn`, norm(graph, context, `${name}.ln_1`, x))
  const attended = attention(graph.within(`${name}.attn`), context, qkv, mask)
  const y = part.add(x, affine(graph, context, `${name}.attn.c_proj`, attended))
  const inner = affine(graph, context, `${name}.mlp.c_fc`, norm(graph, context, `${name}.ln_2`, y))
  const active = gelu(graph.within(`${name}.mlp`), inner)
  return part.add(y, affine(graph, context, `${name}.mlp.c_proj`, active))
}

/**
 * The network of `Model.forward` as ONNX operations: "input_ids" int64 [batch, sequence] to "logits" float32 [batch, sequence,
 * vocabulary], for any batch and any sequence within the model's positions.
 */
export const gpt2Network = (
  model: Gpt2,
  emitterOf: (weight: string) => WeightEmitter,
  storage: ParameterStorage
): Network => {
  const { config } = model
  const context: Context = { model, emitterOf }
  const graph = Graph.make(storage)
  const tokens = "input_ids"
  const { positions, mask } = positionsAndMask(graph, tokens)
  const embedded = emitterOf("wte").rows(graph.within("wte"), named(context, "wte"), tokens)
  let x = graph
    .within("wpe")
    .add(embedded, graph.within("wpe").gather(tensor(graph, context, "wpe.weight"), positions, 0))
  for (let layer = 0; layer < config.n_layer; layer++) x = block(graph, context, layer, x, mask)
  const hidden = norm(graph, context, "ln_f", x)
  const head = model.weights.lm_head === undefined ? "wte" : "lm_head"
  const logits = emitterOf(head).applyTransposed(graph.within("lm_head"), named(context, head), hidden)
  graph.output("logits", logits)
  return {
    graph,
    inputs: [{ name: tokens, type: "int64", shape: ["batch", "sequence"] }],
    outputs: [{ name: "logits", type: "float32", shape: ["batch", "sequence", config.vocab_size] }]
  }
}
