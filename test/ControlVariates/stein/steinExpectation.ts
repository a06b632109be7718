import { checkedChains } from "../../../src/ControlVariates/Chains.ts"
import type { ScoredChains } from "../../../src/ControlVariates/Chains.ts"
import type { FeatureFamily } from "../../../src/ControlVariates/stein/Features.ts"

/** Points of a line as a chain, with the scores of N(0, 1) or, shared equally, of N(2, 1) and N(-2, 1). */
const grid = (points: number, apart: number): ScoredChains => {
  const values = Float64Array.from({ length: points }, (_, i) => -10 + (20 * i) / (points - 1))
  const scores = values.map((x) => -x + apart * Math.tanh(apart * x))
  return checkedChains({ chains: 1, draws: points, dimensions: 1, values, scores }) as ScoredChains
}

/**
 * Expectations of a family's features under N(0, 1) (`apart` 0) or the mixture of N(apart, 1) and N(-apart, 1), by the trapezoidal rule, which is
 * exact to rounding for functions that vanish at both ends.
 */
export const expectations = (family: FeatureFamily, apart: number): ReadonlyArray<number> => {
  const points = 4001
  const chains = grid(points, apart)
  const features = family.featuresOf(chains)
  const z = new Float64Array(features.count * points)
  features.write(0, points, z, points)
  const step = 20 / (points - 1)
  return Array.from({ length: features.count }, (_, k) => {
    let sum = 0
    for (let t = 0; t < points; t++) {
      const x = chains.values[t]
      const density =
        (Math.exp(-0.5 * (x - apart) ** 2) + Math.exp(-0.5 * (x + apart) ** 2)) / (2 * Math.sqrt(2 * Math.PI))
      sum += step * density * z[k * points + t]
    }
    return sum
  })
}
