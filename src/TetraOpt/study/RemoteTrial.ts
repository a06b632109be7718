import { Effect } from "effect"
import type { Key } from "../../Random/index.ts"
import { TrialPruned } from "../Errors.ts"
import type { Objective } from "./Run.ts"
import type { Report } from "./Trial.ts"

/** What of a trial goes to another thread or machine. */
export interface RemoteTrial<A> {
  readonly number: number
  readonly key: Key
  readonly configuration: A
}

/** What the other side may ask. */
interface RemoteContext {
  readonly ask: (question: unknown) => Effect.Effect<unknown>
}

/** What a module for worker threads exports by default. */
export type WorkerTask<A, E> = (
  trial: RemoteTrial<A>,
  context: RemoteContext
) => Effect.Effect<number, E | TrialPruned>

/** Threads that evaluate an objective: `Layers.workers` makes them. */
export interface ObjectiveWorkers<A, E> {
  readonly run: (
    trial: RemoteTrial<A>,
    options: { readonly answer: (question: unknown) => Effect.Effect<unknown> }
  ) => Effect.Effect<number, E>
}

/**
 * An objective as the task of worker threads; a module exports it by default.
 *
 * @example
 * // objective.ts
 * export default workerTask((settings: Settings, trial) => train(settings, trial.report))
 */
export const workerTask =
  <A, E>(objective: Objective<A, E>): WorkerTask<A, E> =>
  ({ number, key, configuration }, { ask }) =>
    objective(configuration, {
      number,
      key,
      report: (step, value) =>
        Effect.flatMap(ask({ step, value } satisfies Report), (goesOn) =>
          goesOn === false ? Effect.fail(new TrialPruned({ trial: number, step, value })) : Effect.void
        )
    })

/**
 * The objective that these threads evaluate, for a study's run with as many trials at a time as there are threads. A trial that is cancelled is
 * cancelled there, one that is pruned ends there, and a thread that crashes makes a failed trial.
 */
export const onWorkers =
  <A, E>(workers: ObjectiveWorkers<A, E>): Objective<A, E | TrialPruned> =>
  (configuration, { number, key, report }) =>
    Effect.suspend(() => {
      let pruned: TrialPruned | undefined
      const answer = (question: unknown) => {
        const { step, value } = question as Report
        return report(step, value).pipe(
          Effect.as(true),
          Effect.catchTag("TrialPruned", (error) => {
            pruned = error
            return Effect.succeed(false)
          })
        )
      }
      return workers
        .run({ number, key, configuration }, { answer })
        .pipe(Effect.catch((error): Effect.Effect<never, E | TrialPruned> => Effect.fail(pruned ?? error)))
    })
