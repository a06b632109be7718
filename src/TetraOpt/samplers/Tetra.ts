import { fold, type Stream, stream } from "../../Random/index.ts"
import { lossOrder } from "./LossOrder.ts"
import type { History, Sampler, SamplerProblem } from "./Sampler.ts"
import { SeenRows } from "./SeenRows.ts"
import { type Acquisition, expectedImprovement, thompson } from "./tetra/Acquisition.ts"
import { type Candidate, CoordinateSearch } from "./tetra/CoordinateSearch.ts"
import { Surrogate } from "./tetra/Surrogate.ts"
import { likeliestGood } from "./Tpe.ts"
import { latinHypercube, uniformRow } from "./UniformRow.ts"
import { UnseenRows } from "./UnseenRows.ts"

/** Points before the first that is not drawn at random. */
const startingPoints = 5
/** Points that may bring nothing better before proposals come from others in turn. */
const patience = 12
const inTurn = ["sample", "likeliest", "improvement"] as const
const startsAtBest = 5
const startsAtRandom = 4

/**
 * For expensive objectives: a Gaussian process whose covariance is a product over the parameters, so that its mean is a tensor train and
 * interactions of all orders count (`targetsOf` says what it is fitted to). Points of greatest expected improvement, each with weights of the parameters
 * drawn anew from their posterior. Where these have brought nothing better for a while, the model is not to be trusted alone: every third point is the
 * minimum of a posterior sample (Thompson, 1933), and every third that of the Parzen estimator, which assumes other things.
 */
export const tetra: Sampler = {
  name: "tetra",
  start: (problem) => {
    const seen = new SeenRows()
    const unseen = new UnseenRows(problem.space)
    const surrogate = new Surrogate(problem.space)
    return {
      propose: (history, count) => {
        seen.update(history)
        const rows: Array<Float64Array> = []
        for (let i = history.told.length + history.pending.length; rows.length < count; i++) {
          const random = stream(fold(problem.key, i))
          const better =
            i < startingPoints || history.told.length === 0
              ? startingRow(problem, i)
              : bestRow(problem, surrogate, seen, history, rows, i, random)
          let isFirst = better !== undefined
          const row = unseen.take(seen, random, () => {
            const row = isFirst && better !== undefined ? better : uniformRow(problem.space, random)
            isFirst = false
            return row
          })
          if (row === undefined) break
          rows.push(row)
        }
        return rows
      }
    }
  }
}

const startingRow = ({ space, key }: SamplerProblem, i: number): Float64Array | undefined =>
  latinHypercube(space, startingPoints, stream(fold(key, "starting points")))[i]

const bestRow = (
  { space, key }: SamplerProblem,
  surrogate: Surrogate,
  seen: SeenRows,
  { told, pending }: History,
  batch: ReadonlyArray<Float64Array>,
  i: number,
  random: Stream
): Float64Array | undefined => {
  const order = lossOrder(told.map(({ loss }) => loss))
  const kind = told.length - order[0] > patience ? inTurn[i % inTurn.length] : "improvement"
  if (kind === "likeliest") return likeliestGood(space, told, pending.concat(batch), seen, random)
  const isSample = kind === "sample"
  const fitted = surrogate.after(told, startingPoints)
  const posterior = isSample ? fitted : surrogate.drawn(fold(key, "weights"), i)
  for (const row of pending) posterior.append(posterior.locations.of(row))
  for (const row of batch) posterior.append(posterior.locations.of(row))
  const acquisition: Acquisition = isSample ? thompson(posterior, random) : expectedImprovement(posterior)
  const search = new CoordinateSearch(space, posterior, acquisition, seen)
  let best: Candidate | undefined
  const climb = (start: Float64Array): void => {
    const found = search.climb(start, random)
    if (found !== undefined && !(best !== undefined && best.score >= found.score)) best = found
  }
  // A sample may have its minimum near any good point, the improvement near the best.
  for (let s = 0; s < Math.min(startsAtBest, order.length); s++)
    climb(told[order[s > 0 && isSample ? random.integer(Math.min(20, order.length)) : s]].row)
  for (let s = 0; s < startsAtRandom; s++) climb(uniformRow(space, random))
  return best?.row
}
