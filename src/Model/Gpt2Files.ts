import { Effect, Exit, type FileSystem, Path, Scope } from "effect"
import { type Backend, compute, type Shape, Tensor, type TensorError } from "../Tensor/index.ts"
import {
  denseCodec,
  type Weight,
  type WeightCodec,
  type WeightCodecs,
  type WeightDescription,
  type WeightLayout
} from "../Weight/index.ts"
import { ModelConfigError, ModelFileError, quoted, type TensorMismatch } from "./Errors.ts"
import { type Gpt2, tensorShapes, weightSizes } from "./Gpt2.ts"
import type { ModelConfig } from "./ModelConfig.ts"
import * as ModelDirectory from "./ModelDirectory.ts"
import { fromArray, type NamedTensor } from "./SafeTensors.ts"
import type { FloatingDType } from "./StoredDType.ts"

type FileServices = FileSystem.FileSystem | Path.Path

/** Of the `tesserae` section. */
const version = 1

const hasOwn = <A>(record: Readonly<Record<string, A>>, name: string): boolean => Object.hasOwn(record, name)

/** How each weight of a configuration is stored: as config.json's `tesserae` section says, else as a plain matrix. */
const layoutsOf = Effect.fnUntraced(function* (
  path: string,
  config: ModelConfig,
  codecs: WeightCodecs
): Effect.fn.Return<Readonly<Record<string, WeightLayout>>, ModelConfigError> {
  const fail = (reason: string) => new ModelConfigError({ path, key: "tesserae", reason })
  const described = config.tesserae?.weights ?? {}
  const sizes = weightSizes(config)
  const foreign = Object.keys(described).find((name) => !hasOwn(sizes, name))
  if (foreign !== undefined) return yield* fail(`${quoted(foreign)} is no weight of this model`)
  const layouts: Record<string, WeightLayout> = {}
  for (const [name, [inputs, outputs]] of Object.entries(sizes)) {
    const { format, ...description } = hasOwn(described, name) ? described[name] : { format: "dense" }
    const codec = codecFor(codecs, format)
    if (codec === undefined)
      return yield* fail(
        `${quoted(name)} has the format ${quoted(format)}, of which no codec was given; there are ` +
          `${[...new Set(["dense", ...Object.keys(codecs)])].join(", ")}`
      )
    layouts[name] = yield* Effect.mapError(
      Effect.fromResult(codec.layout(description, inputs, outputs)),
      (reason) => fail(`${quoted(name)}: ${reason}`)
    )
  }
  return layouts
})

const codecFor = (codecs: WeightCodecs, format: string): WeightCodec | undefined =>
  format === "dense" ? denseCodec : hasOwn(codecs, format) ? codecs[format] : undefined

/** The tensors of a model's files, given how its weights are stored. */
const expectedTensors = (
  config: ModelConfig,
  layouts: Readonly<Record<string, WeightLayout>>
): ReadonlyArray<ModelDirectory.ExpectedTensor> => [
  ...Object.entries(layouts).flatMap(([name, layout]) => [
    ...Object.entries(layout.tensors).map(([tensor, shape]) => ({ name: `${name}.${tensor}`, shape })),
    ...Object.entries(layout.indices).map(([index, { length }]) => ({
      name: `${name}.${index}`,
      shape: [length],
      dtypes: ["int32"] as const
    }))
  ]),
  ...Object.entries(tensorShapes(config)).map(([name, shape]) => ({ name, shape }))
]

/**
 * Reads a GPT-2 from a model directory in Hugging Face's layout into the current scope, one tensor at a time; `codecs` are those of
 * the weight formats that it may hold beside plain matrices. Numbers take the backend's default float.
 *
 * Fails with `ModelFileError` for unsound files, `ModelConfigError` for an unsound config.json or a format without codec,
 * `TensorMismatch` for a tensor that is missing, superfluous, or of the wrong shape or dtype, and `TensorError` where the
 * backend runs out of memory; then nothing of the model is left.
 *
 * @example
 *   const model = yield* load("models/gpt2", { kronecker: kroneckerCodec })
 */
export const load = Effect.fn("Model.load")(function* (
  directory: string,
  codecs: WeightCodecs = {}
): Effect.fn.Return<
  Gpt2,
  ModelFileError | ModelConfigError | TensorMismatch | TensorError,
  FileServices | Backend | Scope.Scope
> {
  yield* Effect.annotateCurrentSpan({ directory })
  const { join } = yield* Path.Path
  const layouts = (config: ModelConfig) => layoutsOf(join(directory, "config.json"), config, codecs)
  // The files are closed when all is read; the tensors stay, unless something fails half-way.
  const kept = yield* Scope.fork(yield* Effect.scope)
  return yield* Effect.scoped(
    Effect.gen(function* () {
      const files = yield* ModelDirectory.open(directory, (config) =>
        Effect.map(layouts(config), (found) => expectedTensors(config, found))
      )
      return yield* Scope.provide(readModel(files, yield* layouts(files.config)), kept)
    })
  ).pipe(Effect.onError((cause) => Scope.close(kept, Exit.failCause(cause))))
})

const readModel = Effect.fnUntraced(function* (
  files: ModelDirectory.ModelDirectory,
  layouts: Readonly<Record<string, WeightLayout>>
) {
  const read = Effect.fnUntraced(function* (name: string, shape: Shape) {
    return yield* Tensor.fromArray(yield* files.readFloat32(name), shape)
  })
  const weights: Record<string, Weight> = {}
  for (const [name, layout] of Object.entries(layouts)) {
    const parts: Record<string, Tensor> = {}
    for (const [tensor, shape] of Object.entries(layout.tensors))
      parts[tensor] = yield* read(`${name}.${tensor}`, shape)
    const indices: Record<string, Uint32Array> = {}
    for (const [index, { problem }] of Object.entries(layout.indices))
      indices[index] = yield* readIndices(files, `${name}.${index}`, problem)
    weights[name] = yield* compute((t) => layout.assemble(t, parts, indices))
  }
  const tensors: Record<string, Tensor> = {}
  for (const [name, shape] of Object.entries(tensorShapes(files.config)))
    tensors[name] = yield* read(name, shape)
  const { tesserae: _, ...config } = files.config
  return { config, weights, tensors }
})

const readIndices = Effect.fnUntraced(function* (
  files: ModelDirectory.ModelDirectory,
  tensor: string,
  problem: (values: Uint32Array) => string | undefined
): Effect.fn.Return<Uint32Array, ModelFileError> {
  const values = Uint32Array.from((yield* files.read(tensor)) as Int32Array)
  const reason = problem(values)
  return reason === undefined ? values : yield* new ModelFileError({ path: files.path, tensor, reason })
})

export interface SaveOptions {
  /** Codecs of the model's weight formats beside "dense". */
  readonly codecs?: WeightCodecs | undefined
  /** How numbers are stored; default float32. */
  readonly dtype?: Exclude<FloatingDType, "bfloat16"> | undefined
  /** Paths of files to copy under their own names: a tokenizer's, as a rule. */
  readonly copies?: ReadonlyArray<string> | undefined
  /** Other files to write, by name: README.md, for example. */
  readonly files?: Readonly<Record<string, string | Uint8Array>> | undefined
}

/**
 * Writes a model directory that `load` reads back with the same codecs, whole or not at all. Plain matrices are stored as
 * Hugging Face has them; other formats' tensors and indices lie under the weight's name, and config.json's `tesserae` section
 * describes them. Fails with `ModelFileError`, also for a format without codec, and with `ModelConfigError`.
 *
 * @example
 *   yield* save(model, "out/gpt2-compressed", { codecs: { kronecker: kroneckerCodec }, dtype: "float16" })
 */
export const save = Effect.fn("Model.save")(function* (
  model: Gpt2,
  directory: string,
  { codecs = {}, dtype = "float32", ...others }: SaveOptions = {}
): Effect.fn.Return<void, ModelFileError | ModelConfigError | TensorError, FileServices | Backend> {
  yield* Effect.annotateCurrentSpan({ directory })
  const described: Record<string, WeightDescription & { readonly format: string }> = {}
  const stored: Array<NamedTensor<TensorError, Backend>> = []
  for (const [name, weight] of Object.entries(model.weights)) {
    const codec = codecFor(codecs, weight.format)
    if (codec === undefined)
      return yield* new ModelFileError({
        path: directory,
        tensor: name,
        reason: `no codec was given for the format ${quoted(weight.format)}`
      })
    if (codec !== denseCodec) described[name] = { format: weight.format, ...codec.describe(weight) }
    for (const [tensor, x] of Object.entries(weight.tensors)) stored.push(inFile(`${name}.${tensor}`, x))
    for (const [index, values] of Object.entries(weight.indices))
      stored.push(fromArray(`${name}.${index}`, [values.length], Int32Array.from(values)))
  }
  const tensors = [...stored, ...plainTensors(model)]
  yield* ModelDirectory.save(directory, { ...others, config: storedConfig(model, described), tensors, dtype })
})

/**
 * Writes the model as an ordinary GPT-2 directory, every weight folded back into its matrix, which transformers and all that
 * reads its layout can load. Fails as `save` does.
 */
export const saveDense = Effect.fn("Model.saveDense")(function* (
  model: Gpt2,
  directory: string,
  { dtype = "float32", ...others }: Omit<SaveOptions, "codecs"> = {}
): Effect.fn.Return<void, ModelFileError | ModelConfigError | TensorError, FileServices | Backend> {
  yield* Effect.annotateCurrentSpan({ directory })
  const folded = Object.entries(model.weights).map(
    ([name, weight]): NamedTensor<TensorError, Backend> => ({
      name: `${name}.weight`,
      dtype: "float32",
      shape: [weight.inputs, weight.outputs],
      read: Effect.scoped(Effect.flatMap(compute(weight.toDense), toFloat32))
    })
  )
  const tensors = [...folded, ...plainTensors(model)]
  yield* ModelDirectory.save(directory, { ...others, config: storedConfig(model), tensors, dtype })
})

/** The configuration as a file has it; the description of an earlier compression goes. */
const storedConfig = (
  model: Gpt2,
  described: Readonly<Record<string, WeightDescription & { readonly format: string }>> = {}
): ModelConfig => {
  const { tesserae: _, ...plain } = model.config
  const config = { ...plain, tie_word_embeddings: model.weights.lm_head === undefined }
  return Object.keys(described).length === 0
    ? config
    : { ...config, tesserae: { version, weights: described } }
}

const plainTensors = (model: Gpt2) => Object.entries(model.tensors).map(([name, x]) => inFile(name, x))

const inFile = (name: string, x: Tensor): NamedTensor<TensorError, Backend> => ({
  name,
  dtype: "float32",
  shape: x.shape,
  read: toFloat32(x)
})

const toFloat32 = (x: Tensor): Effect.Effect<Float32Array, TensorError, Backend> =>
  Effect.map(Tensor.toArray(x), (values) =>
    values instanceof Float32Array ? values : Float32Array.from(values)
  )
