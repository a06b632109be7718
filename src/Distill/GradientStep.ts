import { Effect, Scope } from "effect"
import { fold, type Key, type Stream } from "../Random/index.ts"
import {
  type Backend,
  compute,
  NumericalError,
  type Operations,
  Tensor,
  type TensorError
} from "../Tensor/index.ts"
import { clipByGlobalNorm } from "./Clipping.ts"
import type { Optimizer, Tensors } from "./Optimizer.ts"
import type { Task } from "./Task.ts"

export interface GradientStepSettings {
  readonly optimizer: Optimizer
  /** Batches whose mean gradient makes one step. */
  readonly microBatches: number
  readonly clipNorm: number | undefined
  /** Every micro-batch gets a key of its own derived from this one. */
  readonly key: Key
}

export interface GradientStepPosition {
  readonly moments: Tensors
  readonly sampler: Stream
  /** Number of the step, from 1. */
  readonly step: number
  readonly learningRate: number
}

/** What one step measured, still on the device. */
export interface Measures {
  /** Of the loss's parts. */
  readonly names: ReadonlyArray<string>
  /** [1 + parts] for each micro-batch: the loss and its parts. */
  readonly losses: ReadonlyArray<Tensor>
  /** [1]: of the mean gradient, before clipping. */
  readonly norm: Tensor
  readonly tokens: number
}

/**
 * One step of the optimiser in place: gradients of the micro-batches, their mean, clipping, update. The measures belong to the scope.
 * It can be interrupted between micro-batches, never inside the update.
 */
export const gradientStep = <Batch, E, R>(
  task: Task<Batch, E, R>,
  settings: GradientStepSettings
): ((position: GradientStepPosition) => Effect.Effect<Measures, TensorError, Backend | Scope.Scope>) => {
  const { parameters, nextBatch, tokens } = task
  const { optimizer, microBatches, clipNorm } = settings

  const differentiate = (t: Operations, batch: Batch, key: Key) => {
    const loss = task.prepare(t, batch, key)
    const { value, gradients, aux } = t.valueAndGradients(parameters, () => {
      const { value, parts } = loss()
      return { value, aux: parts }
    })
    const scalars = [value, ...Object.values(aux)].map((x) => t.reshape(x, [1]))
    return { gradients, names: Object.keys(aux), losses: t.concatenate(scalars, 0) }
  }

  const apply = (
    t: Operations,
    gradients: Tensors,
    { moments, step, learningRate }: GradientStepPosition
  ) => {
    const { norm, scale } = clipByGlobalNorm(t, gradients, microBatches, clipNorm)
    optimizer.update(t, { parameters, moments, gradients, scale, step, learningRate })
    return t.reshape(norm, [1])
  }

  const single = (position: GradientStepPosition, key: Key) => {
    const batch = nextBatch(position.sampler)
    return compute((t): Measures => {
      const { gradients, names, losses } = differentiate(t, batch, key)
      return { names, losses: [losses], norm: apply(t, gradients, position), tokens: tokens(batch) }
    })
  }

  // The sums end with the step, its measures with the caller's scope.
  const accumulated = Effect.fnUntraced(function* (
    position: GradientStepPosition,
    key: Key,
    measures: Scope.Scope
  ) {
    // Their own memory: gradients may share theirs with each other.
    const sums = yield* compute((t) =>
      Object.fromEntries(Object.entries(parameters).map(([name, x]) => [name, t.full(x.shape, 0, x.dtype)]))
    )
    const passes: Array<{ readonly names: ReadonlyArray<string>; readonly losses: Tensor }> = []
    let seen = 0
    for (let i = 0; i < microBatches; i++) {
      const batch = nextBatch(position.sampler)
      seen += tokens(batch)
      const pass = yield* compute((t) => {
        const { gradients, names, losses } = differentiate(t, batch, fold(key, i))
        for (const [name, sum] of Object.entries(sums)) t.assign(sum, t.add(sum, gradients[name]))
        return { names, losses }
      }).pipe(Scope.provide(measures))
      passes.push(pass)
      yield* Effect.yieldNow
    }
    const norm = yield* compute((t) => apply(t, sums, position)).pipe(Scope.provide(measures))
    return { names: passes[0].names, losses: passes.map((pass) => pass.losses), norm, tokens: seen }
  }, Effect.scoped)

  return (position) => {
    const key = fold(settings.key, position.step)
    return microBatches === 1
      ? single(position, key)
      : Effect.flatMap(Effect.scope, (scope) => accumulated(position, key, scope))
  }
}

export interface MeanMeasures {
  readonly loss: number
  readonly parts: Readonly<Record<string, number>>
  readonly gradientNorm: number
  readonly tokens: number
}

/**
 * Means over the steps up to `step`, in one read from the device. Fails with `NumericalError` where a loss or a norm is not finite.
 */
export const readMeasures = Effect.fnUntraced(function* (
  measures: ReadonlyArray<Measures>,
  step: number
): Effect.fn.Return<MeanMeasures, TensorError, Backend> {
  const names = ["loss", ...measures[0].names]
  const losses = measures.flatMap((one) => one.losses)
  const values = yield* Effect.scoped(
    Effect.flatMap(
      compute((t) => t.concatenate([...losses, ...measures.map((one) => one.norm)], 0)),
      Tensor.toArray
    )
  )
  // values: [losses, names] and then [steps]
  const norms = values.subarray(losses.length * names.length)
  const [loss, ...parts] = names.map((_, column) =>
    mean(losses.map((_, row) => values[row * names.length + column]))
  )
  const gradientNorm = mean(Array.from(norms))
  if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm))
    return yield* new NumericalError({
      operation: "Trainer.step",
      reason:
        `by step ${step} the loss is ${loss} and the gradient's norm ${gradientNorm}; ` +
        "lower the learning rate, warm up for longer, or clip the norm, and go on from the last checkpoint"
    })
  const tokens = measures.reduce((sum, one) => sum + one.tokens, 0)
  return {
    loss,
    parts: Object.fromEntries(measures[0].names.map((name, i) => [name, parts[i]])),
    gradientNorm,
    tokens
  }
})

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length
