import { fold, type Stream, stream } from "../../Random/index.ts"
import { lossOrder } from "./LossOrder.ts"
import type { SearchRows } from "../Space.ts"
import type { Observation, Sampler } from "./Sampler.ts"
import { SeenRows } from "./SeenRows.ts"
import { ParzenEstimator } from "./tpe/ParzenEstimator.ts"
import { uniformRow } from "./UniformRow.ts"
import { UnseenRows } from "./UnseenRows.ts"

const startingPoints = 10
const candidates = 24
/** At most so many count as good. */
const mostGood = 25
/** The latest count fully, those before less and less. */
const fullyWeighted = 25

/** By age, the oldest first: from 1/n up to 1 for the latest 25. */
const weights = (n: number): Float64Array => {
  const ramp = n - fullyWeighted
  return Float64Array.from({ length: n }, (_, i) =>
    i >= ramp ? 1 : ramp === 1 ? 1 / n : 1 / n + ((1 - 1 / n) * i) / (ramp - 1)
  )
}

/** Densities of the good observations, the best tenth, and of the others, among which points count that are pending. */
const estimators = (
  { dimensions }: SearchRows,
  told: ReadonlyArray<Observation>,
  pending: ReadonlyArray<Float64Array>
): readonly [good: ParzenEstimator, bad: ParzenEstimator] => {
  const order = Array.from(lossOrder(told.map(({ loss }) => loss)))
  const good = order.slice(0, Math.min(Math.ceil(0.1 * told.length), mostGood)).toSorted((a, b) => a - b)
  const isGood = new Set(good)
  const bad = told.flatMap(({ row }, i) => (isGood.has(i) ? [] : [row])).concat(pending)
  return [
    new ParzenEstimator(
      dimensions,
      good.map((i) => told[i].row),
      weights(good.length)
    ),
    new ParzenEstimator(dimensions, bad, weights(bad.length))
  ]
}

/** Of 24 points drawn from the density of the good observations, the one that is likeliest compared with that of the others; undefined where none is new. */
export const likeliestGood = (
  space: SearchRows,
  told: ReadonlyArray<Observation>,
  pending: ReadonlyArray<Float64Array>,
  seen: SeenRows,
  random: Stream
): Float64Array | undefined => {
  const [good, bad] = estimators(space, told, pending)
  let highest = Number.NEGATIVE_INFINITY
  let best: Float64Array | undefined
  for (let candidate = 0; candidate < candidates; candidate++) {
    const row = space.canonical(good.sample(random), random)
    if (seen.has(row) || !space.isAllowed(row)) continue
    const ratio = good.logDensity(row) - bad.logDensity(row)
    if (!(ratio > highest)) continue
    highest = ratio
    best = row
  }
  return best
}

/**
 * The tree-structured Parzen estimator: where good observations are dense and others are not (Bergstra et al., 2011; the settings are those of
 * Optuna, over all parameters together). Points that are pending count as bad, so that a batch spreads.
 */
export const tpe: Sampler = {
  name: "tpe",
  start: ({ space, key }) => {
    const seen = new SeenRows()
    const unseen = new UnseenRows(space)
    return {
      propose: (history, count) => {
        const { told, pending } = history
        seen.update(history)
        const rows: Array<Float64Array> = []
        for (let i = told.length + pending.length; rows.length < count; i++) {
          const random = stream(fold(key, i))
          let row =
            told.length < startingPoints
              ? undefined
              : likeliestGood(space, told, pending.concat(rows), seen, random)
          if (row === undefined) row = unseen.take(seen, random, () => uniformRow(space, random))
          else seen.add(row)
          if (row === undefined) break
          rows.push(row)
        }
        return rows
      }
    }
  }
}
