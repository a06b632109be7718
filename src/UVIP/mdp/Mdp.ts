import { Effect } from "effect"
import { attempt, MdpError } from "../Errors.ts"

/**
 * A finite Markov decision process, sparse: what may follow a state and an action is a run of outcomes.
 *
 * Pairs are numbered state * actions + action; the outcomes of a pair are offsets[pair] .. offsets[pair + 1] - 1. Rewards are
 * expected ones, so a certificate does not depend on how they scatter.
 */
export interface Mdp {
  readonly states: number
  /** The same in every state. */
  readonly actions: number
  /** In [0, 1). */
  readonly discount: number
  /** [states * actions + 1] */
  readonly offsets: Int32Array
  /** [outcomes]: the next state. */
  readonly successors: Int32Array
  /** [outcomes]: positive, summing to 1 over a pair. */
  readonly probabilities: Float64Array
  /** [states * actions]: the expected reward. */
  readonly rewards: Float64Array
  /** [outcomes]: the reward of an outcome, where it depends on the outcome. */
  readonly outcomeRewards: Float64Array | undefined
  /** [states]: 1 where an episode has ended: value 0, no outcomes. */
  readonly terminal: Uint8Array
}

/** What may happen: the next state, its probability, and the reward that comes with it. */
export type Outcome = readonly [nextState: number, probability: number, reward: number]

export interface MdpDescription {
  readonly states: number
  readonly actions: number
  readonly discount: number
  /**
   * Asked for once a pair, not for terminal states. Outcomes of one next state are merged; else they keep their order, which the
   * shared-noise coupling depends on.
   */
  readonly outcomes: (state: number, action: number) => Iterable<Outcome>
  /** Default: none. */
  readonly terminal?: Iterable<number> | undefined
}

// Of numbers that someone wrote down, and that are then normalised; and of arrays, which are taken as they are.
const listTolerance = 1e-9
const arrayTolerance = 1e-12

const checkSizes = (states: number, actions: number, discount: number): void => {
  if (!(Number.isSafeInteger(states) && states >= 1))
    throw new MdpError({ reason: `the count of states must be a whole number of at least 1, not ${states}` })
  if (!(Number.isSafeInteger(actions) && actions >= 1))
    throw new MdpError({
      reason: `the count of actions must be a whole number of at least 1, not ${actions}`
    })
  if (!(discount >= 0 && discount < 1))
    throw new MdpError({
      reason: `the discount must be in [0, 1), not ${discount}; an undiscounted problem has no certificate of this kind`
    })
}

const checkOutcome = (
  states: number,
  state: number,
  action: number,
  nextState: number,
  probability: number,
  reward: number
): void => {
  const wrong = (reason: string) => new MdpError({ state, action, reason })
  if (!(Number.isInteger(nextState) && nextState >= 0 && nextState < states))
    throw wrong(`leads to state ${nextState}, which is not one of 0 to ${states - 1}`)
  if (!(probability >= 0 && probability <= 1 + listTolerance))
    throw wrong(`leads to state ${nextState} with probability ${probability}, which is not in [0, 1]`)
  if (!Number.isFinite(reward))
    throw wrong(`its reward is ${reward}${Number.isNaN(reward) ? "" : "; rewards must be finite"}`)
}

const checkRow = (state: number, action: number, total: number, tolerance: number): void => {
  if (!(Math.abs(total - 1) <= tolerance))
    throw new MdpError({ state, action, reason: `its probabilities sum to ${total}, not 1` })
}

const terminalFlags = (states: number, terminal: Iterable<number>): Uint8Array => {
  const flags = new Uint8Array(states)
  for (const state of terminal) {
    if (!(Number.isInteger(state) && state >= 0 && state < states))
      throw new MdpError({ reason: `terminal state ${state} is not one of 0 to ${states - 1}` })
    flags[state] = 1
  }
  return flags
}

/** As `make`, but throws its `MdpError`; for use inside of the room. */
export const buildMdp = (description: MdpDescription): Mdp => {
  const { states, actions, discount } = description
  checkSizes(states, actions, discount)
  const terminal = terminalFlags(states, description.terminal ?? [])
  const offsets = new Int32Array(states * actions + 1)
  const rewards = new Float64Array(states * actions)
  const successors: Array<number> = []
  const probabilities: Array<number> = []
  const outcomeRewards: Array<number> = []
  let scattered = false
  for (let state = 0; state < states; state++) {
    for (let action = 0; action < actions; action++) {
      const pair = state * actions + action
      if (terminal[state] === 0) {
        const merged = new Map<number, { probability: number; reward: number }>()
        let total = 0
        for (const [nextState, probability, reward] of description.outcomes(state, action)) {
          checkOutcome(states, state, action, nextState, probability, reward)
          total += probability
          if (probability === 0) continue
          const known = merged.get(nextState)
          if (known === undefined) merged.set(nextState, { probability, reward })
          else {
            const sum = known.probability + probability
            if (known.reward !== reward)
              known.reward = (known.reward * known.probability + reward * probability) / sum
            known.probability = sum
          }
        }
        checkRow(state, action, total, listTolerance)
        const distinct = [...merged]
        if (total !== 1) for (const [, outcome] of distinct) outcome.probability /= total
        // Where all outcomes pay the same the expectation is that number, without rounding.
        const same = distinct.every(([, { reward }]) => reward === distinct[0][1].reward)
        scattered ||= !same
        rewards[pair] = same
          ? distinct[0][1].reward
          : distinct.reduce((sum, [, { probability, reward }]) => sum + probability * reward, 0)
        for (const [nextState, { probability, reward }] of distinct) {
          successors.push(nextState)
          probabilities.push(probability)
          outcomeRewards.push(reward)
        }
      }
      offsets[pair + 1] = successors.length
    }
  }
  return {
    states,
    actions,
    discount,
    offsets,
    successors: Int32Array.from(successors),
    probabilities: Float64Array.from(probabilities),
    rewards,
    outcomeRewards: scattered ? Float64Array.from(outcomeRewards) : undefined,
    terminal
  }
}

const check = (mdp: Mdp): Mdp => {
  const { states, actions, discount, offsets, successors, probabilities, rewards, outcomeRewards, terminal } =
    mdp
  checkSizes(states, actions, discount)
  const pairs = states * actions
  const sizes = { offsets: pairs + 1, rewards: pairs, terminal: states, probabilities: successors.length }
  for (const [name, size] of Object.entries(sizes)) {
    const found = mdp[name as keyof typeof sizes].length
    if (found !== size) throw new MdpError({ reason: `${name} has ${found} elements instead of ${size}` })
  }
  if (outcomeRewards !== undefined && outcomeRewards.length !== successors.length)
    throw new MdpError({
      reason: `outcomeRewards has ${outcomeRewards.length} elements instead of ${successors.length}`
    })
  if (offsets[0] !== 0 || offsets[pairs] !== successors.length)
    throw new MdpError({
      reason: `offsets must run from 0 to ${successors.length}, the count of outcomes, not from ${offsets[0]} to ${offsets[pairs]}`
    })
  for (let pair = 0; pair < pairs; pair++) {
    const state = Math.floor(pair / actions)
    const action = pair % actions
    if (offsets[pair + 1] < offsets[pair])
      throw new MdpError({
        state,
        action,
        reason: `its outcomes end (${offsets[pair + 1]}) before they begin (${offsets[pair]})`
      })
    if (terminal[state] === 1) {
      if (offsets[pair + 1] !== offsets[pair] || rewards[pair] !== 0)
        throw new MdpError({ state, action, reason: "a terminal state has no outcomes and no reward" })
      continue
    }
    let [total, expected] = [0, 0]
    for (let e = offsets[pair]; e < offsets[pair + 1]; e++) {
      checkOutcome(
        states,
        state,
        action,
        successors[e],
        probabilities[e],
        outcomeRewards?.[e] ?? rewards[pair]
      )
      total += probabilities[e]
      expected += probabilities[e] * (outcomeRewards?.[e] ?? rewards[pair])
    }
    checkRow(state, action, total, arrayTolerance)
    if (!(Math.abs(expected - rewards[pair]) <= 1e-9 * (1 + Math.abs(expected))))
      throw new MdpError({
        state,
        action,
        reason: `its reward is ${rewards[pair]}, but its outcomes pay ${expected} on average`
      })
  }
  return mdp
}

/** An MDP from its outcomes, checked. Fails with `MdpError`, which names the state and the action. */
const make = (description: MdpDescription): Effect.Effect<Mdp, MdpError> =>
  attempt<MdpError>()(() => buildMdp(description))

/**
 * An MDP from its arrays, which are checked and not copied: for large ones. Fails with `MdpError`.
 */
const fromArrays = (arrays: Mdp): Effect.Effect<Mdp, MdpError> => attempt<MdpError>()(() => check(arrays))

/** Fails with `MdpError` naming the first of the states `wanted` that no sequence of actions reaches from `starts`. */
const checkReachable = (
  mdp: Mdp,
  starts: Iterable<number>,
  wanted: Iterable<number>
): Effect.Effect<void, MdpError> =>
  attempt<MdpError>()(() => {
    const reached = reachable(mdp, starts)
    for (const state of wanted)
      if (reached[state] !== 1)
        throw new MdpError({ state, reason: "no sequence of actions leads here from the start states" })
  })

/** [states]: 1 where some sequence of actions leads from one of the starts. */
export const reachable = (mdp: Mdp, starts: Iterable<number>): Uint8Array => {
  const reached = new Uint8Array(mdp.states)
  const open = [...starts]
  for (const state of open) reached[state] = 1
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    const end = mdp.offsets[(state + 1) * mdp.actions]
    for (let e = mdp.offsets[state * mdp.actions]; e < end; e++) {
      const next = mdp.successors[e]
      if (reached[next] === 0) {
        reached[next] = 1
        open.push(next)
      }
    }
  }
  return reached
}

/** Whether some state is terminal: shifting all values by a constant then shifts what a sweep makes of them by less. */
export const hasTerminal = (mdp: Mdp): boolean => mdp.terminal.includes(1)

/** Numbers between which every value lies: least and largest reward / (1 - discount), and 0 where episodes end. */
export const valueBounds = (mdp: Mdp): readonly [number, number] => {
  let [least, largest] = hasTerminal(mdp) ? [0, 0] : [Infinity, -Infinity]
  mdp.rewards.forEach((reward, pair) => {
    if (mdp.terminal[Math.floor(pair / mdp.actions)] === 1) return
    least = Math.min(least, reward)
    largest = Math.max(largest, reward)
  })
  return [least / (1 - mdp.discount), largest / (1 - mdp.discount)]
}

export const Mdp = { make, fromArrays, checkReachable }
