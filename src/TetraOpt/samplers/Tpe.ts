import { fold, stream } from "../../Random/index.ts"
import { lossOrder } from "./LossOrder.ts"
import type { History, Sampler } from "./Sampler.ts"
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

/**
 * The tree-structured Parzen estimator: of 24 points drawn from the density of the good observations, the best tenth, that which is likeliest
 * compared with the density of the others (Bergstra et al., 2011; the settings are those of Optuna, over all parameters together). Points that are
 * pending count as bad, so that a batch spreads.
 */
export const tpe: Sampler = {
  name: "tpe",
  start: ({ space, key }) => {
    const seen = new SeenRows()
    const unseen = new UnseenRows(space)
    const estimators = (
      { told, pending }: History,
      batch: ReadonlyArray<Float64Array>
    ): readonly [good: ParzenEstimator, bad: ParzenEstimator] => {
      const order = Array.from(lossOrder(told.map(({ loss }) => loss)))
      const good = order.slice(0, Math.min(Math.ceil(0.1 * told.length), mostGood)).toSorted((a, b) => a - b)
      const isGood = new Set(good)
      const bad = told.flatMap(({ row }, i) => (isGood.has(i) ? [] : [row])).concat(pending, batch)
      return [
        new ParzenEstimator(
          space.dimensions,
          good.map((i) => told[i].row),
          weights(good.length)
        ),
        new ParzenEstimator(space.dimensions, bad, weights(bad.length))
      ]
    }
    return {
      propose: (history, count) => {
        seen.update(history)
        const rows: Array<Float64Array> = []
        for (let i = history.told.length + history.pending.length; rows.length < count; i++) {
          const random = stream(fold(key, i))
          let draw = () => uniformRow(space, random)
          let best: Float64Array | undefined
          if (history.told.length >= startingPoints) {
            const [good, bad] = estimators(history, rows)
            draw = () => space.canonical(good.sample(random), random)
            let highest = Number.NEGATIVE_INFINITY
            for (let candidate = 0; candidate < candidates; candidate++) {
              const row = draw()
              if (seen.has(row) || !space.isAllowed(row)) continue
              const ratio = good.logDensity(row) - bad.logDensity(row)
              if (!(ratio > highest)) continue
              highest = ratio
              best = row
            }
          }
          if (best !== undefined) seen.add(best)
          const row = best ?? unseen.take(seen, random, draw)
          if (row === undefined) break
          rows.push(row)
        }
        return rows
      }
    }
  }
}
