import type { ScoredChains } from "../Chains.ts"
import { checkCount, checkPositive } from "../Errors.ts"
import { coordinateBlocks, standardCoordinates, type StandardCoordinates } from "./Coordinates.ts"
import { extended, type FeatureFamily, type Features } from "./Features.ts"
import { polynomialFeatures } from "./PolynomialFeatures.ts"

export interface KernelChoice {
  readonly kind: "kernel"
  /** Draws that kernels stand on, evenly spread over the chains; default 100, less for short chains. */
  readonly points?: number | undefined
  /** In units of the draws' standard deviations, whitened; default: the median distance between the points. */
  readonly lengthScale?: number | undefined
}

/** Points that kernels stand on, in whitened coordinates, and what is the same for every draw. */
interface Support {
  readonly coordinates: StandardCoordinates
  readonly dimensions: number
  readonly points: number
  /** [points, dimensions] */
  readonly positions: Float64Array
  /** [points, dimensions] */
  readonly scores: Float64Array
  readonly lengthScale: number
}

const medianDistance = (positions: Float64Array, d: number): number => {
  const distances: Array<number> = []
  for (let a = 0; a < positions.length; a += d)
    for (let b = 0; b < a; b += d) {
      let squares = 0
      for (let i = 0; i < d; i++) squares += (positions[a + i] - positions[b + i]) ** 2
      distances.push(Math.sqrt(squares))
    }
  const sorted = Float64Array.from(distances).toSorted()
  return sorted[Math.floor(sorted.length / 2)]
}

const supportOf = (chains: ScoredChains, choice: KernelChoice): Support => {
  const { dimensions: d } = chains
  const draws = chains.chains * chains.draws
  const points = choice.points ?? Math.max(2, Math.min(100, Math.floor(draws / 20)))
  checkCount("points", points, 2, draws)
  const coordinates = standardCoordinates(chains, "whitened")
  const positions = new Float64Array(points * d)
  const scores = new Float64Array(points * d)
  const [x, s] = [new Float64Array(d), new Float64Array(d)]
  for (let j = 0; j < points; j++) {
    coordinates.write(chains, Math.floor(((j + 0.5) * draws) / points), 1, x, s, 1)
    positions.set(x, j * d)
    scores.set(s, j * d)
  }
  const lengthScale = choice.lengthScale ?? medianDistance(positions, d)
  checkPositive("lengthScale", lengthScale)
  return { coordinates, dimensions: d, points, positions, scores, lengthScale }
}

// k0(x, y) = k (s . s_y + (s - s_y) . (x - y) / l^2 + d / l^2 - |x - y|^2 / l^4), k = exp(-|x - y|^2 / (2 l^2))
const kernelsOf = (support: Support, chains: ScoredChains): Omit<Features, "levels"> => {
  const { coordinates, dimensions: d, points, positions, scores, lengthScale } = support
  const precision = 1 / lengthScale ** 2
  const read = coordinateBlocks(coordinates, chains)
  return {
    count: points,
    write: (first, length, target, stride) => {
      const { x, s, stride: room } = read(first, length)
      for (let j = 0; j < points; j++)
        for (let t = 0; t < length; t++) {
          let [squares, products, moved] = [0, 0, 0]
          for (let i = 0, at = t; i < d; i++, at += room) {
            const away = x[at] - positions[j * d + i]
            const score = scores[j * d + i]
            squares += away * away
            products += s[at] * score
            moved += (s[at] - score) * away
          }
          target[j * stride + t] =
            Math.exp(-0.5 * precision * squares) * (products + precision * (moved + d - precision * squares))
        }
    }
  }
}

/**
 * Control functionals: Langevin Stein kernels k0(., x_j) of a Gaussian kernel on some of the draws (Oates, Girolami and Chopin 2017, equation 8), beside
 * polynomials of total degree 1 to `degree` (South et al. 2022, "Semi-exact control functionals"). They have zero mean under the target; on the very
 * draws x_j that they stand on they have not, so that means are to be taken over other draws.
 *
 * Throws a `ControlVariateOptionError` for points or a length scale out of range, a `NumericalError` where the draws cannot be whitened.
 */
export const kernelFamily = (
  chains: ScoredChains,
  choice: KernelChoice,
  degree: number,
  coordinates: StandardCoordinates
): FeatureFamily => {
  const support = supportOf(chains, choice)
  return {
    name: "kernel",
    featuresOf: (others) =>
      extended(polynomialFeatures(others, degree, coordinates), kernelsOf(support, others))
  }
}
