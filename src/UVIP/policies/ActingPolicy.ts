import { type Key, stream } from "../../Random/index.ts"
import { chooseByScores, type LinearPolicy } from "./LinearPolicy.ts"
import { chooseByNetwork, type NetworkPolicy } from "./NetworkPolicy.ts"
import type { TabularPolicy } from "../mdp/Policy.ts"

/** A policy as something that acts, whatever its states are. */
export interface ActingPolicy {
  /** Chooses an action for each row; states: [rows, stateSize], into: [rows]. All noise comes from the key. */
  readonly act: (states: Float64Array, rows: number, key: Key, into: Int32Array) => void
}

/** How a policy was made, in data that can be sent to another thread, which functions cannot. */
export type PolicyOrigin =
  | { readonly kind: "tabular"; readonly policy: TabularPolicy }
  | { readonly kind: "linear"; readonly policy: LinearPolicy }
  | { readonly kind: "network"; readonly policy: NetworkPolicy }
  | { readonly kind: "random"; readonly actions: number }

// Beside the policies and not in them: `{ ...policy, act }` is another policy, and must not carry the origin of the first.
const origins = new WeakMap<ActingPolicy, PolicyOrigin>()

/** undefined where only this thread has it. */
export const originOfPolicy = (policy: ActingPolicy): PolicyOrigin | undefined => origins.get(policy)

/** The policy that was made so, here or in another thread. */
export const policyFrom = (origin: PolicyOrigin): ActingPolicy => {
  const policy = { act: actOf(origin) }
  origins.set(policy, origin)
  return policy
}

/** A tabular policy that acts in numbered states. */
export const acting = (policy: TabularPolicy): ActingPolicy => policyFrom({ kind: "tabular", policy })

/** Acts by the largest score, the first of equal ones; it needs no noise. */
export const linearActing = (policy: LinearPolicy): ActingPolicy => policyFrom({ kind: "linear", policy })

/** A network that acts. */
export const networkActing = (policy: NetworkPolicy): ActingPolicy => policyFrom({ kind: "network", policy })

/** Every action equally likely, in any state. */
export const actingAtRandom = (actions: number): ActingPolicy => policyFrom({ kind: "random", actions })

const actOf = (origin: PolicyOrigin): ActingPolicy["act"] => {
  switch (origin.kind) {
    case "tabular":
      return (states, rows, key, into) => chooseByTable(origin.policy, states, rows, key, into)
    case "linear":
      return (states, rows, _, into) => chooseByScores(origin.policy, states, rows, into)
    case "network":
      return (states, rows, key, into) => chooseByNetwork(origin.policy, states, rows, key, into)
    case "random":
      return (_, rows, key, into) => {
        const random = stream(key)
        for (let row = 0; row < rows; row++) into[row] = random.integer(origin.actions)
      }
  }
}

const chooseByTable = (
  { actions, probabilities }: TabularPolicy,
  states: Float64Array,
  rows: number,
  key: Key,
  into: Int32Array
): void => {
  const random = stream(key)
  for (let row = 0; row < rows; row++) {
    const first = states[row] * actions
    let action = 0
    for (
      let rest = random.uniform() - probabilities[first];
      rest >= 0 && action < actions - 1;
      rest -= probabilities[first + action]
    )
      action++
    // Rounding may leave a little over, which must not go to an action that is never taken.
    while (action > 0 && probabilities[first + action] === 0) action--
    into[row] = action
  }
}
