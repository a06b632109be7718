import { Effect, FileSystem, Path, Result, Schema, type Scope } from "effect"
import { ModelFileError, quoted } from "./Errors.ts"
import { parseJson } from "./JsonText.ts"
import { fileError, readText } from "./RegularFile.ts"
import * as SafeTensors from "./SafeTensors.ts"

export const singleFileName = "model.safetensors"
export const indexFileName = "model.safetensors.index.json"

/** A tensor under its canonical name, and the file it lies in. */
export interface LocatedTensor {
  readonly tensor: SafeTensors.NamedTensor<ModelFileError>
  readonly path: string
}

/** All weights of a model directory: `path` is its one weight file, or the index of its shards. */
export interface WeightFiles {
  readonly path: string
  readonly tensors: ReadonlyMap<string, LocatedTensor>
}

const Index = Schema.Struct({ weight_map: Schema.Record(Schema.String, Schema.String) })
const decodeIndex = Schema.decodeUnknownResult(Index)
const maximumIndexBytes = 1 << 24

/**
 * The name as the `gpt2` checkpoint has it: saved from a larger module, all but the head begin with
 * `transformer.`.
 */
const canonicalName = (name: string): string => name.replace(/^transformer\./, "")

/** The causal masks that old checkpoints carry along; they are no weights. */
const isMask = (name: string): boolean => /^h\.\d+\.attn\.(?:masked_)?bias$/.test(name)

/**
 * Opens the weights of a model directory, model.safetensors or else its shards, until the scope ends; names
 * are made canonical and causal masks left out. Fails with `ModelFileError` where a file is unsound, the
 * index and the shards disagree, or two tensors have one canonical name.
 */
export const openWeightFiles = Effect.fnUntraced(function* (
  directory: string
): Effect.fn.Return<WeightFiles, ModelFileError, FileSystem.FileSystem | Path.Path | Scope.Scope> {
  const fileSystem = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const exists = (path: string) =>
    fileSystem.exists(path).pipe(Effect.mapError(fileError(path, "look for the file")))
  const single = join(directory, singleFileName)
  if (yield* exists(single)) {
    return { path: single, tensors: yield* canonical([yield* SafeTensors.open(single)]) }
  }
  const index = join(directory, indexFileName)
  if (yield* exists(index)) {
    return { path: index, tensors: yield* canonical(yield* openShards(directory, index)) }
  }
  const reason = `has neither ${singleFileName} nor ${indexFileName}; convert other formats to safetensors first`
  return yield* new ModelFileError({ path: directory, reason })
})

const openShards = Effect.fnUntraced(function* (directory: string, index: string) {
  const { basename, join } = yield* Path.Path
  const fail = (reason: string, tensor?: string) =>
    new ModelFileError({ path: index, reason, ...(tensor === undefined ? {} : { tensor }) })
  const json = parseJson(yield* readText(index, maximumIndexBytes), { depth: 16, values: 1 << 20 })
  if (Result.isFailure(json)) return yield* fail(json.failure)
  const decoded = decodeIndex(json.success)
  if (Result.isFailure(decoded)) return yield* fail("has no weight_map from tensors' names to files' names")
  const shardOf = new Map(Object.entries(decoded.success.weight_map))

  const shards = new Map<string, SafeTensors.SafeTensorsFile>()
  for (const [name, shard] of shardOf) {
    if (basename(shard) !== shard || !shard.endsWith(".safetensors")) {
      return yield* fail(
        `its file ${quoted(shard)} is not the name of a safetensors file in this directory`,
        name
      )
    }
    const file = shards.get(shard) ?? (yield* SafeTensors.open(join(directory, shard)))
    shards.set(shard, file)
    if (!file.tensors.has(name)) return yield* fail(`should be in ${quoted(shard)}, but is not`, name)
  }
  for (const [shard, file] of shards) {
    for (const name of file.tensors.keys()) {
      if (shardOf.get(name) !== shard)
        return yield* fail(`is in ${quoted(shard)}, but the index does not say so`, name)
    }
  }
  return [...shards.values()]
})

const canonical = Effect.fnUntraced(function* (files: ReadonlyArray<SafeTensors.SafeTensorsFile>) {
  const tensors = new Map<string, LocatedTensor>()
  for (const { path, tensors: stored } of files) {
    for (const tensor of stored.values()) {
      const name = canonicalName(tensor.name)
      if (isMask(name)) continue
      if (tensors.has(name)) {
        const reason = `is there with and without the prefix "transformer."; keep one of them`
        return yield* new ModelFileError({ path, tensor: name, reason })
      }
      tensors.set(name, { tensor: { ...tensor, name }, path })
    }
  }
  return tensors
})
