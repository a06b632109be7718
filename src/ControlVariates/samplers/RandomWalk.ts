import { type Kernel, makePoint } from "./Kernel.ts"

/**
 * Random-walk Metropolis: x + stepSize sqrt(inverseMass) xi, accepted with probability min(1, pi(x') / pi(x)); `stepSize` is the
 * proposal's standard deviation. Aims at an acceptance of 0.234 (Roberts, Gelman and Gilks 1997).
 */
export const randomWalk: Kernel = {
  name: "rwm",
  targetAcceptance: 0.234,
  transitions: (dimensions) => {
    const next = makePoint(dimensions)
    return function* (point, { stepSize, inverseMass }, random) {
      const { position } = next
      for (let i = 0; i < dimensions; i++)
        position[i] = point.position[i] + stepSize * Math.sqrt(inverseMass[i]) * random.normal()
      yield next
      const ratio = next.logDensity - point.logDensity
      const acceptance = Number.isNaN(ratio) ? 0 : Math.min(1, Math.exp(ratio))
      const end = random.uniform() < acceptance ? next : point
      return { end, acceptance, energy: -end.logDensity, evaluations: 1, divergent: false }
    }
  }
}
