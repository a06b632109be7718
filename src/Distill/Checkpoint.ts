import { Effect, FileSystem, type Path, Result, Schema } from "effect"
import type { ModelFileError } from "../Model/Errors.ts"
import * as SafeTensors from "../Model/SafeTensors.ts"
import { StreamState } from "../Random/index.ts"
import {
  type Backend,
  compute,
  type DType,
  type Shape,
  Tensor,
  type TensorError,
  type TypedArray
} from "../Tensor/index.ts"
import { upload } from "../Tensor/Host.ts"
import { CheckpointError } from "./Errors.ts"
import type { Tensors } from "./Optimizer.ts"
import { learningRate, Schedule } from "./Schedule.ts"
import { type Best, Evaluation, type TrainingState } from "./TrainingState.ts"

/** What makes a run this run and not another: a checkpoint is taken up only where it is the same. */
export interface RunIdentity {
  readonly steps: number
  readonly schedule: Schedule
  /** Everything else that decides the outcome. */
  readonly settings: Schema.Json
}

const metadataKey = "tesserae.training"

const Metadata = Schema.fromJsonString(
  Schema.Struct({
    version: Schema.Literal(1),
    steps: Schema.Natural,
    schedule: Schedule,
    settings: Schema.Json,
    step: Schema.Natural,
    sampler: StreamState,
    seconds: Schema.Finite,
    best: Schema.optionalKey(Schema.Struct({ step: Schema.Natural, evaluation: Schema.Finite })),
    history: Schema.Array(Evaluation)
  })
)
type Metadata = typeof Metadata.Type

const decodeMetadata = Schema.decodeUnknownResult(Metadata)
const encodeMetadata = Schema.encodeSync(Metadata)

const parameterPrefix = "parameter."
const momentPrefix = "moment."
const bestPrefix = "best."

interface Layout {
  readonly dtype: DType
  readonly shape: Shape
}

const withPrefix = <A>(prefix: string, record: Readonly<Record<string, A>>): Array<readonly [string, A]> =>
  Object.entries(record).map(([name, value]) => [prefix + name, value])

const describeLayout = ({ dtype, shape }: Layout): string => `${dtype} [${shape.join(", ")}]`

const fromFileError = ({ path, message, cause }: ModelFileError): CheckpointError =>
  new CheckpointError({ path, reason: message.replace(`${path}: `, ""), cause })

/**
 * Writes all of a state into one safetensors file: every number exactly as it is, the rest as JSON in its metadata. The file at `path`
 * is replaced only when the new one is complete and on the disk. Fails with `CheckpointError` where the disk does.
 */
export const writeCheckpoint = Effect.fn("Checkpoint.write")(function* (
  path: string,
  identity: RunIdentity,
  state: TrainingState
): Effect.fn.Return<void, CheckpointError | TensorError, Backend | FileSystem.FileSystem | Path.Path> {
  const { best } = state
  const onDevice = [
    ...withPrefix(parameterPrefix, state.parameters),
    ...withPrefix(momentPrefix, state.moments)
  ]
  const onHost = withPrefix(bestPrefix, best?.parameters ?? {})
  const tensors = [
    ...onDevice.map(([name, x]) => ({ name, dtype: x.dtype, shape: x.shape, read: Tensor.toArray(x) })),
    ...onHost.map(([name, data]) =>
      SafeTensors.fromArray(name, state.parameters[name.slice(bestPrefix.length)].shape, data)
    )
  ]
  const metadata = encodeMetadata({
    version: 1,
    ...identity,
    step: state.step,
    sampler: state.sampler,
    seconds: state.seconds,
    ...(best === undefined ? {} : { best: { step: best.step, evaluation: best.evaluation } }),
    history: state.history
  })
  yield* SafeTensors.write(path, tensors, { metadata: { [metadataKey]: metadata } }).pipe(
    Effect.catchTag("ModelFileError", (error) => fromFileError(error))
  )
})

/**
 * Goes on from a checkpoint: `fresh` is the run's state before its first step; its parameters and moments take the checkpoint's values in
 * place. Fails with `CheckpointError` where the file is damaged or is that of another run: other parameters, other settings, or a schedule
 * that would have given the steps made so far other learning rates. (So a run may be prolonged while its rate is still what it would
 * have been.)
 */
export const readCheckpoint = Effect.fn("Checkpoint.read")(function* (
  path: string,
  identity: RunIdentity,
  fresh: TrainingState
): Effect.fn.Return<TrainingState, CheckpointError | TensorError, Backend | FileSystem.FileSystem> {
  const fail = (reason: string) => new CheckpointError({ path, reason })
  const read = Effect.gen(function* () {
    const file = yield* SafeTensors.open(path)
    const text = file.metadata.get(metadataKey)
    if (text === undefined)
      return yield* fail("is a safetensors file, but not a checkpoint; name another path")
    const decoded = decodeMetadata(text)
    if (Result.isFailure(decoded))
      return yield* fail(`its state is damaged: ${decoded.failure.message.slice(0, 400)}`)
    const metadata = decoded.success

    const difference = differenceOf(metadata, identity) ?? layoutDifference(file.tensors, metadata, fresh)
    if (difference !== undefined)
      return yield* fail(
        `belongs to another run: ${difference}; name another path, or restore the settings to go on with it`
      )

    yield* Effect.forEach(
      [...withPrefix(parameterPrefix, fresh.parameters), ...withPrefix(momentPrefix, fresh.moments)],
      Effect.fnUntraced(function* ([name, x]) {
        const data = yield* readNumbers(path, file, name)
        yield* Effect.scoped(compute((t) => t.assign(x, upload(t.region, data, x.shape, x.dtype))))
      }),
      { discard: true }
    )
    const { step, sampler, seconds, history } = metadata
    return {
      ...fresh,
      step,
      sampler,
      seconds,
      history,
      best: yield* readBest(path, file, metadata, fresh.parameters)
    }
  })
  return yield* Effect.scoped(read).pipe(Effect.catchTag("ModelFileError", (error) => fromFileError(error)))
})

const readBest = Effect.fnUntraced(function* (
  path: string,
  file: SafeTensors.SafeTensorsFile,
  { best }: Metadata,
  parameters: Tensors
): Effect.fn.Return<Best | undefined, CheckpointError | ModelFileError> {
  if (best === undefined) return undefined
  const entries: Array<readonly [string, TypedArray]> = []
  for (const name of Object.keys(parameters))
    entries.push([name, yield* readNumbers(path, file, bestPrefix + name)])
  return { ...best, parameters: Object.fromEntries(entries) }
})

const readNumbers = Effect.fnUntraced(function* (
  path: string,
  file: SafeTensors.SafeTensorsFile,
  name: string
): Effect.fn.Return<TypedArray, CheckpointError | ModelFileError> {
  const data = yield* file.read(name)
  if (data instanceof Float32Array || data instanceof Float64Array || data instanceof Int32Array) return data
  return yield* new CheckpointError({
    path,
    reason: `tensor "${name}" does not hold float32, float64 or int32`
  })
})

const differenceOf = (stored: Metadata, identity: RunIdentity): string | undefined => {
  const { settings, steps, schedule } = identity
  // Through JSON and back, as the stored one went: undefined entries drop out, -0 becomes 0.
  const wanted = JSON.parse(JSON.stringify(settings)) as Schema.Json
  const difference = jsonDifference(stored.settings, wanted, "")
  if (difference !== undefined) return difference
  if (stored.step > steps) return `it has made ${stored.step} steps, this run has ${steps}`
  for (let step = 1; step <= stored.step; step++) {
    const [then, now] = [
      learningRate(stored.schedule, step, stored.steps),
      learningRate(schedule, step, steps)
    ]
    if (then !== now) return `the learning rate of step ${step} was ${then}, here it is ${now}`
  }
  return undefined
}

/** The first place where two JSON values differ, in words. */
const jsonDifference = (stored: Schema.Json, wanted: Schema.Json, place: string): string | undefined => {
  if (isObject(stored) && isObject(wanted)) {
    for (const key of new Set([...Object.keys(stored), ...Object.keys(wanted)])) {
      const inside = place === "" ? key : `${place}.${key}`
      const difference =
        !(key in stored) || !(key in wanted)
          ? `${inside} is only in ${key in stored ? "the checkpoint" : "this run"}`
          : jsonDifference(stored[key], wanted[key], inside)
      if (difference !== undefined) return difference
    }
    return undefined
  }
  const [then, now] = [JSON.stringify(stored), JSON.stringify(wanted)]
  return then === now ? undefined : `${place} was ${then.slice(0, 200)}, here it is ${now.slice(0, 200)}`
}

const isObject = (value: Schema.Json): value is Readonly<Record<string, Schema.Json>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const layoutDifference = (
  stored: ReadonlyMap<string, { readonly dtype: string; readonly shape: Shape }>,
  metadata: Metadata,
  { parameters, moments }: TrainingState
): string | undefined => {
  const wanted = new Map([
    ...withPrefix(parameterPrefix, parameters),
    ...withPrefix(momentPrefix, moments),
    ...(metadata.best === undefined ? [] : withPrefix(bestPrefix, parameters))
  ])
  for (const [name, x] of wanted) {
    const found = stored.get(name)
    if (found === undefined) return `it has no tensor "${name}"`
    if (found.dtype !== x.dtype || found.shape.join() !== x.shape.join())
      return `its tensor "${name}" is ${found.dtype} [${found.shape.join(", ")}], here it is ${describeLayout(x)}`
  }
  for (const name of stored.keys()) if (!wanted.has(name)) return `its tensor "${name}" has no place here`
  return undefined
}
