import { lossOrder } from "./LossOrder.ts"
import { quantile } from "./NormalDistribution.ts"

/**
 * Losses as normal scores of their ranks (Blom, 1958): whatever the scale and the outliers of an objective, its surrogate sees standard
 * normal targets. Equal losses share their mean rank, so all failed points (Infinity) are equally the worst.
 */
export const normalScores = (losses: ArrayLike<number>): Float64Array => {
  const n = losses.length
  const order = lossOrder(losses)
  const scores = new Float64Array(n)
  for (let first = 0; first < n; ) {
    let end = first + 1
    while (end < n && losses[order[end]] === losses[order[first]]) end++
    const rank = (first + end + 1) / 2
    const score = quantile((rank - 0.375) / (n + 0.25))
    for (; first < end; first++) scores[order[first]] = score
  }
  return scores
}
