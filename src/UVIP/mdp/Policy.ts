import { attempt, PolicyError } from "../Errors.ts"
import type { Effect } from "effect"
import type { Mdp } from "./Mdp.ts"

/** How actions are chosen where states are numbered: [states, actions], each row sums to 1. */
export interface TabularPolicy {
  readonly states: number
  readonly actions: number
  /** [states, actions] */
  readonly probabilities: Float64Array
}

/** A policy from its rows, checked. Fails with `PolicyError`, which names the state. */
const make = (rows: ReadonlyArray<ArrayLike<number>>): Effect.Effect<TabularPolicy, PolicyError> =>
  attempt<PolicyError>()(() => {
    const actions = rows[0]?.length ?? 0
    if (actions === 0) throw new PolicyError({ reason: "there must be at least one state and one action" })
    const probabilities = new Float64Array(rows.length * actions)
    rows.forEach((row, state) => {
      if (row.length !== actions)
        throw new PolicyError({ state, reason: `has ${row.length} actions, state 0 has ${actions}` })
      let total = 0
      for (let action = 0; action < actions; action++) {
        if (!(row[action] >= 0))
          throw new PolicyError({ state, action, reason: `its probability is ${row[action]}` })
        total += row[action]
        probabilities[state * actions + action] = row[action]
      }
      if (!(Math.abs(total - 1) <= 1e-9))
        throw new PolicyError({ state, reason: `its probabilities sum to ${total}, not 1` })
    })
    return { states: rows.length, actions, probabilities }
  })

const uniform = ({ states, actions }: Pick<Mdp, "states" | "actions">): TabularPolicy => ({
  states,
  actions,
  probabilities: new Float64Array(states * actions).fill(1 / actions)
})

/** The policy that always takes the given action of each state. */
const deterministic = (choice: ArrayLike<number>, actions: number): TabularPolicy => {
  const probabilities = new Float64Array(choice.length * actions)
  for (let state = 0; state < choice.length; state++) probabilities[state * actions + choice[state]] = 1
  return { states: choice.length, actions, probabilities }
}

/** exp(logits) normalised over each row; logits: [states, actions]. */
const softmax = (logits: Float64Array, actions: number): TabularPolicy => {
  const probabilities = Float64Array.from(logits)
  for (let start = 0; start < logits.length; start += actions) {
    const row = probabilities.subarray(start, start + actions)
    const largest = row.reduce((a, b) => Math.max(a, b), -Infinity)
    let total = 0
    for (let action = 0; action < actions; action++) {
      row[action] = Math.exp(row[action] - largest)
      total += row[action]
    }
    for (let action = 0; action < actions; action++) row[action] /= total
  }
  return { states: logits.length / actions, actions, probabilities }
}

/** r(x, a) + discount * E values(Y) of each pair: [states * actions]. */
export const actionValues = (mdp: Mdp, values: Float64Array): Float64Array => {
  const { offsets, successors, probabilities, rewards, discount } = mdp
  const result = new Float64Array(rewards.length)
  for (let pair = 0; pair < result.length; pair++) {
    let mean = 0
    for (let e = offsets[pair]; e < offsets[pair + 1]; e++) mean += probabilities[e] * values[successors[e]]
    result[pair] = rewards[pair] + discount * mean
  }
  return result
}

/** In each state the action of the largest action value, the first of equal ones; values: [states]. */
const greedy = (mdp: Mdp, values: Float64Array): TabularPolicy => {
  const { states, actions } = mdp
  const q = actionValues(mdp, values)
  const choice = new Int32Array(states)
  for (let state = 0; state < states; state++) {
    let best = 0
    for (let action = 1; action < actions; action++)
      if (q[state * actions + action] > q[state * actions + best]) best = action
    choice[state] = best
  }
  return deterministic(choice, actions)
}

/** Throws a `PolicyError` where the policy is for another problem. */
export const checkPolicy = (mdp: Pick<Mdp, "states" | "actions">, policy: TabularPolicy): void => {
  if (policy.states !== mdp.states || policy.actions !== mdp.actions)
    throw new PolicyError({
      reason: `is for ${policy.states} states and ${policy.actions} actions, the problem has ${mdp.states} and ${mdp.actions}`
    })
}

export const Policy = { make, uniform, deterministic, softmax, greedy }
