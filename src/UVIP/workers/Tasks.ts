import { Effect, Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { Transferable } from "effect/workers"
import { Key } from "../../Random/index.ts"
import { policyFrom, type PolicyOrigin } from "../policies/ActingPolicy.ts"
import { designFrom, type DesignOrigin } from "../sampled/Design.ts"
import { type Noise, sampler } from "../sampled/Draws.ts"
import { attempt, SimulatorError, UvipOptionError } from "../Errors.ts"
import type { Estimator } from "../sampled/Estimator.ts"
import { improvementOver } from "../sampled/Improvement.ts"
import { simulatorOf } from "../simulation/ModelSimulator.ts"
import { simulatorOfModule } from "../simulation/ModuleSimulator.ts"
import { drawPilot, type Pilot } from "../sampled/Pilot.ts"
import { replicate, type ReplicationState } from "../sampled/Replication.ts"
import { type RolloutOptions, rollouts, type RolloutValues } from "../simulation/Rollouts.ts"
import type { Simulator } from "../simulation/Simulator.ts"
import type { SimulatorOrigin } from "../simulation/SimulatorOrigin.ts"

// Threads are sent copies of their messages, arrays and all, so the two sides need no more than a type; nothing is moved, as the reference
// values of one message are those of the next too.
const copied = <A>() =>
  Transferable.schema(
    Schema.declare((value: unknown): value is A => value !== undefined),
    () => []
  )

const error = Schema.Union([SimulatorError, UvipOptionError])

/** What a sampler is made of. */
export interface SamplerOrigin {
  readonly simulator: SimulatorOrigin
  readonly design: DesignOrigin
}

/** One replication to its end, as `replicate` has it. */
export interface ReplicationTask extends SamplerOrigin {
  readonly reference: Float64Array
  readonly estimator: Estimator
  readonly noise: Noise
  readonly referenceDraws: Int32Array
  readonly sweepDraws: number
  readonly sweeps: number
  readonly key: Key
}

export interface PilotTask extends SamplerOrigin {
  readonly draws: number
  readonly noise: Noise
  readonly key: Key
}

export interface RolloutsTask {
  readonly simulator: SimulatorOrigin
  readonly policy: PolicyOrigin
  readonly options: RolloutOptions
}

/** What worker threads do. */
export class Tasks extends RpcGroup.make(
  Rpc.make("Replicate", {
    payload: { task: copied<ReplicationTask>() },
    success: copied<ReplicationState>(),
    error
  }),
  Rpc.make("Pilot", { payload: { task: copied<PilotTask>() }, success: copied<Pilot>(), error }),
  Rpc.make("Rollouts", { payload: { task: copied<RolloutsTask>() }, success: copied<RolloutValues>(), error })
) {}

const simulatorFrom = (origin: SimulatorOrigin): Effect.Effect<Simulator, UvipOptionError> => {
  switch (origin.kind) {
    case "mdp":
      return Effect.succeed(simulatorOf(origin.mdp, origin.name))
    case "module":
      return simulatorOfModule(origin.url, origin.name, origin.options)
    case "improvement":
      return Effect.map(simulatorFrom(origin.source), (source) =>
        improvementOver(source, policyFrom(origin.policy), origin.horizon)
      )
  }
}

const samplerFrom = Effect.fnUntraced(function* ({ simulator, design }: SamplerOrigin) {
  const source = yield* simulatorFrom(simulator)
  return sampler(source, yield* attempt<UvipOptionError>()(() => designFrom(design, source)))
})

/** How a thread does them: makes everything anew from its origin, which gives what the asking thread would have got. */
export const tasksLayer = Tasks.toLayer({
  Replicate: Effect.fnUntraced(function* ({ task }) {
    return yield* replicate({ ...task, sampler: yield* samplerFrom(task) }, task.sweeps)
  }),
  Pilot: Effect.fnUntraced(function* ({ task }) {
    return yield* drawPilot(yield* samplerFrom(task), task.draws, task.noise, task.key)
  }),
  Rollouts: Effect.fnUntraced(function* ({ task }) {
    return yield* rollouts(yield* simulatorFrom(task.simulator), policyFrom(task.policy), task.options)
  })
})
