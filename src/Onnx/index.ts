/** GPT-2 as an ONNX graph that keeps its weights in their formats. */
export { emitters } from "./Emitters.ts"
export { EmitterMissing } from "./Errors.ts"
export {
  type Attribute,
  type ElementType,
  Graph,
  type GraphNode,
  type Initializer,
  type ParameterStorage,
  type Port,
  type Value
} from "./Graph.ts"
export { gpt2Network, type Network } from "./Network.ts"
export { save, type SaveOptions, type Written } from "./Save.ts"
export { factor, type NamedWeight, type WeightEmitter, type WeightEmitters } from "./WeightEmitter.ts"
