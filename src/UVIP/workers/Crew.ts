import type { Effect } from "effect"
import type { Key } from "../../Random/index.ts"
import type { ActingPolicy } from "../policies/ActingPolicy.ts"
import type { Noise, Sampler } from "../sampled/Draws.ts"
import type { SimulatorError, UvipOptionError, WorkerThreadError } from "../Errors.ts"
import { drawPilot, type Pilot } from "../sampled/Pilot.ts"
import { replicate, type ReplicationProblem, type ReplicationState } from "../sampled/Replication.ts"
import { type RolloutOptions, rollouts, type RolloutValues } from "../simulation/Rollouts.ts"
import type { Simulator } from "../simulation/Simulator.ts"

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
