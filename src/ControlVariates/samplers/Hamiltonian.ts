import { checkCount } from "../Errors.ts"
import { copyPoint, type Kernel } from "./Kernel.ts"
import { divergence, drawMomentum, energyOf, kick, kickAndDrift, makePhasePoint } from "./Leapfrog.ts"

/**
 * Hamiltonian Monte Carlo with a fixed number of leapfrog steps of length `stepSize` and diagonal mass (Neal 2011). Aims at an acceptance of
 * 0.8. Throws a `ControlVariateOptionError` for fewer than 1 step.
 */
export const hamiltonian = (options: { readonly steps: number }): Kernel => {
  checkCount("steps", options.steps)
  return {
    name: "hmc",
    targetAcceptance: 0.8,
    transitions: (dimensions) => {
      const moving = makePhasePoint(dimensions)
      return function* (point, tuning, random) {
        copyPoint(point, moving)
        drawMomentum(tuning, random, moving.momentum)
        const before = energyOf(moving, tuning)
        let evaluations = 0
        let divergent = false
        while (evaluations < options.steps && !divergent) {
          kickAndDrift(moving, tuning.stepSize, tuning.inverseMass)
          yield moving
          kick(moving, tuning.stepSize)
          evaluations++
          divergent = !(energyOf(moving, tuning) - before < divergence)
        }
        const after = energyOf(moving, tuning)
        const acceptance = divergent ? 0 : Math.min(1, Math.exp(before - after))
        const accepted = random.uniform() < acceptance
        return {
          end: accepted ? moving : point,
          acceptance,
          energy: accepted ? after : before,
          evaluations,
          divergent
        }
      }
    }
  }
}
