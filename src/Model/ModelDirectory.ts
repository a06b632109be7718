import { Effect, FileSystem, Path, type Scope } from "effect"
import { sameShape, type Shape } from "../Tensor/Tensor.ts"
import { type Objection, previousDirectory, replaceDirectory, requireReplaceable } from "./AtomicDirectory.ts"
import { writeAtomically } from "./AtomicFile.ts"
import { type ModelConfigError, ModelFileError, quoted, TensorMismatch } from "./Errors.ts"
import * as ModelConfig from "./ModelConfig.ts"
import { chunkBytes, fileError, openRegularFile } from "./RegularFile.ts"
import * as SafeTensors from "./SafeTensors.ts"
import { describeLayout } from "./SafeTensorsHeader.ts"
import { floatingDTypes, type StoredDType, type TensorData } from "./StoredDType.ts"
import { indexFileName, openWeightFiles, singleFileName, type WeightFiles } from "./WeightFiles.ts"

const configFileName = "config.json"
const embeddingName = "wte.weight"
const headName = "lm_head.weight"

/**
 * A tensor that a configuration calls for; where `dtypes` is not given, any of float32, float16 and bfloat16
 * will do.
 */
export interface ExpectedTensor {
  readonly name: string
  readonly shape: Shape
  readonly dtypes?: ReadonlyArray<StoredDType> | undefined
}

/**
 * A model on disk, open until its scope ends: its configuration, and its tensors under their canonical names.
 */
export interface ModelDirectory {
  readonly path: string
  /** config.json's content, except that `tie_word_embeddings` says what the weights are. */
  readonly config: ModelConfig.ModelConfig
  readonly tensors: ReadonlyMap<string, SafeTensors.NamedTensor<ModelFileError>>
  /** The elements of one tensor; fails with `ModelFileError` where there is none of that name. */
  readonly read: SafeTensors.SafeTensorsFile["read"]
  /** The elements of a float32, float16 or bfloat16 tensor; fails with `ModelFileError` for other types. */
  readonly readFloat32: SafeTensors.SafeTensorsFile["readFloat32"]
}

/**
 * Opens a model directory in Hugging Face's layout: config.json with model.safetensors, or its shards. Names
 * are canonical (`wte.weight`, `h.0.attn.c_attn.weight`, ...: a `transformer.` prefix goes, so do `attn.bias`
 * masks). An `lm_head.weight` whose bytes are those of `wte.weight` is a tied head's copy and goes too; any
 * other unties the head in the returned configuration. The tensors must be exactly those that
 * `expectedTensors` lists for that configuration.
 *
 * Fails with `ModelFileError` for unsound or missing files, `ModelConfigError` for an unsound config.json,
 * `TensorMismatch` for the first tensor that is missing, superfluous, or of the wrong shape or dtype; and as
 * `expectedTensors` does.
 *
 * @example
 * const model = yield* ModelDirectory.open("models/gpt2", (config) => Effect.succeed(gpt2Tensors(config)))
 * const embedding = yield* model.readFloat32("wte.weight")
 */
export const open = Effect.fn("ModelDirectory.open")(function* <E = never, R = never>(
  directory: string,
  expectedTensors: (config: ModelConfig.ModelConfig) => Effect.Effect<ReadonlyArray<ExpectedTensor>, E, R>
): Effect.fn.Return<
  ModelDirectory,
  ModelFileError | ModelConfigError | TensorMismatch | E,
  FileSystem.FileSystem | Path.Path | Scope.Scope | R
> {
  const { join } = yield* Path.Path
  yield* checkThere(directory)
  const stored = yield* ModelConfig.read(join(directory, configFileName))
  const files = yield* openWeightFiles(directory)
  const { tied, weights } = yield* settleHead(files, stored.tie_word_embeddings)
  const config = { ...stored, tie_word_embeddings: tied }
  yield* checkTensors(weights, yield* expectedTensors(config))
  const tensors = new Map([...weights.tensors].map(([name, { tensor }]) => [name, tensor]))
  return { path: directory, config, tensors, ...SafeTensors.readersOf(weights.path, tensors) }
})

const checkThere = Effect.fnUntraced(function* (directory: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const look = fileError(directory, "open the directory")
  if (yield* fileSystem.exists(directory).pipe(Effect.mapError(look))) return
  const previous = yield* previousDirectory(directory)
  const saved = yield* fileSystem.exists(previous).pipe(Effect.mapError(look))
  const reason = saved
    ? `there is no such directory, but a save was cut off: the complete earlier model lies in ${previous}; rename it`
    : "there is no such directory; name one that holds config.json and model.safetensors"
  return yield* new ModelFileError({ path: directory, reason })
})

// Without lm_head.weight the configuration decides: one that says "untied" then fails for want of the tensor.
const settleHead = Effect.fnUntraced(function* (
  files: WeightFiles,
  tiedByConfig: boolean
): Effect.fn.Return<{ readonly tied: boolean; readonly weights: WeightFiles }, ModelFileError> {
  const head = files.tensors.get(headName)?.tensor
  const embedding = files.tensors.get(embeddingName)?.tensor
  if (head === undefined) return { tied: tiedByConfig, weights: files }
  const alike =
    embedding !== undefined && head.dtype === embedding.dtype && sameShape(head.shape, embedding.shape)
  if (!alike || !bytesOf(yield* head.read).equals(bytesOf(yield* embedding.read))) {
    return { tied: false, weights: files }
  }
  const tensors = new Map(files.tensors)
  tensors.delete(headName)
  return { tied: true, weights: { path: files.path, tensors } }
})

const bytesOf = (data: TensorData): Buffer => Buffer.from(data.buffer, data.byteOffset, data.byteLength)

const checkTensors = Effect.fnUntraced(function* (
  weights: WeightFiles,
  expected: ReadonlyArray<ExpectedTensor>
): Effect.fn.Return<void, TensorMismatch> {
  for (const { name, shape, dtypes = floatingDTypes } of expected) {
    const located = weights.tensors.get(name)
    const wanted = `${dtypes.join(" or ")} of shape [${shape.join(", ")}]`
    if (located === undefined) {
      const found = `${weights.tensors.size} other tensors`
      return yield* new TensorMismatch({
        path: weights.path,
        tensor: name,
        problem: "missing",
        expected: wanted,
        found
      })
    }
    const { dtype, shape: foundShape } = located.tensor
    const wrong = {
      path: located.path,
      tensor: name,
      expected: wanted,
      found: describeLayout(located.tensor)
    }
    if (!sameShape(shape, foundShape)) return yield* new TensorMismatch({ ...wrong, problem: "shape" })
    if (!dtypes.includes(dtype)) return yield* new TensorMismatch({ ...wrong, problem: "dtype" })
  }
  const names = new Set(expected.map(({ name }) => name))
  for (const [name, { tensor, path }] of weights.tensors) {
    if (names.has(name)) continue
    const found = describeLayout(tensor)
    const problem = "superfluous"
    return yield* new TensorMismatch({
      path,
      tensor: name,
      problem,
      expected: `only the ${names.size} listed`,
      found
    })
  }
})

/** What `save` puts into a model directory. */
export interface ModelContents<E = never, R = never> extends SafeTensors.WriteOptions {
  readonly config: ModelConfig.ModelConfig
  readonly tensors: ReadonlyArray<SafeTensors.NamedTensor<E, R>>
  /** Paths of files to copy under their own names: a tokenizer's, as a rule. */
  readonly copies?: ReadonlyArray<string> | undefined
  /** Other files to write, by name: README.md, for example. */
  readonly files?: Readonly<Record<string, string | Uint8Array>> | undefined
}

/**
 * Saves a model directory as a whole: it is made beside `directory`, and takes its place when it is complete
 * and on the disk. Until then an earlier model there stays as it is, also if the program is interrupted or
 * the disk fills up. A directory that holds anything but a model's files is refused. Tensors are read one by
 * one, and may come from the very model that is replaced.
 *
 * Fails with `ModelFileError`, with `ModelConfigError` for an unsound configuration, and as the tensors'
 * `read` does. The header's metadata is `{ format: "pt" }`, which transformers asks for, unless `metadata`
 * says otherwise.
 *
 * @example
 * const tensors = [...model.tensors.values()]
 * yield* ModelDirectory.save("out/gpt2-half", { config: model.config, tensors, dtype: "float16" })
 */
export const save = Effect.fn("ModelDirectory.save")(function* <E = never, R = never>(
  directory: string,
  contents: ModelContents<E, R>
): Effect.fn.Return<void, ModelFileError | ModelConfigError | E, FileSystem.FileSystem | Path.Path | R> {
  const { basename, join } = yield* Path.Path
  const { config, tensors, copies = [], files = {}, metadata = { format: "pt" }, dtype } = contents
  const configText = yield* ModelConfig.format(config, join(directory, configFileName))
  const copied = copies.map((path) => ({ path, name: basename(path) }))
  const given = Object.entries(files)
  const written = [...copied.map(({ name }) => name), ...given.map(([name]) => name)]
  yield* checkNames(directory, written)

  yield* replaceDirectory(
    directory,
    objectionTo(new Set(written)),
    Effect.fnUntraced(function* (temporary) {
      const write = (name: string, content: string | Uint8Array) =>
        writeAtomically(join(temporary, name), (append) =>
          append(typeof content === "string" ? new TextEncoder().encode(content) : content)
        )
      yield* write(configFileName, configText)
      yield* SafeTensors.write(join(temporary, singleFileName), tensors, { metadata, dtype })
      for (const { path, name } of copied) yield* copy(path, join(temporary, name))
      for (const [name, content] of given) yield* write(name, content)
    })
  )
})

/**
 * Fails with `ModelFileError` where `save` would refuse to replace what is there: for asking before long work. `names` are those of the files
 * that will go along.
 *
 * @example
 *   yield* ModelDirectory.requireSaveable("out/gpt2-half", ["tokenizer.json"])
 */
export const requireSaveable = (
  directory: string,
  names: ReadonlyArray<string> = []
): Effect.Effect<void, ModelFileError, FileSystem.FileSystem | Path.Path> =>
  Effect.asVoid(requireReplaceable(directory, objectionTo(new Set(names))))

const checkNames = Effect.fnUntraced(function* (directory: string, names: ReadonlyArray<string>) {
  const { basename } = yield* Path.Path
  // Case does not tell files apart on every system.
  const taken = new Set([configFileName, singleFileName, indexFileName])
  for (const name of names) {
    const fail = (reason: string) =>
      new ModelFileError({ path: directory, reason: `${quoted(name)} ${reason}` })
    if (name === "" || name === "." || name === ".." || basename(name) !== name) {
      return yield* fail("is not the name of a file in the model's directory")
    }
    if (taken.has(name.toLowerCase()))
      return yield* fail("would be written twice; leave it out or name it differently")
    taken.add(name.toLowerCase())
  }
})

const copy = (source: string, target: string) =>
  writeAtomically(
    target,
    Effect.fnUntraced(function* (append) {
      const file = yield* openRegularFile(source)
      const buffer = new Uint8Array(Math.min(file.size, chunkBytes))
      for (let done = 0; done < file.size; done += buffer.length) {
        const chunk = buffer.subarray(0, file.size - done)
        yield* file.readInto(chunk, done)
        yield* append(chunk)
      }
    }, Effect.scoped)
  )

const modelFiles: ReadonlySet<string> = new Set([
  configFileName,
  singleFileName,
  indexFileName,
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
  "merges.txt",
  "README.md",
  "LICENSE",
  ".gitattributes"
])

const isShard = (name: string): boolean => /^model-\d{5}-of-\d{5}\.safetensors$/.test(name)

const objectionTo =
  (written: ReadonlySet<string>): Objection =>
  (entries) => {
    const names = new Set(entries.map(({ name }) => name))
    if (!names.has(configFileName) || !(names.has(singleFileName) || names.has(indexFileName))) {
      return `is not empty, and not a model's: it lacks ${configFileName} or ${singleFileName}; name another directory`
    }
    const foreign = entries.find(
      ({ name, type }) =>
        type === "Directory" || !(modelFiles.has(name) || isShard(name) || written.has(name))
    )
    return foreign === undefined
      ? undefined
      : `holds ${quoted(foreign.name)}, which is no part of a model and would be lost; move it, or save elsewhere`
  }
