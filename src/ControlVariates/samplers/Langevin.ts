import type { Stream } from "../../Random/index.ts"
import { isFinitePoint, type Kernel, makePoint, type Point, type Tuning } from "./Kernel.ts"

// x' = x + stepSize M^-1 s + sqrt(2 stepSize M^-1) xi
const drift = (
  { position, score }: Point,
  { stepSize, inverseMass }: Tuning,
  random: Stream,
  proposal: Float64Array
): void => {
  for (let i = 0; i < proposal.length; i++) {
    const step = stepSize * inverseMass[i]
    proposal[i] = position[i] + step * score[i] + Math.sqrt(2 * step) * random.normal()
  }
}

/** The log density of proposing `to` from `from`, but for a constant. */
const logProposal = (to: Float64Array, from: Point, { stepSize, inverseMass }: Tuning): number => {
  let sum = 0
  for (let i = 0; i < to.length; i++) {
    const step = stepSize * inverseMass[i]
    const away = to[i] - from.position[i] - step * from.score[i]
    sum -= (away * away) / (4 * step)
  }
  return sum
}

/**
 * The unadjusted Langevin algorithm: x + stepSize M^-1 s(x) + sqrt(2 stepSize M^-1) xi. Biased by a share of the order of the step: on N(0, 1)
 * it is an autoregression with coefficient 1 - stepSize and variance 1 / (1 - stepSize / 2). A step that leaves the support, or overflows,
 * stays where it was and counts as divergent.
 */
export const unadjustedLangevin: Kernel = {
  name: "ula",
  targetAcceptance: undefined,
  transitions: (dimensions) => {
    const next = makePoint(dimensions)
    return function* (point, tuning, random) {
      drift(point, tuning, random, next.position)
      yield next
      const sound = isFinitePoint(next)
      const end = sound ? next : point
      return { end, acceptance: 1, energy: -end.logDensity, evaluations: 1, divergent: !sound }
    }
  }
}

/**
 * The Metropolis-adjusted Langevin algorithm: ULA's proposal with the acceptance that makes it exact (Roberts and Tweedie 1996);
 * `stepSize` as for ULA. Aims at an acceptance of 0.574.
 */
export const adjustedLangevin: Kernel = {
  name: "mala",
  targetAcceptance: 0.574,
  transitions: (dimensions) => {
    const next = makePoint(dimensions)
    return function* (point, tuning, random) {
      drift(point, tuning, random, next.position)
      yield next
      const ratio = isFinitePoint(next)
        ? next.logDensity -
          point.logDensity +
          logProposal(point.position, next, tuning) -
          logProposal(next.position, point, tuning)
        : -Infinity
      const acceptance = Number.isNaN(ratio) ? 0 : Math.min(1, Math.exp(ratio))
      const end = random.uniform() < acceptance ? next : point
      return { end, acceptance, energy: -end.logDensity, evaluations: 1, divergent: false }
    }
  }
}
