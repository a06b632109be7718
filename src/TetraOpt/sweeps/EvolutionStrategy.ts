import type { Stream } from "../../Random/index.ts"
import { highest, isSmooth, type Mode, nearest, type Rows } from "./Mode.ts"

/**
 * A matrix-adaptation evolution strategy (Beyer and Sendhoff, "Simplify your covariance matrix adaptation evolution strategy", 2017): what
 * follows valleys that do not lie along the axes, and passes over ripples that are small against its step. It moves the modes that have an
 * order and many levels, and leaves the others as they are.
 */
export interface EvolutionStrategy {
  /** The modes that move; n of them. */
  readonly moving: Int32Array
  /** [d]: the row that the others' coordinates come from. */
  readonly base: Float64Array
  readonly offspring: number
  /** [n], with coordinates scaled to [0, 1] */
  readonly mean: Float64Array
  /** M [n, n], row-major; or, beyond `largestMatrix`, its diagonal alone (Ros and Hansen, 2008). */
  readonly transform: Float64Array
  readonly path: Float64Array
  step: number
  generation: number
  /** z [offspring, n]: standard normals, and d [offspring, n]: M z. */
  readonly normals: Float64Array
  readonly directions: Float64Array
  best: number
  /** The generation in which `best` last fell by more than rounding. */
  improved: number
  isOver: boolean
}

const largestMatrix = 128

const isDiagonal = ({ moving }: EvolutionStrategy): boolean => moving.length > largestMatrix

export const defaultOffspring = (n: number): number => 4 + Math.floor(3 * Math.log(n))

export const movingModes = (modes: ReadonlyArray<Mode>): Int32Array =>
  Int32Array.from(modes.keys()).filter((k) => isSmooth(modes[k]))

/** Begins at `row` with steps of `step` times the length of each mode. */
export const evolutionStrategy = (
  modes: ReadonlyArray<Mode>,
  row: Float64Array,
  step: number,
  offspring: number
): EvolutionStrategy => {
  const moving = movingModes(modes)
  const n = moving.length
  const diagonal = n > largestMatrix
  const transform = new Float64Array(diagonal ? n : n * n)
  for (let i = 0; i < n; i++) transform[diagonal ? i : i * n + i] = 1
  return {
    moving,
    base: row.slice(),
    offspring,
    mean: Float64Array.from(moving, (k) => row[k] / highest(modes[k])),
    transform,
    path: new Float64Array(n),
    step,
    generation: 0,
    normals: new Float64Array(offspring * n),
    directions: new Float64Array(offspring * n),
    best: Number.POSITIVE_INFINITY,
    improved: 0,
    isOver: n === 0
  }
}

/** A generation. */
export const proposeOffspring = (
  strategy: EvolutionStrategy,
  modes: ReadonlyArray<Mode>,
  random: Stream
): Rows => {
  const { moving, base, offspring, mean, normals, directions, transform, step } = strategy
  const n = moving.length
  const d = base.length
  const diagonal = isDiagonal(strategy)
  const rows = new Float64Array(offspring * d)
  for (let e = 0; e < offspring * n; e++) normals[e] = random.normal()
  if (isDiagonal(strategy))
    for (let o = 0; o < offspring; o++)
      for (let i = 0; i < n; i++) directions[o * n + i] = transform[i] * normals[o * n + i]
  else transformed(transform, normals, directions, offspring, n)
  for (let o = 0; o < offspring; o++) {
    const z = o * n
    if (n < d) rows.set(base, o * d)
    for (let i = 0; i < n; i++) {
      const k = moving[i]
      const to = mean[i] + step * directions[z + i]
      rows[o * d + k] = nearest(modes[k], to * highest(modes[k]))
      // Beyond a bound the step is as long as what was evaluated, so that the mean stays inside.
      if (to < 0) directions[z + i] = -mean[i] / step
      else if (to > 1) directions[z + i] = (1 - mean[i]) / step
    }
  }
  return { rows, count: offspring }
}

/** M z of every offspring, four at a time, so that a row of M is read once for four. */
const transformed = (
  transform: Float64Array,
  normals: Float64Array,
  directions: Float64Array,
  offspring: number,
  n: number
): void => {
  let o = 0
  for (; o + 4 <= offspring; o += 4) {
    const [a, b, c, d] = [o * n, (o + 1) * n, (o + 2) * n, (o + 3) * n]
    for (let i = 0; i < n; i++) {
      const row = i * n
      let [sa, sb, sc, sd] = [0, 0, 0, 0]
      for (let j = 0; j < n; j++) {
        const m = transform[row + j]
        sa += m * normals[a + j]
        sb += m * normals[b + j]
        sc += m * normals[c + j]
        sd += m * normals[d + j]
      }
      directions[a + i] = sa
      directions[b + i] = sb
      directions[c + i] = sc
      directions[d + i] = sd
    }
  }
  for (; o < offspring; o++)
    for (let i = 0; i < n; i++) {
      let sum = 0
      for (let j = 0; j < n; j++) sum += transform[i * n + j] * normals[o * n + j]
      directions[o * n + i] = sum
    }
}

/** Takes the losses of the generation. */
export const absorbOffspring = (strategy: EvolutionStrategy, losses: Float64Array): void => {
  const { moving, offspring, mean, normals, directions, transform, path } = strategy
  const n = moving.length
  const order = Array.from({ length: offspring }, (_, o) => o).sort((a, b) => losses[a] - losses[b])
  strategy.generation++
  const least = losses[order[0]]
  if (!(least < Number.POSITIVE_INFINITY)) {
    strategy.isOver = true
    return
  }
  const parents = Math.floor(offspring / 2)
  const { weights, effective } = recombination(parents)
  const meanNormal = new Float64Array(n)
  const meanDirection = new Float64Array(n)
  for (let p = 0; p < parents; p++) {
    const at = order[p] * n
    for (let i = 0; i < n; i++) {
      meanNormal[i] += weights[p] * normals[at + i]
      meanDirection[i] += weights[p] * directions[at + i]
    }
  }
  for (let i = 0; i < n; i++) {
    const to = mean[i] + strategy.step * meanDirection[i]
    mean[i] = to < 0 ? 0 : to > 1 ? 1 : to
  }
  const pathRate = (effective + 2) / (n + effective + 5)
  const pathScale = Math.sqrt(effective * pathRate * (2 - pathRate))
  let length = 0
  for (let i = 0; i < n; i++) {
    path[i] = (1 - pathRate) * path[i] + pathScale * meanNormal[i]
    length += path[i] * path[i]
  }
  const expected = Math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n))
  const damping = 1 + pathRate + 2 * Math.max(0, Math.sqrt((effective - 1) / (n + 1)) - 1)
  // The diagonal alone is learned (n + 2) / 3 times as fast.
  const faster = isDiagonal(strategy) ? (n + 2) / 3 : 1
  const pathShare = Math.min(0.5, (faster * 2) / ((n + 1.3) ** 2 + effective))
  const parentShare = Math.min(
    1 - pathShare,
    (faster * 2 * (effective - 2 + 1 / effective)) / ((n + 2) ** 2 + effective)
  )
  if (isDiagonal(strategy)) {
    for (let i = 0; i < n; i++) {
      let squares = 0
      for (let p = 0; p < parents; p++) squares += weights[p] * normals[order[p] * n + i] ** 2
      transform[i] *= 1 + 0.5 * (pathShare * (path[i] ** 2 - 1) + parentShare * (squares - 1))
    }
  } else {
    // M (I + c1/2 (s sᵀ - I) + cw/2 (sum w z zᵀ - I)), in which M z is the direction.
    const image = new Float64Array(n)
    for (let i = 0; i < n; i++) {
      let sum = 0
      for (let j = 0; j < n; j++) sum += transform[i * n + j] * path[j]
      image[i] = sum * 0.5 * pathShare
    }
    const keep = 1 - 0.5 * (pathShare + parentShare)
    for (let i = 0; i < n; i++) {
      const row = i * n
      for (let j = 0; j < n; j++) transform[row + j] = keep * transform[row + j] + image[i] * path[j]
      let p = 0
      const share = 0.5 * parentShare
      for (; p + 4 <= parents; p += 4) {
        const [a, b, c, d] = [order[p] * n, order[p + 1] * n, order[p + 2] * n, order[p + 3] * n]
        const fa = share * weights[p] * directions[a + i]
        const fb = share * weights[p + 1] * directions[b + i]
        const fc = share * weights[p + 2] * directions[c + i]
        const fd = share * weights[p + 3] * directions[d + i]
        for (let j = 0; j < n; j++)
          transform[row + j] +=
            fa * normals[a + j] + fb * normals[b + j] + fc * normals[c + j] + fd * normals[d + j]
      }
      for (; p < parents; p++) {
        const a = order[p] * n
        const factor = share * weights[p] * directions[a + i]
        for (let j = 0; j < n; j++) transform[row + j] += factor * normals[a + j]
      }
    }
  }
  strategy.step *= Math.exp((pathRate / damping) * (Math.sqrt(length) / expected - 1))
  if (least < strategy.best - 1e-13 * Math.abs(strategy.best)) strategy.improved = strategy.generation
  if (least < strategy.best) strategy.best = least
  strategy.isOver = hasConverged(strategy, losses[order[0]], losses[order[offspring - 1]])
}

const recombination = (parents: number) => {
  const raw = Array.from({ length: parents }, (_, i) => Math.log(parents + 0.5) - Math.log(i + 1))
  const total = raw.reduce((a, b) => a + b)
  const weights = raw.map((weight) => weight / total)
  return { weights, effective: 1 / weights.reduce((sum, weight) => sum + weight * weight, 0) }
}

/** No step is long enough to matter, or nothing better has come for long. */
const hasConverged = (strategy: EvolutionStrategy, least: number, most: number): boolean => {
  const n = strategy.moving.length
  if (!(strategy.step > 1e-16 && strategy.step < 1e6)) return true
  if (most - least <= 1e-15 * Math.abs(least)) return true
  return strategy.generation - strategy.improved > 60 + Math.ceil((60 * n) / strategy.offspring)
}
