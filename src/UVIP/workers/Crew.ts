import { Effect, type Scope } from "effect"
import type { Key } from "../../Random/index.ts"
import type { ActingPolicy } from "../ActingPolicy.ts"
import type { Noise, Sampler } from "../Draws.ts"
import {
  attempt,
  checkCount,
  type SimulatorError,
  type UvipOptionError,
  type WorkerThreadError
} from "../Errors.ts"
import { drawPilot, type Pilot } from "../Pilot.ts"
import { replicate, type ReplicationProblem, type ReplicationState } from "../Replication.ts"
import { type RolloutOptions, rollouts, type RolloutValues } from "../Rollouts.ts"
import type { Simulator } from "../Simulator.ts"

export type CrewError = SimulatorError | UvipOptionError | WorkerThreadError

/**
 * Who does the parts of a sampled certificate that do not depend on each other: this thread, or several. Each part has a key of its own, so it
 * makes no difference to the results who did it.
 */
export interface Crew<E = CrewError> {
  /** Parts that are done at a time. */
  readonly threads: number
  readonly replicate: (problem: ReplicationProblem, sweeps: number) => Effect.Effect<ReplicationState, E>
  readonly pilot: (sampler: Sampler, draws: number, noise: Noise, key: Key) => Effect.Effect<Pilot, E>
  readonly rollouts: (
    simulator: Simulator,
    policy: ActingPolicy,
    options: RolloutOptions
  ) => Effect.Effect<RolloutValues, E>
}

/** This thread alone. */
export const ownThread: Crew = { threads: 1, replicate, pilot: drawPilot, rollouts }

/**
 * A crew of worker threads, which end with the scope; with 1 it is this thread. Fails with `UvipOptionError` for a count that is none, and with
 * `WorkerThreadError` where they cannot be started.
 */
export const crewOf = Effect.fnUntraced(function* (
  threads: number
): Effect.fn.Return<Crew, UvipOptionError | WorkerThreadError, Scope.Scope> {
  yield* attempt<UvipOptionError>()(() => checkCount("threads", threads))
  if (threads === 1) return ownThread
  // What starts threads is loaded where there are to be some.
  const { poolOf } = yield* Effect.promise(() => import("./Pool.ts"))
  return yield* poolOf(threads)
})
