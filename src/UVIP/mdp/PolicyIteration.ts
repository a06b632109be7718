import { Effect } from "effect"
import type { PolicyError } from "../Errors.ts"
import { type Iteration, run } from "../../Iteration/index.ts"
import type { Mdp } from "./Mdp.ts"
import { actionValues, Policy, type TabularPolicy } from "./Policy.ts"
import { policyValue } from "./PolicyValue.ts"

export interface PolicyIterationState {
  readonly improvement: number
  readonly policy: TabularPolicy
  /** [states]: V^pi of the policy. */
  readonly values: Float64Array
  /** States whose action the last improvement changed; before the first, all. */
  readonly changed: number
}

export interface PolicyIterationInfo {
  readonly improvement: number
  /** [states]: V^pi of the policy before this improvement. */
  readonly values: Float64Array
  /** States whose action changed. */
  readonly changed: number
}

// Keeps the action in force unless another is better by more than rounding: else ties would alternate for ever.
const improved = (
  mdp: Mdp,
  policy: TabularPolicy,
  values: Float64Array
): readonly [TabularPolicy, number] => {
  const { states, actions, discount } = mdp
  const q = actionValues(mdp, values)
  const scale = values.reduce((a, b) => Math.max(a, Math.abs(b)), 0)
  const margin = (1e-12 * scale) / (1 - discount)
  const choice = new Int32Array(states)
  let changed = 0
  for (let x = 0; x < states; x++) {
    const row = policy.probabilities.subarray(x * actions, (x + 1) * actions)
    const present = row.indexOf(1)
    let best = Math.max(present, 0)
    for (let a = 0; a < actions; a++)
      if (q[x * actions + a] > q[x * actions + best] + (best === present ? margin : 0)) best = a
    if (best !== present) changed++
    choice[x] = best
  }
  return [Policy.deterministic(choice, actions), changed]
}

/** Howard's policy iteration from a policy (default: greedy of the rewards), one improvement a step. */
export const policyIteration = (
  mdp: Mdp,
  start?: TabularPolicy
): Iteration<PolicyIterationState, PolicyIterationInfo, PolicyError> => ({
  init: Effect.gen(function* () {
    const policy = start ?? Policy.greedy(mdp, new Float64Array(mdp.states))
    return { improvement: 0, policy, values: yield* policyValue(mdp, policy), changed: mdp.states }
  }),
  step: Effect.fnUntraced(function* (state) {
    const [policy, changed] = improved(mdp, state.policy, state.values)
    const improvement = state.improvement + 1
    const values = changed === 0 ? state.values : yield* policyValue(mdp, policy)
    return [
      { improvement, policy, values, changed },
      { improvement, values: state.values, changed }
    ] as const
  }),
  isDone: ({ changed }) => changed === 0
})

/** An optimal policy and V*, [states], by policy iteration. */
export const optimalPolicy = Effect.fn("UVIP.optimalPolicy")(function* (mdp: Mdp) {
  const { policy, values } = yield* run(policyIteration(mdp))
  return { policy, values }
})
