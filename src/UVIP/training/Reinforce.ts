import { Effect } from "effect"
import { fold, type Key } from "../../Random/index.ts"
import { acting } from "../policies/ActingPolicy.ts"
import { attempt, checkCount, type SimulatorError, UvipOptionError } from "../Errors.ts"
import type { InitialState } from "../simulation/Gymnasium.ts"
import type { Iteration } from "../../Iteration/index.ts"
import { Policy } from "../mdp/Policy.ts"
import { horizonFor } from "../simulation/Rollouts.ts"
import {
  allocateTransitions,
  checkSimulator,
  drawTransitions,
  firstRows,
  type Simulator
} from "../simulation/Simulator.ts"

export interface ReinforceOptions {
  readonly initialState: InitialState
  readonly updates: number
  /** Episodes whose mean gradient makes one update; default 32. */
  readonly episodes?: number | undefined
  /** Of gradient ascent; default 1. */
  readonly stepSize?: number | undefined
  /** Steps after which an episode is cut off; default: until discount^steps is below 1 %. */
  readonly horizon?: number | undefined
  readonly key: Key
}

export interface ReinforceState {
  readonly update: number
  /** [states, actions]: the policy is their softmax. */
  readonly logits: Float64Array
  /** [states]: sums and counts of the returns seen from each state in the updates before. */
  readonly returnSums: Float64Array
  readonly visits: Float64Array
  readonly simulatorCalls: number
}

export interface ReinforceInfo {
  readonly update: number
  /** Of this update's episodes, discounted. */
  readonly meanReturn: number
  readonly simulatorCalls: number
}

/** What a batch of episodes went through: [horizon, episodes] each, and how long each was. */
interface Trajectories {
  readonly episodes: number
  readonly states: Int32Array
  readonly actions: Int32Array
  readonly rewards: Float64Array
  readonly lengths: Int32Array
}

/** All episodes in step from their initial states; the ended ones stand still. */
const play = (
  simulator: Simulator,
  { logits }: ReinforceState,
  initialState: InitialState,
  episodes: number,
  horizon: number,
  key: Key
): Trajectories => {
  const policy = acting(Policy.softmax(logits, simulator.actions))
  const taken: Trajectories = {
    episodes,
    states: new Int32Array(horizon * episodes),
    actions: new Int32Array(horizon * episodes),
    rewards: new Float64Array(horizon * episodes),
    lengths: new Int32Array(episodes)
  }
  const open = Int32Array.from({ length: episodes }, (_, episode) => episode)
  const states = new Float64Array(episodes)
  for (let episode = 0; episode < episodes; episode++)
    initialState(fold(fold(key, "initial"), episode), states.subarray(episode, episode + 1))
  const actions = new Int32Array(episodes)
  const answers = allocateTransitions(episodes, 1)
  for (let step = 0, rows = episodes; step < horizon && rows > 0; step++) {
    const stepKey = fold(key, step)
    const into = firstRows(answers, rows, 1)
    policy.act(states, rows, fold(stepKey, "policy"), actions)
    drawTransitions(
      simulator,
      states.subarray(0, rows),
      actions.subarray(0, rows),
      fold(stepKey, "simulator"),
      into
    )
    let kept = 0
    for (let row = 0; row < rows; row++) {
      const episode = open[row]
      const at = step * episodes + episode
      taken.states[at] = states[row]
      taken.actions[at] = actions[row]
      taken.rewards[at] = into.rewards[row]
      taken.lengths[episode] = step + 1
      if (into.terminated[row] === 1) continue
      open[kept] = episode
      states[kept++] = into.nextStates[row]
    }
    rows = kept
  }
  return taken
}

/**
 * One update of REINFORCE (Williams, "Simple statistical gradient-following algorithms", 1992) on the softmax of a table: ascent along
 *
 *     mean over episodes of sum_t discount^t (G_t - b(s_t)) grad log pi(a_t | s_t),   G_t = sum_{u >= t} discount^(u - t) r_u,
 *
 * an unbiased gradient of the discounted return up to the horizon. The baseline b(s) is the mean return from s in the updates before, so it
 * does not depend on the episodes that it is taken from.
 */
const update = (
  simulator: Simulator,
  state: ReinforceState,
  taken: Trajectories,
  stepSize: number
): readonly [ReinforceState, ReinforceInfo] => {
  const { actions, discount } = simulator
  const { episodes } = taken
  const { probabilities } = Policy.softmax(state.logits, actions)
  const logits = state.logits.slice()
  const returnSums = state.returnSums.slice()
  const visits = state.visits.slice()
  let [total, calls] = [0, 0]
  for (let episode = 0; episode < episodes; episode++) {
    const length = taken.lengths[episode]
    calls += length
    let following = 0
    for (let t = length - 1; t >= 0; t--) {
      const at = t * episodes + episode
      const s = taken.states[at]
      following = taken.rewards[at] + discount * following
      const baseline = state.visits[s] > 0 ? state.returnSums[s] / state.visits[s] : 0
      const weight = (stepSize / episodes) * discount ** t * (following - baseline)
      for (let a = 0; a < actions; a++)
        logits[s * actions + a] +=
          weight * ((a === taken.actions[at] ? 1 : 0) - probabilities[s * actions + a])
      returnSums[s] += following
      visits[s] += 1
    }
    total += following
  }
  const next = {
    update: state.update + 1,
    logits,
    returnSums,
    visits,
    simulatorCalls: state.simulatorCalls + calls
  }
  return [next, { update: next.update, meanReturn: total / episodes, simulatorCalls: next.simulatorCalls }]
}

/**
 * Training of a softmax table from a simulator of numbered states, one update a step; all episodes count. The policy of a state is
 * `Policy.softmax(state.logits, actions)`. Fails with `SimulatorError`, and with `UvipOptionError` for options out of range.
 */
export const reinforce = (
  simulator: Simulator,
  options: ReinforceOptions
): Effect.Effect<Iteration<ReinforceState, ReinforceInfo, SimulatorError>, UvipOptionError> =>
  attempt<UvipOptionError>()(() => {
    const { initialState, updates, episodes = 32, stepSize = 1, key } = options
    const { horizon = horizonFor(simulator.discount, 0.01) } = options
    const { states, actions } = simulator
    checkSimulator(simulator)
    if (states === undefined)
      throw new UvipOptionError({
        option: "simulator",
        value: simulator.name,
        expected: "one of numbered states"
      })
    for (const [name, value] of Object.entries({ updates, episodes, horizon })) checkCount(name, value)
    if (!(stepSize > 0 && stepSize < Infinity))
      throw new UvipOptionError({ option: "stepSize", value: stepSize, expected: "positive and finite" })
    return {
      init: Effect.sync(() => ({
        update: 0,
        logits: new Float64Array(states * actions),
        returnSums: new Float64Array(states),
        visits: new Float64Array(states),
        simulatorCalls: 0
      })),
      step: (state) =>
        attempt<SimulatorError>()(() => {
          const taken = play(simulator, state, initialState, episodes, horizon, fold(key, state.update))
          return update(simulator, state, taken, stepSize)
        }),
      isDone: ({ update }) => update >= updates
    }
  })
