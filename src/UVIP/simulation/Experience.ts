import { fold, type Key } from "../../Random/index.ts"
import type { ActingPolicy } from "../policies/ActingPolicy.ts"
import type { InitialState } from "./Gymnasium.ts"
import { allocateTransitions, drawTransitions, type Simulator } from "./Simulator.ts"

/** Where some environments of one simulator are, side by side. */
export interface Environments {
  /** [environments, stateSize] */
  readonly states: Float64Array
  /** [environments]: steps since the last reset. */
  readonly steps: Int32Array
  /** [environments]: undiscounted rewards since the last reset. */
  readonly returns: Float64Array
}

/** What some environments went through, `length` steps each; row t * environments + e is step t of environment e. */
export interface Experience {
  readonly environments: number
  readonly length: number
  /** [rows, stateSize] */
  readonly states: Float64Array
  readonly actions: Int32Array
  readonly rewards: Float64Array
  /** [rows, stateSize]: where the step led, before any reset. */
  readonly nextStates: Float64Array
  /** 1 where the episode ended in a terminal state: nothing follows. */
  readonly terminated: Uint8Array
  /** 1 where only time was up: what would have followed still counts, but the next row is of another episode. */
  readonly truncated: Uint8Array
  /** Undiscounted returns of the episodes that ended. */
  readonly finished: ReadonlyArray<number>
}

export interface ExperienceOptions {
  readonly length: number
  /** After which an episode is truncated. */
  readonly maxSteps: number
  readonly initialState: InitialState
  readonly key: Key
}

/** Environments at the beginning of an episode each. */
export const freshEnvironments = (
  { stateSize }: Simulator,
  count: number,
  initialState: InitialState,
  key: Key
): Environments => {
  const states = new Float64Array(count * stateSize)
  for (let e = 0; e < count; e++)
    initialState(fold(key, e), states.subarray(e * stateSize, (e + 1) * stateSize))
  return { states, steps: new Int32Array(count), returns: new Float64Array(count) }
}

/** Lets the policy act in all environments at once, and begins anew where an episode ends. Throws `SimulatorError`. */
export const gather = (
  simulator: Simulator,
  policy: ActingPolicy,
  from: Environments,
  { length, maxSteps, initialState, key }: ExperienceOptions
): readonly [Environments, Experience] => {
  const { stateSize } = simulator
  const environments = from.steps.length
  const rows = environments * length
  const states = from.states.slice()
  const steps = from.steps.slice()
  const returns = from.returns.slice()
  const finished: Array<number> = []
  const all = allocateTransitions(rows, stateSize)
  const experience: Experience = {
    environments,
    length,
    states: new Float64Array(rows * stateSize),
    actions: new Int32Array(rows),
    truncated: new Uint8Array(rows),
    finished,
    ...all
  }
  for (let t = 0; t < length; t++) {
    const stepKey = fold(key, t)
    const [first, last] = [t * environments, (t + 1) * environments]
    const into = {
      nextStates: all.nextStates.subarray(first * stateSize, last * stateSize),
      rewards: all.rewards.subarray(first, last),
      terminated: all.terminated.subarray(first, last)
    }
    const actions = experience.actions.subarray(first, last)
    experience.states.set(states, first * stateSize)
    policy.act(states, environments, fold(stepKey, "policy"), actions)
    drawTransitions(simulator, states, actions, fold(stepKey, "simulator"), into)
    states.set(into.nextStates)
    for (let e = 0; e < environments; e++) {
      steps[e]++
      returns[e] += into.rewards[e]
      if (into.terminated[e] === 0 && steps[e] < maxSteps) continue
      if (into.terminated[e] === 0) experience.truncated[first + e] = 1
      finished.push(returns[e])
      ;[steps[e], returns[e]] = [0, 0]
      initialState(fold(fold(stepKey, "initial"), e), states.subarray(e * stateSize, (e + 1) * stateSize))
    }
  }
  return [{ states, steps, returns }, experience]
}

/**
 * Advantages by exponentially weighted temporal differences (Schulman et al., "High-dimensional continuous control using generalized advantage
 * estimation", 2016), with d_t = r_t + discount V(s_{t+1}) - V(s_t) and A_t = d_t + discount trace A_{t+1} within an episode. After
 * termination V(s_{t+1}) is 0; after truncation it is the value of the state that was reached.
 *
 * values, nextValues: [rows], of `states` and of `nextStates`; trace is GAE's lambda, in [0, 1].
 */
export const advantages = (
  { environments, length, rewards, terminated, truncated }: Experience,
  values: ArrayLike<number>,
  nextValues: ArrayLike<number>,
  discount: number,
  trace: number
): Float64Array => {
  const result = new Float64Array(rewards.length)
  for (let t = length - 1; t >= 0; t--)
    for (let e = 0; e < environments; e++) {
      const row = t * environments + e
      const following = terminated[row] === 1 ? 0 : nextValues[row]
      const difference = rewards[row] + discount * following - values[row]
      const goesOn = t + 1 < length && terminated[row] === 0 && truncated[row] === 0
      result[row] = difference + (goesOn ? discount * trace * result[row + environments] : 0)
    }
  return result
}
