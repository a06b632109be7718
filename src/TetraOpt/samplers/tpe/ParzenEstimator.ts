import type { Stream } from "../../../Random/index.ts"
import type { Dimension } from "../../Dimension.ts"
import { cumulative } from "../NormalDistribution.ts"
import { coordinateNearest } from "../UniformRow.ts"

/** The prior counts as one observation more. */
const priorWeight = 1
const logRoot = 0.5 * Math.log(2 * Math.PI)

/**
 * A density over rows: the mean, with weights, of one product of kernels around each observed row and of the prior (Bergstra et al., 2011;
 * products over the parameters, so that it knows what goes together: Falkner et al., 2018). On a scale a kernel is a normal cut at the ends, for
 * levels that of their cells; for categories it is the observed one, smoothed. Where a row has no such parameter its kernel is the prior's.
 */
export class ParzenEstimator {
  readonly #dimensions: ReadonlyArray<Dimension>
  readonly #rows: ReadonlyArray<Float64Array>
  /** [rows + 1], the last the prior's; they sum to one. */
  readonly #weights: Float64Array
  readonly #deviation: number

  constructor(
    dimensions: ReadonlyArray<Dimension>,
    rows: ReadonlyArray<Float64Array>,
    weights: ArrayLike<number>
  ) {
    this.#dimensions = dimensions
    this.#rows = rows
    const all = Float64Array.of(...Array.from(weights), priorWeight)
    const total = all.reduce((sum, weight) => sum + weight, 0)
    this.#weights = all.map((weight) => weight / total)
    // Scott's rule with a fifth of the scale, and never narrower than what as many points as there are could fill.
    const n = rows.length
    const scott = 0.2 * Math.max(1, n) ** (-1 / (dimensions.length + 4))
    this.#deviation = Math.max(scott, 1 / Math.min(100, n + 2))
  }

  /** Coordinates of every parameter, those included that do not exist given the others. */
  sample(random: Stream): Float64Array {
    const center = this.#rows[random.categorical(this.#weights)]
    return Float64Array.from(this.#dimensions, (dimension, k) => {
      const observed = center === undefined ? Number.NaN : center[k]
      if (!dimension.isOrdered) {
        const { levels } = dimension
        const smoothing = priorWeight / (this.#rows.length + 1)
        const isObserved = !Number.isNaN(observed) && random.uniform() * (1 + levels * smoothing) < 1
        return isObserved ? observed : random.integer(levels)
      }
      const [mean, deviation] = this.#kernel(dimension, observed)
      for (;;) {
        const place = mean + deviation * random.normal()
        if (place < 0 || place > 1) continue
        return coordinateNearest(dimension, place)
      }
    })
  }

  logDensity(row: ArrayLike<number>): number {
    const logs = Float64Array.from(this.#weights, (weight, i) => {
      if (weight === 0) return Number.NEGATIVE_INFINITY
      let log = Math.log(weight)
      for (let k = 0; k < row.length; k++)
        if (!Number.isNaN(row[k])) log += this.#logKernel(k, row[k], this.#rows[i]?.[k] ?? Number.NaN)
      return log
    })
    const largest = logs.reduce((a, b) => Math.max(a, b))
    return largest + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - largest), 0))
  }

  #kernel(dimension: Dimension, observed: number): readonly [mean: number, deviation: number] {
    return Number.isNaN(observed) ? [0.5, 1] : [dimension.position(observed), this.#deviation]
  }

  #logKernel(k: number, coordinate: number, observed: number): number {
    const dimension = this.#dimensions[k]
    const { levels } = dimension
    if (!dimension.isOrdered) {
      if (Number.isNaN(observed)) return -Math.log(levels)
      const smoothing = priorWeight / (this.#rows.length + 1)
      return Math.log(((coordinate === observed ? 1 : 0) + smoothing) / (1 + levels * smoothing))
    }
    const [mean, deviation] = this.#kernel(dimension, observed)
    const inside = cumulative((1 - mean) / deviation) - cumulative(-mean / deviation)
    const place = dimension.position(coordinate)
    const z = (place - mean) / deviation
    const width = levels === 0 ? 0 : cellWidth(dimension, coordinate)
    // Narrow cells are measured by their middle: the distribution function is good to 1e-7 only.
    if (width < 0.1 * deviation)
      return -0.5 * z * z - logRoot - Math.log(deviation * inside) + (levels === 0 ? 0 : Math.log(width))
    const [low, high] = cell(dimension, coordinate)
    const share = cumulative((high - mean) / deviation) - cumulative((low - mean) / deviation)
    return Math.log(Math.max(1e-12, share) / inside)
  }
}

/** From half-way to the level below to half-way to the level above, within [0, 1]. */
const cell = ({ levels, position }: Dimension, level: number): readonly [low: number, high: number] => {
  const here = position(level)
  return [
    level === 0 ? 0 : (here + position(level - 1)) / 2,
    level === levels - 1 ? 1 : (here + position(level + 1)) / 2
  ]
}

const cellWidth = (dimension: Dimension, level: number): number => {
  const [low, high] = cell(dimension, level)
  return high - low
}
