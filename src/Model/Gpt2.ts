import { ShapeError, type Shape, type Tensor } from "../Tensor/index.ts"
import { sameShape, sizeOf } from "../Tensor/Tensor.ts"
import {
  bytesPerNumber,
  type FloatStorage,
  storedBytes as storedBytesOfWeight,
  type Weight
} from "../Weight/index.ts"
import { innerWidth, type ModelConfig } from "./ModelConfig.ts"

/**
 * A GPT-2 (Radford et al., 2019) as a value: its configuration, its weights in whatever formats, and the tensors that are
 * not weights. All names are Hugging Face's; a weight's tensors go by "<weight>.<tensor>", so that a dense "wte" is
 * "wte.weight". Without "lm_head" among the weights, "wte" is the output head too.
 */
export interface Gpt2 {
  readonly config: ModelConfig
  /** "wte" [vocabulary, width], "h.0.attn.c_attn" [width, 3 width], ..., perhaps "lm_head" [vocabulary, width]. */
  readonly weights: Readonly<Record<string, Weight>>
  /** "wpe.weight" [positions, width], biases, and the gains and biases of layer norms. */
  readonly tensors: Readonly<Record<string, Tensor>>
}

/** The four weights of one layer, by name, with their sizes [inputs, outputs]. */
const layerWeights = (config: ModelConfig, layer: number): Record<string, readonly [number, number]> => {
  const [width, inner] = [config.n_embd, innerWidth(config)]
  return {
    [`h.${layer}.attn.c_attn`]: [width, 3 * width],
    [`h.${layer}.attn.c_proj`]: [width, width],
    [`h.${layer}.mlp.c_fc`]: [width, inner],
    [`h.${layer}.mlp.c_proj`]: [inner, width]
  }
}

const layersOf = (config: ModelConfig): ReadonlyArray<number> =>
  Array.from({ length: config.n_layer }, (_, layer) => layer)

/** The weights of a model by name, with their sizes [inputs, outputs]; an untied one has "lm_head". */
export const weightSizes = (config: ModelConfig): Readonly<Record<string, readonly [number, number]>> => ({
  wte: [config.vocab_size, config.n_embd],
  ...Object.assign({}, ...layersOf(config).map((layer) => layerWeights(config, layer))),
  ...(config.tie_word_embeddings ? {} : { lm_head: [config.vocab_size, config.n_embd] })
})

/** The tensors of a model that are not weights, by name. */
export const tensorShapes = (config: ModelConfig): Readonly<Record<string, Shape>> => {
  const shapes: Record<string, Shape> = { "wpe.weight": [config.n_positions, config.n_embd] }
  const norm = (name: string) => {
    shapes[`${name}.weight`] = [config.n_embd]
    shapes[`${name}.bias`] = [config.n_embd]
  }
  for (const layer of layersOf(config)) {
    norm(`h.${layer}.ln_1`)
    norm(`h.${layer}.ln_2`)
    for (const [name, [, outputs]] of Object.entries(layerWeights(config, layer)))
      shapes[`${name}.bias`] = [outputs]
  }
  norm("ln_f")
  return shapes
}

/** All that an optimiser trains and a file stores as floating-point numbers, under full names. */
export const parameters = (model: Gpt2): Record<string, Tensor> => {
  const named: Record<string, Tensor> = {}
  for (const [name, weight] of Object.entries(model.weights))
    for (const [tensor, x] of Object.entries(weight.tensors)) named[`${name}.${tensor}`] = x
  return Object.assign(named, model.tensors)
}

/**
 * The model with some or all of its parameters replaced by tensors of the same shapes; the others stay. Throws `ShapeError`
 * for names that are not the model's and for other shapes.
 */
export const withParameters = (model: Gpt2, replaced: Readonly<Record<string, Tensor>>): Gpt2 => {
  const present = parameters(model)
  for (const [name, x] of Object.entries(replaced)) {
    if (present[name] === undefined)
      throw new ShapeError({
        operation: "withParameters",
        reason: `the model has no parameter "${name}"`,
        shapes: [x.shape]
      })
    if (!sameShape(present[name].shape, x.shape))
      throw new ShapeError({
        operation: "withParameters",
        reason: `"${name}" has another shape`,
        shapes: [present[name].shape, x.shape]
      })
  }
  const weights = mapRecord(model.weights, (weight, name) =>
    Object.keys(weight.tensors).some((tensor) => replaced[`${name}.${tensor}`] !== undefined)
      ? weight.withTensors(mapRecord(weight.tensors, (x, tensor) => replaced[`${name}.${tensor}`] ?? x))
      : weight
  )
  return { ...model, weights, tensors: mapRecord(model.tensors, (x, name) => replaced[name] ?? x) }
}

const mapRecord = <A, B>(record: Readonly<Record<string, A>>, f: (value: A, name: string) => B) =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value, name)]))

/**
 * The model with one weight in another format; "lm_head" may be new, and unties the head. Throws `ShapeError` for other
 * sizes and for names that are no weight's.
 */
export const withWeight = (model: Gpt2, name: string, weight: Weight): Gpt2 => {
  const config = name === "lm_head" ? { ...model.config, tie_word_embeddings: false } : model.config
  const size = weightSizes(config)[name]
  if (size === undefined || size[0] !== weight.inputs || size[1] !== weight.outputs)
    throw new ShapeError({
      operation: "withWeight",
      reason:
        size === undefined
          ? `the model has no weight "${name}"`
          : `"${name}" is [${size.join(", ")}] in this model`,
      shapes: [[weight.inputs, weight.outputs]]
    })
  return { ...model, config, weights: { ...model.weights, [name]: weight } }
}

/** Numbers that have to be stored: a tied head counts once, an untied one twice, an index as one. */
export const storedParameters = (model: Gpt2): number =>
  sum(Object.values(model.weights).map((weight) => weight.storedParameters)) + countTensors(model)

/** Bytes of the model's numbers in a file of this type. */
export const storedBytes = (model: Gpt2, dtype: FloatStorage = "float32"): number =>
  sum(Object.values(model.weights).map((weight) => storedBytesOfWeight(weight, dtype))) +
  countTensors(model) * bytesPerNumber(dtype)

export interface ParameterCount {
  /** What is stored. */
  readonly stored: number
  /** The same less an untied output head: how papers count that leave it out. */
  readonly withoutHead: number
}

/** Both counts that are in use; they differ where the head is untied. */
export const parameterCount = (model: Gpt2): ParameterCount => {
  const stored = storedParameters(model)
  return { stored, withoutHead: stored - (model.weights.lm_head?.storedParameters ?? 0) }
}

const countTensors = (model: Gpt2): number => sum(Object.values(model.tensors).map((x) => sizeOf(x.shape)))

const sum = (values: ReadonlyArray<number>): number => values.reduce((total, value) => total + value, 0)
