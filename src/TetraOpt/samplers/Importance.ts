import { key, stream } from "../../Random/index.ts"
import type { SearchRows } from "../Space.ts"
import type { Observation } from "./Sampler.ts"
import { fitHyperparameters, initialHyperparameters } from "./tetra/Evidence.ts"
import { absent, Locations } from "./tetra/Kernel.ts"
import { Posterior } from "./tetra/Posterior.ts"
import { mostTelling } from "./tetra/Surrogate.ts"
import { targetsOf } from "./tetra/Targets.ts"
import { uniformRow } from "./UniformRow.ts"

/** Shares of the variance of a loss, over points drawn at random from the space, each from 0 to 1. */
export interface Importance {
  readonly name: string
  /** Of the parameter by itself. */
  readonly main: number
  /** Of all in which it takes part, alone or together with others. */
  readonly total: number
}

const mostPoints = 200
const places = 33
const rowsForConditions = 512

/** The places of a dimension, equally likely, and how likely it is that the parameter does not exist. */
interface Support {
  readonly at: ReadonlyArray<number>
  readonly probabilities: Float64Array
}

const supports = (locations: Locations): ReadonlyArray<Support> => {
  const { space, count } = locations
  const random = stream(key("conditions"))
  const absences = new Float64Array(count)
  for (let i = 0; i < rowsForConditions; i++)
    uniformRow(space, random).forEach((u, k) => {
      if (Number.isNaN(u)) absences[k] += 1 / rowsForConditions
    })
  return space.dimensions.map(({ levels, isOrdered }, k) => {
    const size = levels > 0 && (!isOrdered || levels <= places) ? levels : places
    const at = Array.from({ length: size }, (_, i) =>
      size === levels ? locations.at(k, i) : (i + 0.5) / size
    )
    const missing = absences[k]
    return {
      at: missing > 0 ? [...at, absent] : at,
      probabilities: Float64Array.of(...at.map(() => (1 - missing) / size), ...(missing > 0 ? [missing] : []))
    }
  })
}

/**
 * How much each parameter matters: Sobol's indices (Sobol, 1993; Homma and Saltelli, 1996) of the surrogate's mean, exact for it since it is a sum
 * of products over the parameters. They are of what the surrogate is fitted to (`targetsOf`), which outliers do not rule, not of the losses themselves. Of more than 200 observations the
 * surrogate has the lowest losses and some of the others. Fewer than three observations, or losses
 * that are all equal, say nothing: all shares are 0.
 *
 * @example
 * const shares = importance(observations, space)
 */
export const importance = (
  told: ReadonlyArray<Observation>,
  space: SearchRows
): ReadonlyArray<Importance> => {
  const locations = new Locations(space)
  const { count } = locations
  const losses = told.map(({ loss }) => (Number.isNaN(loss) ? Number.POSITIVE_INFINITY : loss))
  const known = targetsOf(losses)
  const chosen = mostTelling(losses, mostPoints)
  const points = chosen.map((i) => locations.of(told[i].row))
  const targets = Float64Array.from(chosen, (i) => known[i])
  const shares = { main: new Float64Array(count), total: new Float64Array(count) }
  if (points.length >= 3 && losses.some((loss) => loss !== losses[0])) {
    const posterior = new Posterior(
      locations,
      fitHyperparameters(locations, points, targets, initialHyperparameters(locations))
    )
    for (const point of points) posterior.append(point)
    posterior.setTargets(targets)
    sobolIndices(posterior, supports(locations), shares)
  }
  return space.dimensions.map(({ name }, k) => ({ name, main: shares.main[k], total: shares.total[k] }))
}

/** By dimension: correlations of each place with each point [places][points], and their means [points]. */
const correlationsOf = (posterior: Posterior, support: Support, k: number) => {
  const n = posterior.points.length
  const values = support.at.map((place) => {
    const ones = new Float64Array(n).fill(1)
    posterior.multiply(ones, k, place)
    return ones
  })
  const means = new Float64Array(n)
  values.forEach((row, s) => {
    for (let i = 0; i < n; i++) means[i] += support.probabilities[s] * row[i]
  })
  return { values, means }
}

const sobolIndices = (
  posterior: Posterior,
  support: ReadonlyArray<Support>,
  { main, total }: { readonly main: Float64Array; readonly total: Float64Array }
): void => {
  const n = posterior.points.length
  const of = support.map((one, k) => correlationsOf(posterior, one, k))
  const mean = new Float64Array(n).fill(1)
  for (const { means } of of) for (let i = 0; i < n; i++) mean[i] *= means[i]
  const c = posterior.coefficients
  let variance = 0
  const seconds = new Float64Array(of.length)
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      // E of the product of both terms: over each parameter, and over all.
      let both = 1
      of.forEach(({ values }, k) => {
        let second = 0
        const { probabilities } = support[k]
        for (let s = 0; s < values.length; s++) second += probabilities[s] * values[s][i] * values[s][j]
        seconds[k] = second
        both *= second
      })
      const weight = (i === j ? 1 : 2) * c[i] * c[j]
      variance += weight * (both - mean[i] * mean[j])
      for (let k = 0; k < of.length; k++) {
        const { means } = of[k]
        const alone = means[i] * means[j]
        main[k] += weight * (seconds[k] - alone) * ((mean[i] * mean[j]) / alone)
        total[k] += weight * (seconds[k] - alone) * (both / seconds[k])
      }
    }
  for (let k = 0; k < of.length; k++) {
    main[k] = variance > 0 ? Math.min(1, Math.max(0, main[k] / variance)) : 0
    total[k] = variance > 0 ? Math.min(1, Math.max(0, total[k] / variance)) : 0
  }
}
