import { normalScores } from "../NormalScores.ts"

/** Share of the losses, the lowest, among which differences count and not ranks alone. */
const best = 0.3
const fewest = 5
const lowest = -5

/**
 * What a surrogate is fitted to: normal scores of the ranks of losses, so that scale and outliers do not matter; among the lowest three tenths,
 * where it shall tell good from better, the losses themselves, scaled and moved to fit their scores and to join the others without a step.
 */
export const targetsOf = (losses: ArrayLike<number>): Float64Array => {
  const scores = normalScores(losses)
  const count = Math.ceil(best * scores.length)
  const order = Array.from(scores.keys()).toSorted((a, b) => scores[a] - scores[b] || a - b)
  const chosen = order.slice(0, count).filter((i) => Number.isFinite(losses[i]))
  if (chosen.length < fewest) return scores
  // Least squares of scores on losses, both from the last one chosen on down: the line goes through it.
  const last = chosen[chosen.length - 1]
  const meanLoss = chosen.reduce((sum, i) => sum + (losses[i] - losses[last]) / chosen.length, 0)
  const meanScore = chosen.reduce((sum, i) => sum + scores[i] / chosen.length, 0)
  let [squares, products] = [0, 0]
  for (const i of chosen) {
    const loss = losses[i] - losses[last] - meanLoss
    squares += loss * loss
    products += loss * (scores[i] - meanScore)
  }
  const slope = products / squares
  if (!(slope > 0 && Number.isFinite(slope))) return scores
  const joint = scores[last]
  for (const i of chosen) scores[i] = Math.max(lowest, joint + slope * (losses[i] - losses[last]))
  return scores
}
