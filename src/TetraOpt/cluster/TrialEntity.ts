import { Cause, Effect, type Layer, Schedule, Schema, Semaphore } from "effect"
import { ClusterSchema, Entity, type Sharding } from "effect/cluster"
import { Rpc } from "effect/rpc"
import { Key } from "../../Random/index.ts"
import { TrialFailed } from "../Errors.ts"
import type { Objective, TrialContext } from "../study/Run.ts"
import type { Study } from "../study/Study.ts"

const Evaluate = Rpc.make("Evaluate", {
  payload: {
    study: Schema.String,
    number: Schema.Natural,
    key: Key,
    configuration: Schema.Json,
    data: Schema.Json
  },
  success: Schema.Finite,
  error: TrialFailed,
  // Sent again, by a study that was killed and taken up again, a trial is the same message: its result is there, or under way.
  primaryKey: ({ study, number }) => `${study}/${number}`
})

/**
 * A trial as an entity of Effect's cluster, one for each trial of each study. Its message is stored before it is sent, and so is its
 * result: the trial of a runner that is killed goes to another, and is answered once.
 */
export const TrialEntity = Entity.make("tesserae/Trial", [Evaluate])
  .annotateRpcs(ClusterSchema.Persisted, true)
  .annotateRpcs(ClusterSchema.Uninterruptible, "client")

/** An objective with what its study sends along with each trial: all that a runner has to know beside the settings. */
export type RunnerObjective<A, E = never, R = never> = (
  configuration: A,
  trial: TrialContext,
  data: Schema.Json
) => Effect.Effect<number, E, R>

export interface RunnerOptions {
  /** Trials that this runner evaluates at a time; default 1. */
  readonly concurrency?: number | undefined
}

/**
 * Evaluates an objective on this runner for whatever study of the cluster asks. Intermediate values go nowhere: trials on other
 * machines are not pruned.
 */
export const layerRunner = <A, E, R>(
  objective: RunnerObjective<A, E, R>,
  options: RunnerOptions = {}
): Layer.Layer<never, never, Sharding.Sharding | R> =>
  TrialEntity.toLayer(
    Effect.gen(function* () {
      const places = yield* Semaphore.make(Math.max(1, Math.floor(options.concurrency ?? 1)))
      return TrialEntity.of({
        Evaluate: ({ payload: { number, key, configuration, data } }) =>
          Effect.suspend(() =>
            objective(configuration as A, { number, key, report: () => Effect.void }, data)
          ).pipe(
            Effect.flatMap((value) =>
              Number.isFinite(value)
                ? Effect.succeed(value)
                : new TrialFailed({ reason: `the objective gave ${String(value)}` })
            ),
            Effect.catchCause((cause) =>
              // A runner that goes down interrupts its trials: another takes them.
              Cause.hasInterrupts(cause) ? Effect.failCause(cause as Cause.Cause<never>) : failed(cause)
            ),
            places.withPermit
          )
      })
    })
  )

const failed = (cause: Cause.Cause<unknown>): Effect.Effect<never, TrialFailed> => {
  const error = cause.reasons.find(Cause.isFailReason)?.error
  if (error instanceof TrialFailed) return Effect.fail(error)
  const thrown = error ?? cause.reasons.find(Cause.isDieReason)?.defect
  const text = thrown instanceof Error ? thrown.message : String(thrown)
  return Effect.fail(new TrialFailed({ reason: error === undefined ? `the objective threw: ${text}` : text }))
}

/** How often a message is sent again that the cluster could not take. */
const attempts = 60

/**
 * The objective that the runners of a cluster evaluate; `data` goes with every trial. A trial whose wait is interrupted goes on there, and its result is found by the run that
 * takes it up again.
 */
export const onCluster = Effect.fnUntraced(function* <A>(
  study: Study<A>,
  data: Schema.Json = null
): Effect.fn.Return<Objective<A, TrialFailed>, never, Sharding.Sharding> {
  const clientOf = yield* TrialEntity.client
  return (configuration, { number, key }) =>
    clientOf(`${study.identity}/${number}`)
      .Evaluate({ study: study.identity, number, key, configuration: configuration as Schema.Json, data })
      .pipe(
        Effect.retry({
          while: ({ _tag }) => _tag !== "TrialFailed",
          schedule: Schedule.spaced("1 second").pipe(Schedule.upTo({ times: attempts }))
        }),
        Effect.catch((error) =>
          Effect.fail(
            error._tag === "TrialFailed"
              ? error
              : new TrialFailed({ reason: `the cluster could not take it: ${error.message}` })
          )
        )
      )
})
