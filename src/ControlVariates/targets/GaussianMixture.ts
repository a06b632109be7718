import { TargetError } from "../Errors.ts"
import { precisionOf, quadratic } from "./Gaussian.ts"
import { pointwise, type Target } from "./Target.ts"

export interface MixtureComponent {
  /** In proportion to the others; above 0. */
  readonly weight: number
  readonly mean: ReadonlyArray<number>
  readonly covariance: ReadonlyArray<ReadonlyArray<number>>
}

/** sum_k weight_k N(mean_k, covariance_k). Throws a `TargetError` for no components, a weight that is none, or a covariance that is none. */
export const gaussianMixture = (components: ReadonlyArray<MixtureComponent>): Target => {
  const name = "Gaussian mixture"
  if (components.length === 0) throw new TargetError({ target: name, reason: "it has no components" })
  const d = components[0].mean.length
  const parts = components.map(({ weight, mean, covariance }, k) => {
    if (!(weight > 0 && weight < Infinity) || mean.length !== d)
      throw new TargetError({
        target: name,
        reason: `component ${k} has weight ${weight} and ${mean.length} dimensions; weights are above 0, and all components of ${d} dimensions`
      })
    const { matrix, logDeterminant } = precisionOf(name, covariance, d)
    return { mean, matrix, offset: Math.log(weight) - 0.5 * logDeterminant, score: new Float64Array(d) }
  })
  const logs = new Float64Array(parts.length)
  return pointwise(name, d, (x, score) => {
    let most = -Infinity
    parts.forEach((part, k) => {
      logs[k] = part.offset + quadratic(x, part.mean, part.matrix, part.score)
      most = Math.max(most, logs[k])
    })
    let total = 0
    score.fill(0)
    parts.forEach((part, k) => {
      const share = Math.exp(logs[k] - most)
      total += share
      for (let i = 0; i < d; i++) score[i] += share * part.score[i]
    })
    for (let i = 0; i < d; i++) score[i] /= total
    return most + Math.log(total)
  })
}
