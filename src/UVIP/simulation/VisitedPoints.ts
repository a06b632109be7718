import { Effect } from "effect"
import { fold, type Key, stream } from "../../Random/index.ts"
import type { ActingPolicy } from "../policies/ActingPolicy.ts"
import { attempt, checkCount, type SimulatorError, type UvipOptionError } from "../Errors.ts"
import { freshEnvironments, gather } from "./Experience.ts"
import type { InitialState } from "./Gymnasium.ts"
import { checkSimulator, type Simulator } from "./Simulator.ts"

export interface VisitedPointsOptions {
  readonly initialState: InitialState
  readonly count: number
  /** After which an episode begins anew; default 200. */
  readonly maxSteps?: number | undefined
  readonly key: Key
}

/** Episodes side by side. */
const environments = 16

/**
 * Design points where a policy goes: states drawn from its episodes, [count, stateSize], each but the last of an episode as likely as the others. Of
 * states that are never visited a certificate need say nothing. Fails with `SimulatorError` and `UvipOptionError`.
 */
export const visitedPoints = (
  simulator: Simulator,
  policy: ActingPolicy,
  { initialState, count, maxSteps = 200, key }: VisitedPointsOptions
): Effect.Effect<Float64Array, SimulatorError | UvipOptionError> =>
  attempt<SimulatorError | UvipOptionError>()(() => {
    checkSimulator(simulator)
    checkCount("count", count)
    checkCount("maxSteps", maxSteps)
    const { stateSize } = simulator
    const fresh = freshEnvironments(simulator, environments, initialState, fold(key, "initial"))
    const [, { states }] = gather(simulator, policy, fresh, {
      length: Math.max(maxSteps, Math.ceil(count / environments)),
      maxSteps,
      initialState,
      key: fold(key, "episodes")
    })
    const order = stream(fold(key, "points")).permutation(states.length / stateSize)
    const points = new Float64Array(count * stateSize)
    for (let point = 0; point < count; point++)
      points.set(states.subarray(order[point] * stateSize, (order[point] + 1) * stateSize), point * stateSize)
    return points
  })
