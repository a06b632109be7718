import type { Stream } from "../../Random/index.ts"
import { isFinitePoint, type Kernel, type Point, type Tuning } from "./Kernel.ts"

// x' = x + stepSize M^-1 s + sqrt(2 stepSize M^-1) xi
const drifted = (
  { position, score }: Point,
  { stepSize, inverseMass }: Tuning,
  random: Stream
): Float64Array => {
  const proposal = new Float64Array(position.length)
  for (let i = 0; i < proposal.length; i++)
    proposal[i] =
      position[i] +
      stepSize * inverseMass[i] * score[i] +
      Math.sqrt(2 * stepSize * inverseMass[i]) * random.normal()
  return proposal
}

/** The log density of proposing `to` from `from`, but for a constant. */
const logProposal = (to: Float64Array, from: Point, { stepSize, inverseMass }: Tuning): number => {
  let sum = 0
  for (let i = 0; i < to.length; i++) {
    const away = to[i] - from.position[i] - stepSize * inverseMass[i] * from.score[i]
    sum -= (away * away) / (4 * stepSize * inverseMass[i])
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
  *transition(point, tuning, random) {
    const next = yield drifted(point, tuning, random)
    const sound = isFinitePoint(next)
    const end = sound ? next : point
    return { ...end, acceptance: 1, energy: -end.logDensity, evaluations: 1, divergent: !sound }
  }
}

/**
 * The Metropolis-adjusted Langevin algorithm: ULA's proposal with the acceptance that makes it exact (Roberts and Tweedie 1996);
 * `stepSize` as for ULA. Aims at an acceptance of 0.574.
 */
export const adjustedLangevin: Kernel = {
  name: "mala",
  targetAcceptance: 0.574,
  *transition(point, tuning, random) {
    const next = yield drifted(point, tuning, random)
    const ratio = isFinitePoint(next)
      ? next.logDensity -
        point.logDensity +
        logProposal(point.position, next, tuning) -
        logProposal(next.position, point, tuning)
      : -Infinity
    const acceptance = Number.isNaN(ratio) ? 0 : Math.min(1, Math.exp(ratio))
    const end = random.uniform() < acceptance ? next : point
    return { ...end, acceptance, energy: -end.logDensity, evaluations: 1, divergent: false }
  }
}
