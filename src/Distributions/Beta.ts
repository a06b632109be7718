import { incompleteBeta } from "./IncompleteBeta.ts"

/** The quantile of the Beta(a, b) distribution, a and b above 0, by bisection. */
export const betaQuantile = (probability: number, a: number, b: number): number => {
  let [low, high] = [0, 1]
  for (let i = 0; i < 60; i++) {
    const half = (low + high) / 2
    if (incompleteBeta(half, a, b) < probability) low = half
    else high = half
  }
  return (low + high) / 2
}
