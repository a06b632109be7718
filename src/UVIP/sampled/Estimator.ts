/**
 * What takes the place of E max_a Z_a when only draws z[a, j] of the Z_a are at hand; in ascending order of tightness.
 *
 * - `paper`: mean_j max_a z[a, j], the draws paired as they come (arXiv 2105.02135).
 * - `sorted`: the same after sorting each action's draws: the comonotone coupling of the empirical distributions, hence the smallest of all pairings.
 * - `max-of-means`: max_a mean_j z[a, j].
 *
 * With fresh draws each is at least max_a E Z_a in expectation, by Jensen's inequality (the maximum is convex), and on any draws
 * paper >= sorted >= max-of-means.
 */
export type Estimator = "paper" | "sorted" | "max-of-means"

/** The estimate from draws `from` to `to - 1` of z, [actions, draws]; `sorted` puts them into order in place. */
export const estimate = (
  estimator: Estimator,
  z: ReadonlyArray<Float64Array>,
  from: number,
  to: number
): number => {
  if (estimator === "max-of-means") {
    let best = -Infinity
    for (let a = 0; a < z.length; a++) {
      const row = z[a]
      let sum = 0
      for (let j = from; j < to; j++) sum += row[j]
      if (sum > best) best = sum
    }
    return best / (to - from)
  }
  if (estimator === "sorted") for (const row of z) row.subarray(from, to).sort()
  let sum = 0
  for (let j = from; j < to; j++) {
    let best = z[0][j]
    for (let a = 1; a < z.length; a++) if (z[a][j] > best) best = z[a][j]
    sum += best
  }
  return sum / (to - from)
}
