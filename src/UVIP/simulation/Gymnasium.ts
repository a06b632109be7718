import { Effect } from "effect"
import { fold, type Key, key as keyOf, stream } from "../../Random/index.ts"
import { attempt, checkCount, SimulatorError, UvipOptionError } from "../Errors.ts"
import { allocateTransitions, drawTransitions, type Simulator } from "./Simulator.ts"

/** Where episodes begin: writes a state, all noise from the key. */
export type InitialState = (key: Key, into: Float64Array) => void

export interface EpisodeInfo {
  /** Steps since the last reset. */
  readonly steps: number
}

/** What `step` gives: [observation, reward, terminated, truncated, info]. */
export type GymnasiumStep = readonly [
  observation: Float64Array,
  reward: number,
  terminated: boolean,
  truncated: boolean,
  info: EpisodeInfo
]

/**
 * An environment after Gymnasium's conventions. After `terminated` the value is 0; after `truncated`, which only says that time is up, it is that
 * of the observation: bootstrap there, never on termination.
 */
export interface GymnasiumEnvironment {
  readonly actions: number
  readonly observationSize: number
  /** Begins an episode; with a seed the episodes from here on are a function of it, without one they go on from the last. */
  readonly reset: (options?: {
    readonly seed?: number | string | undefined
  }) => Effect.Effect<readonly [observation: Float64Array, info: EpisodeInfo], UvipOptionError>
  /** Fails with `UvipOptionError` for an unknown action or before `reset`, with `SimulatorError` where the simulator does. */
  readonly step: (action: number) => Effect.Effect<GymnasiumStep, SimulatorError | UvipOptionError>
}

/** Always the same state: its number, or the numbers that make it. */
export const startAt = (state: number | ReadonlyArray<number>): InitialState => {
  const values = typeof state === "number" ? [state] : state
  return (_, into) => into.set(values)
}

/** Any of the numbered states, equally likely. */
export const startAnywhere =
  (states: ArrayLike<number>): InitialState =>
  (key, into) => {
    into[0] = states[stream(key).integer(states.length)]
  }

/**
 * A simulator as an environment of episodes that end after `maxSteps` at the latest.
 *
 * @example
 * const environment = gymnasium(simulatorOf(mdp), { initialState: startAt(0), maxSteps: 100 })
 * const [observation] = yield* environment.reset({ seed: 42 })
 */
export const gymnasium = (
  source: Simulator,
  {
    initialState,
    maxSteps = Infinity
  }: { readonly initialState: InitialState; readonly maxSteps?: number | undefined }
): GymnasiumEnvironment => {
  const states = new Float64Array(source.stateSize)
  const actions = new Int32Array(1)
  const into = allocateTransitions(1, source.stateSize)
  let [root, episode, steps, open] = [keyOf(0), 0, 0, false]
  const episodeKey = () => fold(root, episode)
  return {
    actions: source.actions,
    observationSize: source.stateSize,
    reset: ({ seed } = {}) =>
      Effect.suspend(() => {
        if (typeof seed === "number" && !Number.isFinite(seed))
          return Effect.fail(
            new UvipOptionError({ option: "seed", value: seed, expected: "a finite number or a string" })
          )
        if (seed !== undefined) [root, episode] = [keyOf(seed), 0]
        else episode++
        ;[steps, open] = [0, true]
        initialState(fold(episodeKey(), "initial"), states)
        return Effect.succeed([states.slice(), { steps }] as const)
      }),
    step: (action) =>
      attempt<SimulatorError | UvipOptionError>()(() => {
        if (!open)
          throw new UvipOptionError({ option: "step", value: action, expected: "preceded by a reset" })
        checkCount("action", action, 0)
        if (action >= source.actions)
          throw new UvipOptionError({ option: "action", value: action, expected: `below ${source.actions}` })
        actions[0] = action
        drawTransitions(source, states, actions, fold(episodeKey(), steps), into)
        states.set(into.nextStates)
        steps++
        const terminated = into.terminated[0] === 1
        const truncated = !terminated && steps >= maxSteps
        open = !terminated && !truncated
        return [states.slice(), into.rewards[0], terminated, truncated, { steps }] as const
      })
  }
}
