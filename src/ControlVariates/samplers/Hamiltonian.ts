import { checkCount } from "../Errors.ts"
import type { Kernel } from "./Kernel.ts"
import { divergence, drawMomentum, energyOf, leapfrog, type PhasePoint } from "./Leapfrog.ts"

/**
 * Hamiltonian Monte Carlo with a fixed number of leapfrog steps of length `stepSize` and diagonal mass (Neal 2011). Aims at an acceptance of
 * 0.8. Throws a `ControlVariateOptionError` for fewer than 1 step.
 */
export const hamiltonian = (options: { readonly steps: number }): Kernel => {
  checkCount("steps", options.steps)
  return {
    name: "hmc",
    targetAcceptance: 0.8,
    *transition(point, tuning, random) {
      const start: PhasePoint = { ...point, momentum: drawMomentum(tuning, random) }
      const before = energyOf(start, tuning)
      let end = start
      let evaluations = 0
      let divergent = false
      while (evaluations < options.steps && !divergent) {
        end = yield* leapfrog(end, tuning.stepSize, tuning.inverseMass)
        evaluations++
        divergent = !(energyOf(end, tuning) - before < divergence)
      }
      const after = energyOf(end, tuning)
      const acceptance = divergent ? 0 : Math.min(1, Math.exp(before - after))
      const accepted = random.uniform() < acceptance
      const { position, logDensity, score } = accepted ? end : point
      return {
        position,
        logDensity,
        score,
        acceptance,
        energy: accepted ? after : before,
        evaluations,
        divergent
      }
    }
  }
}
