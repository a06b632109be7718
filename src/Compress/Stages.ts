import { Effect, FileSystem, Path, type Scope } from "effect"
import { adamW, type CheckpointError, Distill, type LossWeights, Schedule } from "../Distill/index.ts"
import type { TrainerSettingsError } from "../Distill/index.ts"
import type { Kronecker } from "../Kronecker/index.ts"
import type { ModelConfigError, ModelFileError, TensorMismatch } from "../Model/Errors.ts"
import type { Gpt2 } from "../Model/Gpt2.ts"
import { load, save } from "../Model/Gpt2Files.ts"
import type { TrainingWindows } from "../Model/TextSet.ts"
import { fold } from "../Random/index.ts"
import type { Backend, TensorError } from "../Tensor/index.ts"
import { codecs } from "./Codecs.ts"
import type { Plan } from "./Plan.ts"
import { type FitOptions, type Fitted, replaceWeights } from "./Replace.ts"

/** How a compressed model is brought back towards the original. */
export interface DistillationSettings {
  /** Updates, shared out evenly among the stages that have no number of their own; 0: none. */
  readonly steps: number
  /** Windows of text in one update. */
  readonly rows: number
  /** Of the schedule, a warm-up and a cosine in each stage. */
  readonly learningRate: number
  readonly loss: LossWeights
}

/** What a run in stages tells while it goes on. */
export type StageEvent =
  | { readonly _tag: "fitted"; readonly stage: string; readonly fitted: Fitted }
  | {
      readonly _tag: "distilled"
      readonly stage: string
      /** Updates made so far, of all stages. */
      readonly step: number
      readonly steps: number
      readonly loss: number
      readonly tokensPerSecond: number
    }

export interface StagesOptions {
  readonly original: Gpt2
  readonly plan: Plan
  readonly fit: FitOptions
  readonly distillation: DistillationSettings
  readonly windows: TrainingWindows
  /** Where finished stages and checkpoints lie; a stage that is there is not done again. */
  readonly directory: string
}

export type StagesFailure =
  | TensorError
  | ModelFileError
  | ModelConfigError
  | TensorMismatch
  | CheckpointError
  | TrainerSettingsError

export type FileServices = FileSystem.FileSystem | Path.Path

/** The updates of each stage: its own number, or an equal part of `steps`. */
export const stepsOf = ({ stages }: Plan, steps: number): ReadonlyArray<number> => {
  const sharing = stages.filter(({ distillation }) => distillation?.steps === undefined).length
  let place = 0
  return stages.map(({ distillation }) => {
    if (distillation?.steps !== undefined) return distillation.steps
    const before = Math.floor((steps * place) / sharing)
    return Math.floor((steps * ++place) / sharing) - before
  })
}

/** Updates between two checkpoints. */
const checkpointEvery = 50

/**
 * Compression in stages as the TQCompressor paper does it: the weights of a stage are replaced, the model is distilled from the
 * original, and the next stage sets out from there. The model belongs to the scope. Killed and run again over the same
 * directory it goes on from the last checkpoint.
 */
export const compressInStages = Effect.fn("Compress.compressInStages")(function* <E = never, R = never>(
  options: StagesOptions,
  observe: (event: StageEvent) => Effect.Effect<unknown, E, R> = () => Effect.void
): Effect.fn.Return<Gpt2, StagesFailure | E, Backend | Kronecker | Distill | FileServices | Scope.Scope | R> {
  const { original, plan, fit, distillation, directory } = options
  const fileSystem = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const distill = yield* Distill
  const isThere = (path: string) => Effect.orElseSucceed(fileSystem.exists(path), () => false)
  const { stages } = plan
  const updates = stepsOf(plan, distillation.steps)
  const all = updates.reduce((sum, count) => sum + count, 0)
  let model = original
  for (const [index, stage] of stages.entries()) {
    const finished = join(directory, `stage-${index}`)
    if (yield* isThere(finished)) {
      model = yield* load(finished, codecs)
      continue
    }
    const fitted = join(directory, `stage-${index}-fitted`)
    if (yield* isThere(fitted)) {
      model = yield* load(fitted, codecs)
    } else {
      const own = { ...fit, key: fold(fit.key, index) }
      model = yield* replaceWeights(model, stage.weights, own, (one) =>
        observe({ _tag: "fitted", stage: stage.name, fitted: one })
      )
      yield* save(model, fitted, { codecs })
    }
    const steps = updates[index]
    const before = updates.slice(0, index).reduce((sum, count) => sum + count, 0)
    if (steps > 0) {
      const { learningRate, loss } = { ...distillation, ...stage.distillation }
      const trained = yield* distill.train(
        {
          student: model,
          teacher: original,
          loss,
          nextBatch: (numbers) => options.windows.sample(distillation.rows, numbers),
          steps,
          schedule: Schedule.cosine({
            peak: learningRate,
            floor: learningRate / 10,
            warmupSteps: Math.ceil(steps / 20)
          }),
          optimizer: adamW({ weightDecay: 0.01 }),
          clipNorm: 1,
          reportEvery: 5,
          checkpoint: { path: join(directory, `stage-${index}.safetensors`), every: checkpointEvery },
          keep: "last",
          key: fold(fold(fit.key, "distillation"), index),
          description: { stage: stage.name, rows: distillation.rows, context: options.windows.context }
        },
        ({ step, loss, tokensPerSecond }) =>
          observe({
            _tag: "distilled",
            stage: stage.name,
            step: before + step,
            steps: all,
            loss,
            tokensPerSecond
          })
      )
      model = trained.model
    }
    yield* save(model, finished, { codecs })
  }
  return model
})
