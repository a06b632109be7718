import { fold, type Key, type Stream, stream } from "../../Random/index.ts"
import { checkCount, SimulatorError, UvipOptionError } from "../Errors.ts"

/** Answers of a simulator, row by row; a caller allocates them once and has them filled again and again. */
export interface Transitions {
  /** [rows, stateSize] */
  readonly nextStates: Float64Array
  /** [rows] */
  readonly rewards: Float64Array
  /** [rows]: 1 where the episode has ended: what follows is worth 0. */
  readonly terminated: Uint8Array
}

/** A problem of which nothing is known but what it answers. */
export interface Simulator {
  readonly name: string
  /** How many states there are, where they are numbered: a state is then its number, and `stateSize` 1. */
  readonly states: number | undefined
  /** [states]: 1 for numbered states in which an episode has ended, where that is known; they are never asked. */
  readonly terminal?: Uint8Array | undefined
  /** Numbers that make a state. */
  readonly stateSize: number
  readonly actions: number
  /** In [0, 1). */
  readonly discount: number
  /** Between what every value lies; 0 included where episodes end. */
  readonly valueBounds: readonly [number, number]
  /**
   * Draws a transition for each row; states: [rows, stateSize], actions: [rows]. The same key gives the same answers, and with one key
   * rows of different actions share their noise as far as the simulator can tell them apart. May throw a `SimulatorError`;
   * `drawTransitions` makes one of anything else that it throws.
   */
  readonly sample: (states: Float64Array, actions: Int32Array, key: Key, into: Transitions) => void
  /** `sample` without its rewards, where these are what costs: sweeps ask for no more than next states. Default: `sample`. */
  readonly sampleNext?: Simulator["sample"] | undefined
  /** Calls so far of a simulator beneath, where an answer costs more than one of these; default: an answer is a call. */
  readonly callsBeneath?: (() => number) | undefined
}

/** Begins to count calls; how many there were since, for so many answers. */
export const countCalls = ({ callsBeneath }: Simulator): ((answers: number) => number) => {
  if (callsBeneath === undefined) return (answers) => answers
  const before = callsBeneath()
  return () => callsBeneath() - before
}

/** Throws a `UvipOptionError` where what a simulator says of itself cannot be. */
export const checkSimulator = (source: Simulator): void => {
  const { name, states, stateSize, actions, discount, valueBounds, terminal } = source
  const option = (what: string) => `${what} of the simulator ${name}`
  checkCount(option("actions"), actions)
  checkCount(option("stateSize"), stateSize)
  if (!(discount >= 0 && discount < 1))
    throw new UvipOptionError({ option: option("discount"), value: discount, expected: "in [0, 1)" })
  if (!(valueBounds[0] <= valueBounds[1]))
    throw new UvipOptionError({
      option: option("valueBounds"),
      value: `[${valueBounds.join(", ")}]`,
      expected: "two numbers, the lesser first"
    })
  if (states === undefined) return
  checkCount(option("states"), states)
  if (stateSize !== 1)
    throw new UvipOptionError({
      option: option("stateSize"),
      value: stateSize,
      expected: "1 where states are numbered"
    })
  if (terminal !== undefined && terminal.length !== states)
    throw new UvipOptionError({
      option: option("terminal"),
      value: `${terminal.length} flags`,
      expected: `one flag for each of the ${states} states`
    })
}

export const allocateTransitions = (rows: number, stateSize: number): Transitions => ({
  nextStates: new Float64Array(rows * stateSize),
  rewards: new Float64Array(rows),
  terminated: new Uint8Array(rows)
})

/** The first `rows` rows of larger arrays, without copying. */
export const firstRows = (all: Transitions, rows: number, stateSize: number): Transitions => ({
  nextStates: all.nextStates.subarray(0, rows * stateSize),
  rewards: all.rewards.subarray(0, rows),
  terminated: all.terminated.subarray(0, rows)
})

/** One transition of a simulator that is written row by row. */
export interface Step {
  readonly reward: number
  readonly terminated: boolean
}

export interface SimulatorDescription {
  readonly name: string
  readonly states?: number | undefined
  readonly stateSize: number
  readonly actions: number
  readonly discount: number
  readonly valueBounds: readonly [number, number]
  /** Writes the next state into `next` and says what came with it; all noise comes from `random`. */
  readonly transition: (state: Float64Array, action: number, random: Stream, next: Float64Array) => Step
}

/** A simulator from the transition of a single state. */
export const simulator = (description: SimulatorDescription): Simulator => {
  const { stateSize, transition } = description
  return {
    name: description.name,
    states: description.states,
    stateSize,
    actions: description.actions,
    discount: description.discount,
    valueBounds: description.valueBounds,
    sample: (states, actions, key, into) => {
      const random = stream(key)
      for (let row = 0; row < actions.length; row++) {
        const state = states.subarray(row * stateSize, (row + 1) * stateSize)
        const next = into.nextStates.subarray(row * stateSize, (row + 1) * stateSize)
        try {
          const { reward, terminated } = transition(state, actions[row], random, next)
          into.rewards[row] = reward
          into.terminated[row] = terminated ? 1 : 0
        } catch (cause) {
          throw failure(description.name, state, actions[row], cause)
        }
      }
    }
  }
}

const failure = (name: string, state: ArrayLike<number>, action: number, cause: unknown): SimulatorError =>
  cause instanceof SimulatorError
    ? cause
    : new SimulatorError({
        simulator: name,
        state: Array.from(state),
        action,
        reason: cause instanceof Error ? cause.message : String(cause),
        cause
      })

/**
 * Draws and checks: throws a `SimulatorError` that names the state and the action where the simulator throws or answers with what is
 * no transition.
 */
export const drawTransitions = (
  source: Simulator,
  states: Float64Array,
  actions: Int32Array,
  key: Key,
  into: Transitions,
  needsRewards = true
): void => {
  const sample = needsRewards ? source.sample : (source.sampleNext ?? source.sample)
  // So that answers of the call before are not taken for those of a simulator that leaves rows out.
  into.nextStates.fill(Number.NaN)
  if (needsRewards) into.rewards.fill(Number.NaN)
  into.terminated.fill(0)
  let answer: unknown
  try {
    answer = sample(states, actions, key, into)
  } catch (cause) {
    throw culprit(source, states, actions, key, cause)
  }
  checkSynchronous(source, states, actions, answer)
  checkAnswers(source, states, actions, into, needsRewards)
}

// TypeScript takes an asynchronous function where none is called for; its answers would come too late.
const checkSynchronous = (
  source: Simulator,
  states: Float64Array,
  actions: Int32Array,
  answer: unknown
): void => {
  if (!(answer instanceof Promise)) return
  answer.catch(() => undefined)
  throw failure(
    source.name,
    states.slice(0, source.stateSize),
    actions[0],
    new Error("answers with a promise; sample must fill in its answers before it returns")
  )
}

// A simulator of batches does not say which row it failed at, so each is asked alone.
const culprit = (
  source: Simulator,
  states: Float64Array,
  actions: Int32Array,
  key: Key,
  cause: unknown
): SimulatorError => {
  if (cause instanceof SimulatorError) return cause
  const { stateSize } = source
  const alone = allocateTransitions(1, stateSize)
  for (let row = 0; row < actions.length; row++) {
    const state = states.slice(row * stateSize, (row + 1) * stateSize)
    try {
      source.sample(state, actions.slice(row, row + 1), fold(key, row), alone)
    } catch (cause) {
      return failure(source.name, state, actions[row], cause)
    }
  }
  const first = failure(source.name, states.slice(0, stateSize), actions[0], cause)
  return new SimulatorError({
    ...first,
    reason: `${first.reason} (in a batch of ${actions.length} that begins with this pair)`
  })
}

const checkAnswers = (
  source: Simulator,
  states: Float64Array,
  actions: Int32Array,
  { nextStates, rewards, terminated }: Transitions,
  needsRewards: boolean
): void => {
  const { stateSize, states: count, terminal } = source
  const wrong = (row: number, reason: string) =>
    new SimulatorError({
      simulator: source.name,
      state: Array.from(states.subarray(row * stateSize, (row + 1) * stateSize)),
      action: actions[row],
      reason
    })
  for (let row = 0; row < actions.length; row++) {
    if (needsRewards && !Number.isFinite(rewards[row]))
      throw wrong(row, `answers with the reward ${rewards[row]}`)
    if (terminated[row] > 1) throw wrong(row, `answers with terminated ${terminated[row]}, not 0 or 1`)
  }
  for (let e = 0; e < actions.length * stateSize; e++) {
    const next = nextStates[e]
    const row = stateSize === 1 ? e : Math.floor(e / stateSize)
    if (terminal?.[next] === 1 && terminated[row] === 0)
      throw wrong(row, `answers with terminal state ${next}, but not that the episode has ended`)
    if (count === undefined ? Number.isFinite(next) : next >= 0 && next < count && Number.isInteger(next))
      continue
    throw wrong(
      row,
      count === undefined
        ? `answers with the next state [${nextStates.subarray(row * stateSize, (row + 1) * stateSize).join(", ")}]`
        : `answers with state ${next}, which is not one of 0 to ${count - 1}`
    )
  }
}
