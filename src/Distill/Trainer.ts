import { Clock, Effect, FileSystem, Path, type Scope, type Stream } from "effect"
import { type Iteration, run as runOf, stream as streamOf } from "../Iteration/index.ts"
import { fold, type Key, restore, stream as openStream } from "../Random/index.ts"
import {
  type Backend,
  compute,
  NumericalError,
  Tensor,
  type TensorError,
  type TypedArray
} from "../Tensor/index.ts"
import { upload } from "../Tensor/Host.ts"
import { readCheckpoint, type RunIdentity, writeCheckpoint } from "./Checkpoint.ts"
import { CheckpointError, TrainerSettingsError } from "./Errors.ts"
import { gradientStep, type Measures, readMeasures } from "./GradientStep.ts"
import type { Optimizer, Tensors } from "./Optimizer.ts"
import { learningRate, type Schedule } from "./Schedule.ts"
import type { Task } from "./Task.ts"
import type { Evaluation, TrainingState } from "./TrainingState.ts"

export interface TrainerSettings {
  /** Updates in all. */
  readonly steps: number
  readonly schedule: Schedule
  readonly optimizer: Optimizer
  /** Decides batches and dropout. */
  readonly key: Key
  /** Batches whose mean gradient makes one update; default 1. */
  readonly microBatches?: number | undefined
  /** Upper limit of the gradient's global norm; default: none. */
  readonly clipNorm?: number | undefined
  /** Updates between two reports; the loss is read from the device only then. Default 10. */
  readonly reportEvery?: number | undefined
  /** Updates between two evaluations; there is always one at the end. Default 500. */
  readonly evaluateEvery?: number | undefined
  /** Where, and every how many updates, to save; also at the end. A file that is there already is gone on from. */
  readonly checkpoint?: { readonly path: string; readonly every: number } | undefined
  /** The parameters that the run ends with: those of the best evaluation (default, where there is one) or the last. */
  readonly keep?: "best" | "last" | undefined
}

/** How training goes: means over the updates since the last report. */
export interface TrainingInfo {
  /** Updates made so far, of `steps`. */
  readonly step: number
  readonly steps: number
  readonly loss: number
  /** The parts of the loss, without their weights. */
  readonly parts: Readonly<Record<string, number>>
  /** Of the last update. */
  readonly learningRate: number
  /** Before clipping. */
  readonly gradientNorm: number
  readonly tokensPerSecond: number
  /** Spent on updates since the run began, in all processes. */
  readonly seconds: number
  readonly evaluation: number | undefined
  readonly isBest: boolean
  /** The file, where this state has been saved to it. */
  readonly checkpoint: string | undefined
}

/** What a finished run leaves, beside the trained parameters. */
export interface TrainingOutcome {
  readonly steps: number
  readonly seconds: number
  readonly best: { readonly step: number; readonly evaluation: number } | undefined
  readonly history: ReadonlyArray<Evaluation>
}

export type TrainerNeeds = Backend | FileSystem.FileSystem | Path.Path
export type TrainerFailure = TensorError | CheckpointError | TrainerSettingsError

export interface Trainer<E = never, R = never> {
  /** The state before the first step; moments belong to the scope. */
  readonly init: Effect.Effect<TrainingState, TensorError | TrainerSettingsError, Backend | Scope.Scope>
  /** The state of the checkpoint, which is put into the parameters; `init` where there is none. */
  readonly resume: Effect.Effect<TrainingState, TrainerFailure, TrainerNeeds | Scope.Scope>
  /**
   * Updates up to the next report, evaluation or checkpoint, which it makes. The parameters and moments of the state change in place. Fails
   * with `NumericalError` where the loss or the gradient is no longer finite; after any failure or interruption the state is only good for
   * being dropped, and the way on is `resume`.
   */
  readonly step: (
    state: TrainingState
  ) => Effect.Effect<readonly [TrainingState, TrainingInfo], TrainerFailure | E, TrainerNeeds | R>
  /** `resume` and all steps to the end, one info each. */
  readonly stream: Stream.Stream<TrainingInfo, TrainerFailure | E, TrainerNeeds | R>
  /** The stream with an observer, to its end. */
  readonly run: <E2 = never, R2 = never>(
    observe?: (info: TrainingInfo) => Effect.Effect<unknown, E2, R2>
  ) => Effect.Effect<TrainingOutcome, TrainerFailure | E | E2, TrainerNeeds | R | R2>
}

/**
 * A trainer of a task. On one backend a run is a function of its task and settings: interrupted or killed and started again, it
 * goes on from its last checkpoint and ends with the very bits of a run that was left alone.
 *
 * @example
 * const trainer = Trainer.make(task, { steps: 1000, schedule, optimizer: adamW(), key: key(1) })
 * yield* trainer.run((info) => Effect.log(`${info.step}: ${info.loss}`))
 */
export const make = <Batch, E = never, R = never>(
  task: Task<Batch, E, R>,
  settings: TrainerSettings
): Trainer<E, R> => {
  const { parameters, evaluate } = task
  const { optimizer, schedule, steps, checkpoint, clipNorm } = settings
  const { microBatches = 1, reportEvery = 10, evaluateEvery = 500, keep = "best" } = settings

  const identity: RunIdentity = {
    steps,
    schedule,
    settings: {
      task: task.description,
      optimizer: optimizer.describe(parameters),
      key: settings.key,
      microBatches,
      clipNorm: clipNorm ?? null,
      evaluateEvery: evaluate === undefined ? null : evaluateEvery
    }
  }

  const init = Effect.gen(function* () {
    yield* checkSettings({
      steps,
      microBatches,
      reportEvery,
      evaluateEvery,
      checkpointEvery: checkpoint?.every ?? 1
    })
    const moments = yield* compute((t) => optimizer.initialMoments(t, parameters))
    const sampler = openStream(fold(settings.key, "batches")).state()
    const state: TrainingState = {
      step: 0,
      parameters,
      moments,
      sampler,
      seconds: 0,
      best: undefined,
      history: []
    }
    return state
  }).pipe(Effect.withSpan("Trainer.init"))

  const resume = Effect.gen(function* () {
    const fresh = yield* init
    if (checkpoint === undefined) return fresh
    const { path } = checkpoint
    const fileSystem = yield* FileSystem.FileSystem
    const { dirname } = yield* Path.Path
    // Made now, so that a path that cannot be written is not found out hours later.
    const exists = yield* fileSystem.makeDirectory(dirname(path), { recursive: true }).pipe(
      Effect.andThen(fileSystem.exists(path)),
      Effect.mapError((cause) => new CheckpointError({ path, reason: "its directory cannot be used", cause }))
    )
    return exists ? yield* readCheckpoint(path, identity, fresh) : fresh
  }).pipe(Effect.withSpan("Trainer.resume"))

  const update = gradientStep(task, { optimizer, microBatches, clipNorm, key: fold(settings.key, "losses") })

  const untilBoundary = Effect.fnUntraced(function* (state: TrainingState, boundary: number) {
    const began = yield* Clock.currentTimeNanos
    const sampler = restore(state.sampler)
    const made: Array<Measures> = []
    for (let step = state.step + 1; step <= boundary; step++) {
      const rate = learningRate(schedule, step, steps)
      made.push(yield* update({ moments: state.moments, sampler, step, learningRate: rate }))
      yield* Effect.yieldNow
    }
    const measures = yield* readMeasures(made, boundary)
    const elapsed = Number((yield* Clock.currentTimeNanos) - began) / 1e9
    return { measures, elapsed, sampler: sampler.state() }
  }, Effect.scoped)

  const step: Trainer<E, R>["step"] = Effect.fn("Trainer.step")(function* (state: TrainingState) {
    const isDue = (every: number, at: number) => at % every === 0 || at === steps
    const boundary = Math.min(
      ...[reportEvery, ...(evaluate ? [evaluateEvery] : []), ...(checkpoint ? [checkpoint.every] : [])].map(
        (every) => (Math.floor(state.step / every) + 1) * every
      ),
      state.step < steps ? steps : Infinity
    )
    const { measures, elapsed, sampler } = yield* untilBoundary(state, boundary)
    const { tokens, ...means } = measures
    let next: TrainingState = { ...state, step: boundary, sampler, seconds: state.seconds + elapsed }

    let evaluation: number | undefined
    if (evaluate !== undefined && isDue(evaluateEvery, boundary)) {
      evaluation = yield* evaluate
      if (!Number.isFinite(evaluation))
        return yield* new NumericalError({
          operation: "Trainer.step",
          reason: `the evaluation after step ${boundary} is ${evaluation}; lower the learning rate, or look at the held-out data`
        })
      const best =
        next.best === undefined || evaluation < next.best.evaluation
          ? { step: boundary, evaluation, parameters: yield* toHost(parameters) }
          : next.best
      next = { ...next, best, history: [...next.history, { step: boundary, loss: means.loss, evaluation }] }
    }
    const saved = checkpoint !== undefined && isDue(checkpoint.every, boundary) ? checkpoint.path : undefined
    if (saved !== undefined) yield* writeCheckpoint(saved, identity, next)
    const info: TrainingInfo = {
      ...means,
      step: boundary,
      steps,
      learningRate: learningRate(schedule, boundary, steps),
      tokensPerSecond: elapsed > 0 ? tokens / elapsed : 0,
      seconds: next.seconds,
      evaluation,
      isBest: evaluation !== undefined && next.best?.step === boundary,
      checkpoint: saved
    }
    return [next, info] as const
  })

  const finish = (state: TrainingState) =>
    keep === "last" || state.best === undefined
      ? Effect.void
      : putIntoPlace(parameters, state.best.parameters)

  const iteration: Iteration<
    TrainingState,
    TrainingInfo,
    TrainerFailure | E,
    TrainerNeeds | R | Scope.Scope
  > = { init: resume, step, isDone: (state) => state.step >= steps, finish }

  const run: Trainer<E, R>["run"] = Effect.fn("Trainer.run")(function* (observe) {
    const { step, seconds, best, history } = yield* runOf(iteration, observe)
    return {
      steps: step,
      seconds,
      best: best && { step: best.step, evaluation: best.evaluation },
      history
    }
  }, Effect.scoped)

  return { init, resume, step, stream: streamOf(iteration), run }
}

const checkSettings = Effect.fnUntraced(function* (counts: Readonly<Record<string, number>>) {
  for (const [setting, value] of Object.entries(counts))
    if (!Number.isSafeInteger(value) || value < 1)
      return yield* new TrainerSettingsError({ setting, value, expected: "a whole number, at least 1" })
})

const toHost = Effect.fnUntraced(function* (
  parameters: Tensors
): Effect.fn.Return<Readonly<Record<string, TypedArray>>, TensorError, Backend> {
  const entries: Array<readonly [string, TypedArray]> = []
  for (const [name, x] of Object.entries(parameters)) entries.push([name, yield* Tensor.toArray(x)])
  return Object.fromEntries(entries)
})

const putIntoPlace = (
  parameters: Tensors,
  values: Readonly<Record<string, TypedArray>>
): Effect.Effect<void, TensorError, Backend> =>
  Effect.scoped(
    compute((t) => {
      for (const [name, x] of Object.entries(parameters))
        t.assign(x, upload(t.region, values[name], x.shape, x.dtype))
    })
  )
