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
  /** [parents]: of the better half, best first, with a sum of 1. */
  readonly weights: Float64Array
  /** [n], with coordinates scaled to [0, 1] */
  readonly mean: Float64Array
  /** M [n, n], row-major; or, beyond `largestMatrix`, its diagonal alone (Ros and Hansen, 2008). */
  readonly transform: Float64Array
  /** [n]: the evolution path s. */
  readonly path: Float64Array
  step: number
  generation: number
  /** z [offspring, n]: standard normals, and d [offspring, n]: M z. */
  readonly normals: Float64Array
  readonly directions: Float64Array
  /** [offspring, d]: the generation. */
  readonly rows: Float64Array
  /** [offspring]: best first. */
  readonly order: Uint32Array
  best: number
  /** The generation in which `best` last fell by more than rounding. */
  improved: number
  isOver: boolean
}

/** Modes up to which a full matrix is worth its n^2 multiplications a point. */
const largestMatrix = 128

const isDiagonal = ({ moving }: EvolutionStrategy): boolean => moving.length > largestMatrix

/** Points a generation, as usual for n modes (Hansen, "The CMA evolution strategy: a tutorial", table 1). */
export const usualOffspring = (n: number): number => 4 + Math.floor(3 * Math.log(n))

/** The modes that the strategy can move. */
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
  const parents = Math.floor(offspring / 2)
  const raw = Float64Array.from({ length: parents }, (_, p) => Math.log(parents + 0.5) - Math.log(p + 1))
  const total = raw.reduce((a, b) => a + b)
  return {
    moving,
    base: row.slice(),
    offspring,
    weights: raw.map((weight) => weight / total),
    mean: Float64Array.from(moving, (k) => row[k] / highest(modes[k])),
    transform,
    path: new Float64Array(n),
    step,
    generation: 0,
    normals: new Float64Array(offspring * n),
    directions: new Float64Array(offspring * n),
    rows: new Float64Array(offspring * row.length),
    order: new Uint32Array(offspring),
    best: Number.POSITIVE_INFINITY,
    improved: 0,
    isOver: false
  }
}

/** A generation; the next one is written to the same rows. */
export const proposeOffspring = (
  strategy: EvolutionStrategy,
  modes: ReadonlyArray<Mode>,
  random: Stream
): Rows => {
  const { moving, base, offspring, mean, normals, directions, transform, step, rows } = strategy
  const n = moving.length
  const d = base.length
  random.fillNormal(normals)
  if (isDiagonal(strategy))
    for (let o = 0; o < offspring; o++)
      for (let i = 0; i < n; i++) directions[o * n + i] = transform[i] * normals[o * n + i]
  else transformed(transform, normals, directions, offspring, n)
  for (let o = 0; o < offspring; o++) {
    if (n < d) rows.set(base, o * d)
    for (let i = 0; i < n; i++) {
      const k = moving[i]
      const to = mean[i] + step * directions[o * n + i]
      rows[o * d + k] = nearest(modes[k], to * highest(modes[k]))
      // Beyond a bound the step is as long as what was evaluated, so that the mean stays inside.
      if (to < 0) directions[o * n + i] = -mean[i] / step
      else if (to > 1) directions[o * n + i] = (1 - mean[i]) / step
    }
  }
  return { rows, count: offspring }
}

/** M z of every offspring, two rows of M and four offspring at a time: what is read is then used for several products.
 * Without destructuring, which the compiler does not always see through. */
const transformed = (
  transform: Float64Array,
  normals: Float64Array,
  directions: Float64Array,
  offspring: number,
  n: number
): void => {
  let o = 0
  for (; o + 4 <= offspring; o += 4) {
    const a = o * n
    const b = (o + 1) * n
    const c = (o + 2) * n
    const d = (o + 3) * n
    for (let i = 0; i < n; i += 2) {
      // The last row of an odd number is its own partner.
      const next = Math.min(i + 1, n - 1)
      const p = i * n
      const q = next * n
      let pa = 0
      let pb = 0
      let pc = 0
      let pd = 0
      let qa = 0
      let qb = 0
      let qc = 0
      let qd = 0
      for (let j = 0; j < n; j++) {
        const ofP = transform[p + j]
        const ofQ = transform[q + j]
        const za = normals[a + j]
        const zb = normals[b + j]
        const zc = normals[c + j]
        const zd = normals[d + j]
        pa += ofP * za
        pb += ofP * zb
        pc += ofP * zc
        pd += ofP * zd
        qa += ofQ * za
        qb += ofQ * zb
        qc += ofQ * zc
        qd += ofQ * zd
      }
      directions[a + i] = pa
      directions[b + i] = pb
      directions[c + i] = pc
      directions[d + i] = pd
      directions[a + next] = qa
      directions[b + next] = qb
      directions[c + next] = qc
      directions[d + next] = qd
    }
  }
  for (; o < offspring; o++)
    for (let i = 0; i < n; i++) {
      let sum = 0
      for (let j = 0; j < n; j++) sum += transform[i * n + j] * normals[o * n + j]
      directions[o * n + i] = sum
    }
}

/**
 * Takes the losses of the generation, of which so many points were unseen. Where most were known before, the step is down to the resolution of
 * the modes, and the strategy is over.
 */
export const absorbOffspring = (strategy: EvolutionStrategy, losses: Float64Array, unseen: number): void => {
  const { offspring, moving, order } = strategy
  rank(losses, order)
  const least = losses[order[0]]
  strategy.generation++
  if (!(least < Number.POSITIVE_INFINITY)) {
    strategy.isOver = true
    return
  }
  recombine(strategy)
  // What is better by rounding alone is no improvement.
  if (!(least >= strategy.best - 1e-13 * Math.abs(strategy.best))) strategy.improved = strategy.generation
  if (least < strategy.best) strategy.best = least
  const patience = 60 + Math.ceil((60 * moving.length) / offspring)
  strategy.isOver =
    !(strategy.step > 1e-16 && strategy.step < 1e6) ||
    losses[order[offspring - 1]] - least <= 1e-15 * Math.abs(least) ||
    strategy.generation - strategy.improved > patience ||
    2 * unseen < offspring
}

/** Writes the positions of the losses in ascending order to `order`. */
const rank = (losses: Float64Array, order: Uint32Array): void => {
  for (let o = 0; o < order.length; o++) {
    let at = o
    for (; at > 0 && losses[order[at - 1]] > losses[o]; at--) order[at] = order[at - 1]
    order[at] = o
  }
}

/** Moves the mean, and adapts path, M and step; rates as in "The CMA evolution strategy: a tutorial" (Hansen, 2016). */
const recombine = (strategy: EvolutionStrategy): void => {
  const { moving, mean, weights, normals, directions, path, order } = strategy
  const n = moving.length
  const effective = 1 / weights.reduce((sum, weight) => sum + weight * weight, 0)
  const pathRate = (effective + 2) / (n + effective + 5)
  const pathScale = Math.sqrt(effective * pathRate * (2 - pathRate))
  let length = 0
  for (let i = 0; i < n; i++) {
    let normal = 0
    let direction = 0
    for (let p = 0; p < weights.length; p++) {
      normal += weights[p] * normals[order[p] * n + i]
      direction += weights[p] * directions[order[p] * n + i]
    }
    mean[i] = Math.min(1, Math.max(0, mean[i] + strategy.step * direction))
    path[i] = (1 - pathRate) * path[i] + pathScale * normal
    length += path[i] * path[i]
  }
  const diagonal = isDiagonal(strategy)
  // A diagonal alone is learned (n + 2) / 3 times as fast.
  const faster = diagonal ? (n + 2) / 3 : 1
  const pathShare = Math.min(0.5, (2 * faster) / ((n + 1.3) ** 2 + effective))
  const parentShare = Math.min(
    1 - pathShare,
    (2 * faster * (effective - 2 + 1 / effective)) / ((n + 2) ** 2 + effective)
  )
  if (diagonal) adaptDiagonal(strategy, pathShare / 2, parentShare / 2)
  else adaptMatrix(strategy, pathShare / 2, parentShare / 2)
  const damping = 1 + pathRate + 2 * Math.max(0, Math.sqrt((effective - 1) / (n + 1)) - 1)
  const expected = Math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n))
  strategy.step *= Math.exp((pathRate / damping) * (Math.sqrt(length) / expected - 1))
}

const adaptDiagonal = (
  { transform, weights, normals, path, order }: EvolutionStrategy,
  pathShare: number,
  parentShare: number
): void => {
  const n = transform.length
  for (let i = 0; i < n; i++) {
    let squares = 0
    for (let p = 0; p < weights.length; p++) squares += weights[p] * normals[order[p] * n + i] ** 2
    transform[i] *= 1 + pathShare * (path[i] ** 2 - 1) + parentShare * (squares - 1)
  }
}

// M <- M + pathShare (M s sᵀ - M) + parentShare (sum of w M z zᵀ - M), in which M z is the direction; four parents at a time.
const adaptMatrix = (
  { transform, weights, normals, directions, path, order }: EvolutionStrategy,
  pathShare: number,
  parentShare: number
): void => {
  const n = path.length
  const parents = weights.length
  const keep = 1 - pathShare - parentShare
  for (let i = 0; i < n; i++) {
    const row = i * n
    let image = 0
    for (let j = 0; j < n; j++) image += transform[row + j] * path[j]
    image *= pathShare
    for (let j = 0; j < n; j++) transform[row + j] = keep * transform[row + j] + image * path[j]
    let p = 0
    for (; p + 4 <= parents; p += 4) {
      const a = order[p] * n
      const b = order[p + 1] * n
      const c = order[p + 2] * n
      const d = order[p + 3] * n
      const ofA = parentShare * weights[p] * directions[a + i]
      const ofB = parentShare * weights[p + 1] * directions[b + i]
      const ofC = parentShare * weights[p + 2] * directions[c + i]
      const ofD = parentShare * weights[p + 3] * directions[d + i]
      for (let j = 0; j < n; j++)
        transform[row + j] +=
          ofA * normals[a + j] + ofB * normals[b + j] + ofC * normals[c + j] + ofD * normals[d + j]
    }
    for (; p < parents; p++) {
      const a = order[p] * n
      const ofA = parentShare * weights[p] * directions[a + i]
      for (let j = 0; j < n; j++) transform[row + j] += ofA * normals[a + j]
    }
  }
}
