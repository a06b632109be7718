import { Context, Effect, Layer, type Schema, type Scope } from "effect"
import { forward, type ForwardOptions } from "../Model/Forward.ts"
import { type Gpt2, parameters as parametersOf, withParameters } from "../Model/Gpt2.ts"
import type { Batch } from "../Model/TextSet.ts"
import type { Stream } from "../Random/index.ts"
import {
  type Backend,
  compute,
  type Operations,
  type Shape,
  type Tensor,
  type TensorError
} from "../Tensor/index.ts"
import { upload } from "../Tensor/Host.ts"
import { distillationLoss, type LossWeights, type Prediction } from "./Losses.ts"
import type { Tensors } from "./Optimizer.ts"
import type { Task } from "./Task.ts"
import {
  make,
  type Trainer,
  type TrainerFailure,
  type TrainerNeeds,
  type TrainerSettings,
  type TrainingInfo,
  type TrainingOutcome
} from "./Trainer.ts"

export interface DistillOptions<E = never, R = never> extends TrainerSettings {
  /** What training starts from; it stays as it is. */
  readonly student: Gpt2
  /** The model whose answers are imitated, of the same vocabulary and, for hidden states, the same layers and width; none: plain training on text. */
  readonly teacher?: Gpt2 | undefined
  /** Default: cross-entropy alone without a teacher; with one, half of it and half of the divergence at temperature 2. */
  readonly loss?: LossWeights | undefined
  /** Where text comes from: `(numbers) => windows.sample(16, numbers)`. */
  readonly nextBatch: (numbers: Stream) => Batch
  /** Share of the student's embedding and residual branches that is set to zero, in [0, 1); default 0. */
  readonly dropout?: number | undefined
  /** Which parameters change; default all. */
  readonly trainable?: ((name: string, shape: Shape) => boolean) | undefined
  /** A look at held-out text with the model as it is then; lower is better. */
  readonly evaluate?: ((model: Gpt2) => Effect.Effect<number, E, R>) | undefined
  /** What stands for the data, the teacher and the rest that settings do not show; a checkpoint of another description is not taken up. */
  readonly description?: Schema.Json | undefined
}

/** A training run of a language model, not yet begun; `model` is what its steps change, and holds the result at the end. */
export interface Distillation<E = never, R = never> extends Trainer<E, R> {
  readonly model: Gpt2
}

/** Training and distilling of language models. */
export class Distill extends Context.Service<
  Distill,
  {
    /** Copies what is to be trained into the scope, and gives the run as State, step and stream. */
    readonly prepare: <E = never, R = never>(
      options: DistillOptions<E, R>
    ) => Effect.Effect<Distillation<E, R>, TensorError, Backend | Scope.Scope>
    /**
     * Trains to the end: from the checkpoint where there is one, else from the student. The trained model belongs to the scope.
     *
     * Fails with `CheckpointError` where the checkpoint is damaged or another run's, with `NumericalError` where the loss is no longer finite.
     *
     * @example
     * const { model, best } = yield* distill.train(options, (info) => Effect.log(`${info.step}: ${info.loss}`))
     */
    readonly train: <E = never, R = never, E2 = never, R2 = never>(
      options: DistillOptions<E, R>,
      observe?: (info: TrainingInfo) => Effect.Effect<unknown, E2, R2>
    ) => Effect.Effect<
      TrainingOutcome & { readonly model: Gpt2 },
      TrainerFailure | E | E2,
      TrainerNeeds | Scope.Scope | R | R2
    >
  }
>()("tesserae/Distill/Distill") {
  static readonly layer = Layer.sync(Distill, () => {
    const prepare = Effect.fn("Distill.prepare")(function* <E, R>(options: DistillOptions<E, R>) {
      const { student, trainable = () => true } = options
      const trained = Object.fromEntries(
        Object.entries(parametersOf(student)).filter(([name, x]) => trainable(name, x.shape))
      )
      const own = yield* compute((t) => copiesOf(t, trained))
      const model = withParameters(student, own)
      return { ...make(taskOf(options, model, own), options), model }
    })

    const train = Effect.fn("Distill.train")(function* <E, R, E2, R2>(
      options: DistillOptions<E, R>,
      observe?: (info: TrainingInfo) => Effect.Effect<unknown, E2, R2>
    ) {
      const { model, run } = yield* prepare(options)
      const outcome = yield* run(observe)
      return { ...outcome, model }
    })

    return Distill.of({ prepare, train })
  })
}

// A whole slice is a copy: the student may share tensors with the teacher, and training is in place.
const copiesOf = (t: Operations, tensors: Tensors): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, x]) => [
      name,
      t.slice(
        x,
        x.shape.map(() => 0),
        x.shape
      )
    ])
  )

const taskOf = <E, R>(options: DistillOptions<E, R>, model: Gpt2, parameters: Tensors): Task<Batch, E, R> => {
  const { teacher, dropout = 0, evaluate, description = null } = options
  const weights: LossWeights =
    options.loss ?? (teacher === undefined ? {} : { crossEntropy: 0.5, divergence: 0.5, temperature: 2 })
  const hiddenStates = (weights.hidden ?? 0) !== 0
  const teaches = hiddenStates || (weights.divergence ?? 0) !== 0

  const predict = (t: Operations, of: Gpt2, inputs: Tensor, options: ForwardOptions): Prediction => {
    const { logits, hidden } = forward(t, of, inputs, { ...options, hiddenStates })
    return { logits, hiddenStates: hidden }
  }

  return {
    parameters,
    nextBatch: options.nextBatch,
    tokens: ({ rows, context }) => rows * context,
    prepare: (t, { rows, context, inputs, targets }, key) => {
      const tokens = upload(t.region, inputs, [rows, context])
      const target = {
        targets: upload(t.region, targets, [rows, context]),
        count: targets.reduce((count, token) => (token >= 0 ? count + 1 : count), 0)
      }
      const taught = teacher && teaches ? t.tidy(() => predict(t, teacher, tokens, {})) : undefined
      return () => {
        const answer = predict(t, model, tokens, dropout > 0 ? { dropout: { rate: dropout, key } } : {})
        return distillationLoss(t, answer, taught, target, weights)
      }
    },
    evaluate: evaluate?.(model),
    description: {
      description,
      config: JSON.parse(JSON.stringify(model.config)) as Schema.Json,
      formats: Object.fromEntries(Object.entries(model.weights).map(([name, { format }]) => [name, format])),
      teacher: teacher !== undefined,
      loss: { ...weights },
      dropout
    }
  }
}
