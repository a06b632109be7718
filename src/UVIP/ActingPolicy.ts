import { type Key, stream } from "../Random/index.ts"
import { policyMadeBy } from "./Origin.ts"
import type { TabularPolicy } from "./Policy.ts"

/** A policy as something that acts, whatever its states are. */
export interface ActingPolicy {
  /** Chooses an action for each row; states: [rows, stateSize], into: [rows]. All noise comes from the key. */
  readonly act: (states: Float64Array, rows: number, key: Key, into: Int32Array) => void
}

/** A tabular policy that acts in numbered states. */
export const acting = (policy: TabularPolicy): ActingPolicy =>
  policyMadeBy(tabularActing(policy), { kind: "tabular", policy })

const tabularActing = ({ actions, probabilities }: TabularPolicy): ActingPolicy => ({
  act: (states, rows, key, into) => {
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
})

/** Every action equally likely, in any state. */
export const actingAtRandom = (actions: number): ActingPolicy =>
  policyMadeBy(
    {
      act: (_, rows, key, into) => {
        const random = stream(key)
        for (let row = 0; row < rows; row++) into[row] = random.integer(actions)
      }
    },
    { kind: "random", actions }
  )
