import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Cause, Effect, Exit, FileSystem, Path } from "effect"
import { ModelConfigError, ModelFileError, TensorMismatch } from "../../src/Model/Errors.ts"
import * as ModelConfig from "../../src/Model/ModelConfig.ts"
import * as ModelDirectory from "../../src/Model/ModelDirectory.ts"
import * as SafeTensors from "../../src/Model/SafeTensors.ts"
import { arrayTypeOf, elementCount } from "../../src/Model/StoredDType.ts"
import * as Random from "../../src/Random/index.ts"

// 1,000 model directories, each with one damaged file. Whatever the damage, opening one and reading all of it
// ends in values that fit what the header says, or in one of this layer's errors: never in a defect, a hang
// or a wrong length.

type Damage = (bytes: Uint8Array, stream: Random.Stream) => Uint8Array

const flipBits: Damage = (bytes, stream) => {
  const damaged = bytes.slice()
  for (let n = stream.integer(8); n >= 0; n--)
    damaged[stream.integer(damaged.length)] ^= 1 << stream.integer(8)
  return damaged
}

const truncate: Damage = (bytes, stream) => bytes.slice(0, stream.integer(bytes.length))

const extend: Damage = (bytes, stream) => {
  const longer = new Uint8Array(bytes.length + 1 + stream.integer(64))
  longer.set(bytes)
  return longer
}

const overwriteRun: Damage = (bytes, stream) => {
  const damaged = bytes.slice()
  const start = stream.integer(damaged.length)
  return damaged.fill(stream.integer(256), start, start + stream.integer(32))
}

const removeRun: Damage = (bytes, stream) => {
  const start = stream.integer(bytes.length)
  return Uint8Array.from([...bytes.subarray(0, start), ...bytes.subarray(start + 1 + stream.integer(16))])
}

const repeatRun: Damage = (bytes, stream) => {
  const start = stream.integer(bytes.length)
  const end = start + 1 + stream.integer(64)
  return Uint8Array.from([...bytes.subarray(0, end), ...bytes.subarray(start)])
}

const pick = <A>(choices: ReadonlyArray<A>, stream: Random.Stream): A =>
  choices[stream.integer(choices.length)]

const hostileValues = [
  "-1",
  "-0",
  "0",
  "1e308",
  "1e999",
  "9007199254740993",
  "18446744073709551615",
  "1.5",
  "null",
  "true",
  '""',
  "[]",
  "{}",
  '"F32"',
  '"\\ud800"',
  "[[[[[[[[]]]]]]]]",
  '{"__proto__":{}}',
  "NaN",
  "\u0000",
  '"',
  "[0,0]",
  "[0,18446744073709551616]"
]

// Some value inside the JSON becomes another one; what is around it stays as it was.
const replaceValue = (text: string, stream: Random.Stream): string => {
  const values = [...text.matchAll(/(?<=[:,[]\s*)(?:-?[\d.e+-]+|"[^"]*"|\[[^[\]]*\]|true|false|null)/g)]
  const { 0: old, index } = pick(values, stream)
  return text.slice(0, index) + pick(hostileValues, stream) + text.slice(index + old.length)
}

const hostileConfig: Damage = (bytes, stream) =>
  new TextEncoder().encode(replaceValue(new TextDecoder().decode(bytes), stream))

const headerOf = (bytes: Uint8Array) =>
  Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))

const hostileHeader: Damage = (bytes, stream) => {
  const length = headerOf(bytes)
  const header = replaceValue(new TextDecoder().decode(bytes.subarray(8, 8 + length)), stream)
  const encoded = new TextEncoder().encode(header)
  const damaged = new Uint8Array(8 + encoded.length + bytes.length - 8 - length)
  new DataView(damaged.buffer).setBigUint64(0, BigInt(encoded.length), true)
  damaged.set(encoded, 8)
  damaged.set(bytes.subarray(8 + length), 8 + encoded.length)
  return damaged
}

const liesAboutLength: Damage = (bytes, stream) => {
  const damaged = bytes.slice()
  const length = BigInt(headerOf(bytes))
  const size = BigInt(bytes.length)
  const lies = [
    0n,
    1n,
    length - 1n,
    length + 1n,
    length + 8n,
    size - 8n,
    size - 7n,
    size,
    100_000_000n,
    2n ** 53n,
    2n ** 63n,
    2n ** 64n - 1n
  ]
  new DataView(damaged.buffer).setBigUint64(0, pick(lies, stream), true)
  return damaged
}

const anywhere = [flipBits, truncate, extend, overwriteRun, removeRun, repeatRun]

const flipsInHeader: Damage = (bytes, stream) => {
  const damaged = bytes.slice()
  const end = 8 + headerOf(bytes)
  for (let n = stream.integer(3); n >= 0; n--) damaged[stream.integer(end)] ^= 1 << stream.integer(8)
  return damaged
}

const damages: Readonly<Record<string, ReadonlyArray<Damage>>> = {
  "config.json": [...anywhere, hostileConfig, hostileConfig, hostileConfig],
  "model.safetensors": [
    ...anywhere,
    flipsInHeader,
    hostileHeader,
    hostileHeader,
    hostileHeader,
    liesAboutLength
  ],
  "model.safetensors.index.json": [...anywhere, hostileConfig, hostileConfig]
}

const shardName = "model-00001-of-00001.safetensors"

const saved = Effect.gen(function* () {
  const fileSystem = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const parent = yield* fileSystem.makeTempDirectoryScoped()
  const [single, sharded] = [join(parent, "single"), join(parent, "sharded")]
  const tesserae = { version: 1, weights: { "wte.weight": { format: "kronecker", terms: 2 } } } as const
  const sizes = { vocab_size: 6, n_positions: 4, n_embd: 2, n_layer: 1, n_head: 2 }
  const config = yield* ModelConfig.make({ model_type: "gpt2", ...sizes, bos_token_id: 5, tesserae })
  const weights = Float32Array.from({ length: 12 }, (_, i) => i / 4 - 1)
  const tensors = [
    SafeTensors.fromArray("transformer.wte.weight", [6, 2], weights),
    SafeTensors.fromArray("wpe.weight", [4, 2], weights.subarray(0, 8), "bfloat16"),
    SafeTensors.fromArray("lm_head.weight", [6, 2], weights),
    SafeTensors.fromArray("h.0.attn.bias", [1, 3], Uint8Array.of(1, 0, 1), "bool"),
    SafeTensors.fromArray("order", [3], BigInt64Array.of(2n, 0n, 1n)),
    SafeTensors.fromArray("empty", [0, 7], new Int16Array(0)),
    SafeTensors.fromArray("scale", [], Float64Array.of(0.5))
  ]
  yield* ModelDirectory.save(single, { config, tensors })
  yield* fileSystem.copy(single, sharded)
  yield* fileSystem.rename(join(sharded, "model.safetensors"), join(sharded, shardName))
  const map = Object.fromEntries(tensors.map(({ name }) => [name, shardName]))
  const index = JSON.stringify({ metadata: { total_size: 1 }, weight_map: map })
  yield* fileSystem.writeFileString(join(sharded, "model.safetensors.index.json"), index)
  return { single, sharded }
})

// The tensors that are expected are those that were saved, with whatever sizes the configuration still gives.
const expectedTensors = (config: ModelConfig.ModelConfig) => {
  const embedding = [config.vocab_size, config.n_embd]
  return Effect.succeed([
    { name: "wte.weight", shape: embedding },
    { name: "wpe.weight", shape: [config.n_positions, config.n_embd] },
    ...(config.tie_word_embeddings ? [] : [{ name: "lm_head.weight", shape: embedding }]),
    { name: "order", shape: [3], dtypes: ["int64"] as const },
    { name: "empty", shape: [0, 7], dtypes: ["int16"] as const },
    { name: "scale", shape: [], dtypes: ["float64"] as const }
  ])
}

const readAll = Effect.fnUntraced(function* (directory: string) {
  const model = yield* ModelDirectory.open(directory, expectedTensors)
  for (const { name, dtype, shape } of model.tensors.values()) {
    const data = yield* model.read(name)
    assert.isTrue(data instanceof arrayTypeOf(dtype))
    assert.strictEqual(data.length, elementCount(shape))
  }
  return model.tensors.size
}, Effect.scoped)

layer(NodeServices.layer)("damaged files", (it) => {
  it.effect("load to valid values or fail with a typed error", () =>
    Effect.gen(function* () {
      const fileSystem = yield* FileSystem.FileSystem
      const { join } = yield* Path.Path
      const { single, sharded } = yield* saved
      assert.strictEqual(yield* readAll(single), 5)
      assert.strictEqual(yield* readAll(sharded), 5)
      const targets = [
        [single, "config.json"],
        [single, "model.safetensors"],
        [single, "model.safetensors"],
        [sharded, "model.safetensors.index.json"]
      ] as const
      const outcomes = new Map<string, number>()
      for (let seed = 0; seed < 1000; seed++) {
        const stream = Random.stream(Random.fold(Random.key("damaged files"), seed))
        const [directory, name] = targets[seed % targets.length]
        const path = join(directory, name)
        // A copy: what Node reads is a Buffer, whose slices share its memory.
        const sound = Uint8Array.from(yield* fileSystem.readFile(path))
        yield* fileSystem.writeFile(path, pick(damages[name], stream)(sound, stream))
        const exit = yield* Effect.exit(readAll(directory))
        const outcome = Exit.isSuccess(exit) ? "loaded" : outcomeOf(exit.cause, seed)
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
        yield* fileSystem.writeFile(path, sound)
      }
      // Every way out is taken: the damage is neither always fatal nor always harmless.
      for (const outcome of ["loaded", "ModelFileError", "ModelConfigError", "TensorMismatch"]) {
        assert.isAbove(outcomes.get(outcome) ?? 0, 0, outcome)
      }
    })
  )
})

const outcomeOf = (cause: Cause.Cause<unknown>, seed: number): string => {
  const [reason] = cause.reasons
  assert.isTrue(
    cause.reasons.length === 1 && Cause.isFailReason(reason),
    `seed ${seed}: ${Cause.pretty(cause)}`
  )
  const error = Cause.isFailReason(reason) ? reason.error : undefined
  if (
    error instanceof ModelFileError ||
    error instanceof ModelConfigError ||
    error instanceof TensorMismatch
  ) {
    assert.isAbove(error.message.length, error.path.length, `seed ${seed}`)
    assert.isBelow(error.message.length, 2000, `seed ${seed}`)
    return error._tag
  }
  return assert.fail(`seed ${seed}: ${String(error)}`)
}
