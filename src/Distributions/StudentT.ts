import { incompleteBeta } from "./IncompleteBeta.ts"

/** P(T > t) for t >= 0, T of Student's distribution. */
const upperTail = (t: number, degrees: number): number =>
  0.5 * incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5)

/**
 * The quantile of Student's t distribution: P(T <= t) = probability, for a probability in [1/2, 1) and degrees of freedom of at least 1.
 *
 * @example
 * studentQuantile(0.95, 19) // 1.729
 */
export const studentQuantile = (probability: number, degrees: number): number => {
  const tail = 1 - probability
  let [low, high] = [0, 1]
  while (upperTail(high, degrees) > tail && high < 1e300) [low, high] = [high, 2 * high]
  for (let i = 0; i < 200 && high - low > 1e-15 * high; i++) {
    const middle = (low + high) / 2
    if (upperTail(middle, degrees) > tail) low = middle
    else high = middle
  }
  return (low + high) / 2
}
