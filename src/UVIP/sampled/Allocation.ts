import type { Mdp } from "../mdp/Mdp.ts"
import { actionValues } from "../mdp/Policy.ts"
import type { Pilot } from "./Pilot.ts"

/** A pair gets at least this share of what an even spread would give it, whatever the pilot thinks of it. */
const leastShare = 0.02

/** How clearly an action has to lose, in standard errors, before more draws of it are a waste. */
const clearly = 3

// The discounted visits to each state under the greedy policy, averaged over all starts: w = 1/n + discount P^T w.
const occupancy = (mdp: Mdp, count: number, best: Int32Array): Float64Array => {
  const { actions, offsets, successors, probabilities, discount } = mdp
  let weight = new Float64Array(count + 1).fill(1 / count)
  const sweeps = Math.min(Math.ceil(Math.log(0.01) / Math.log(Math.max(discount, 0.01))), 1000)
  for (let k = 0; k < sweeps; k++) {
    const next = new Float64Array(count + 1).fill(1 / count)
    for (let x = 0; x < count; x++) {
      const pair = x * actions + best[x]
      for (let e = offsets[pair]; e < offsets[pair + 1]; e++)
        next[successors[e]] += discount * probabilities[e] * weight[x]
    }
    weight = next
  }
  return weight
}

/** The standard deviations of r + discount W(Y), [points, actions], as the pilot saw them. */
const deviations = ({ mdp, rewardVariances }: Pilot, values: Float64Array): Float64Array => {
  const { offsets, successors, probabilities, discount } = mdp
  return rewardVariances.map((variance, pair) => {
    let [mean, square] = [0, 0]
    for (let e = offsets[pair]; e < offsets[pair + 1]; e++) {
      const value = values[successors[e]]
      mean += probabilities[e] * value
      square += probabilities[e] * value * value
    }
    return Math.sqrt(variance + discount * discount * Math.max(square - mean * mean, 0))
  })
}

/**
 * How to spread draws of the reference means over the pairs, [points, actions], `average` a pair in all: more for the best action of a state that is
 * often visited and whose next values scatter, as few for another as show clearly that it is worse (after Chen et al., "Simulation budget
 * allocation for further enhancing the efficiency of ordinal optimization", 2000). Only the pilot decides; the draws that are spread
 * so are independent of it, so means remain unbiased and everything proved of them true.
 */
export const allocateDraws = (pilot: Pilot, values: Float64Array, average: number): Int32Array => {
  const { mdp } = pilot
  const { actions } = mdp
  const count = mdp.states - 1
  const q = actionValues(mdp, values)
  const sigma = deviations(pilot, values)
  const best = Int32Array.from({ length: count }, (_, x) => {
    const row = q.subarray(x * actions, (x + 1) * actions)
    return row.indexOf(row.reduce((a, b) => Math.max(a, b)))
  })
  const weight = occupancy(mdp, count, best)
  const floor = Math.max(2, Math.floor(leastShare * average))
  const counts = new Int32Array(count * actions)
  const spread = (scale: number): number => {
    let total = 0
    for (let x = 0; x < count; x++) {
      const top = x * actions + best[x]
      const most = scale * weight[x] * sigma[top]
      const error = most > 0 ? sigma[top] / Math.sqrt(most) : 0
      for (let pair = x * actions; pair < (x + 1) * actions; pair++) {
        const allowed = Math.max(error, (q[top] - q[pair]) / clearly)
        // Never more than it would get as the best: where the best is certain, no number would be enough for a tie.
        const wanted =
          pair === top ? most : Math.min((sigma[pair] / allowed) ** 2 || 0, scale * weight[x] * sigma[pair])
        counts[pair] = Math.max(floor, Math.min(Math.floor(wanted), 1e9))
        total += counts[pair]
      }
    }
    return total
  }
  // The total rises with the scale: the largest scale within what there is to spend.
  const budget = average * counts.length
  let [low, high] = [0, 1]
  while (spread(high) <= budget && high < 1e15) [low, high] = [high, 2 * high]
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    if (spread(middle) <= budget) low = middle
    else high = middle
  }
  spread(low)
  return counts
}
