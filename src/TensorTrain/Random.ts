import { type Key, stream } from "../Random/index.ts"
import { ShapeError } from "../Tensor/index.ts"
import { requireMemory } from "./dense/Memory.ts"
import { TensorTrain } from "./TensorTrain.ts"

/**
 * A train with independent normal cores, scaled so that the elements have variance 1. Ranks are r_1, ..., r_{d-1}, or one number
 * for all of them; a rank above what its unfolding can have is cut down to that.
 */
export const randomTrain = (
  modes: ReadonlyArray<number>,
  ranks: number | ReadonlyArray<number>,
  key: Key
): TensorTrain => {
  const between = typeof ranks === "number" ? modes.slice(1).map(() => ranks) : ranks
  if (between.length !== modes.length - 1 || !between.every((rank) => Number.isInteger(rank) && rank >= 1))
    throw new ShapeError({
      operation: "TensorTrains.random",
      reason: `${modes.length} modes need ${modes.length - 1} ranks between them, each a whole number of at least 1`,
      shapes: [modes, between]
    })
  const all = [1, ...between, 1]
  for (let k = 1; k < modes.length; k++) all[k] = Math.min(all[k], all[k - 1] * modes[k - 1])
  for (let k = modes.length - 1; k > 0; k--) all[k] = Math.min(all[k], all[k + 1] * modes[k])
  const random = stream(key)
  const cores = modes.map((size, k) => {
    requireMemory("TensorTrains.random", [all[k], size, all[k + 1]], "ask for smaller ranks")
    const core = new Float64Array(all[k] * size * all[k + 1])
    random.fillNormal(core, 0, 1 / Math.sqrt(all[k]))
    return core
  })
  return new TensorTrain(modes, all, cores)
}
