import { Effect } from "effect"
import { attempt, type PolicyError } from "../Errors.ts"
import { run } from "../../Iteration/index.ts"
import { hasTerminal, type Mdp } from "./Mdp.ts"
import { checkPolicy, type TabularPolicy } from "./Policy.ts"
import { afterSweep, beforeSweeps, intervalOf } from "./ValueIteration.ts"

/** Up to how many states the linear system is solved by elimination. */
const largestDense = 600

/** The policy's own chain: P^pi in rows [states + 1 offsets], and r^pi [states]. */
interface PolicyChain {
  readonly offsets: Int32Array
  readonly successors: Int32Array
  readonly probabilities: Float64Array
  readonly rewards: Float64Array
}

const chainOf = (mdp: Mdp, policy: TabularPolicy): PolicyChain => {
  const { states, actions } = mdp
  const offsets = new Int32Array(states + 1)
  const successors = new Int32Array(mdp.successors.length)
  const probabilities = new Float64Array(mdp.successors.length)
  const rewards = new Float64Array(states)
  let count = 0
  for (let x = 0; x < states; x++) {
    for (let a = 0; a < actions; a++) {
      const pair = x * actions + a
      const weight = policy.probabilities[pair]
      if (weight === 0) continue
      rewards[x] += weight * mdp.rewards[pair]
      for (let e = mdp.offsets[pair]; e < mdp.offsets[pair + 1]; e++) {
        successors[count] = mdp.successors[e]
        probabilities[count++] = weight * mdp.probabilities[e]
      }
    }
    offsets[x + 1] = count
  }
  return { offsets, successors, probabilities, rewards }
}

// (I - discount P) v = r by elimination. The matrix is strictly diagonally dominant by rows, so no pivoting is needed.
const eliminate = (chain: PolicyChain, discount: number): Float64Array => {
  const n = chain.rewards.length
  const values = Float64Array.from(chain.rewards)
  const matrix = new Float64Array(n * n)
  for (let x = 0; x < n; x++) {
    matrix[x * n + x] = 1
    for (let e = chain.offsets[x]; e < chain.offsets[x + 1]; e++)
      matrix[x * n + chain.successors[e]] -= discount * chain.probabilities[e]
  }
  for (let k = 0; k < n; k++) {
    for (let x = k + 1; x < n; x++) {
      const factor = matrix[x * n + k] / matrix[k * n + k]
      if (factor === 0) continue
      for (let y = k + 1; y < n; y++) matrix[x * n + y] -= factor * matrix[k * n + y]
      values[x] -= factor * values[k]
    }
  }
  for (let x = n - 1; x >= 0; x--) {
    let sum = values[x]
    for (let y = x + 1; y < n; y++) sum -= matrix[x * n + y] * values[y]
    values[x] = sum / matrix[x * n + x]
  }
  return values
}

const policySweep = (chain: PolicyChain, discount: number, values: Float64Array): Float64Array => {
  const { offsets, successors, probabilities, rewards } = chain
  return values.map((_, x) => {
    let mean = 0
    for (let e = offsets[x]; e < offsets[x + 1]; e++) mean += probabilities[e] * values[successors[e]]
    return rewards[x] + discount * mean
  })
}

/**
 * V^pi, [states]: the solution of v = r^pi + discount P^pi v, by elimination up to 600 states and beyond by sweeps with MacQueen's
 * interval, until rounding ends them. Fails with `PolicyError` where the policy is for another problem.
 *
 * @example
 * const values = yield* policyValue(mdp, Policy.uniform(mdp))
 */
export const policyValue = Effect.fn("UVIP.policyValue")(function* (
  mdp: Mdp,
  policy: TabularPolicy
): Effect.fn.Return<Float64Array, PolicyError> {
  yield* attempt<PolicyError>()(() => checkPolicy(mdp, policy))
  const chain = chainOf(mdp, policy)
  if (mdp.states <= largestDense) return eliminate(chain, mdp.discount)
  const clip = hasTerminal(mdp)
  const state = yield* run({
    init: Effect.sync(() => beforeSweeps(new Float64Array(mdp.states))),
    step: (state) =>
      Effect.sync(() =>
        afterSweep(state, policySweep(chain, mdp.discount, state.values), mdp, clip, { tolerance: 0 })
      ),
    isDone: ({ isDone }) => isDone
  })
  return intervalOf(mdp, state).values
})
