import type { Stream } from "../../Random/index.ts"
import { highest, isSmooth, type Mode, nearest, type Rows, stratified } from "./Mode.ts"

/** How lines are looked at. */
export interface LineSettings {
  /** The modes that are gone through. */
  readonly window: Int32Array
  /** Points of a line within `radius` times the mode's length, or 0: a few around the present point, at the chain's steps. */
  readonly points: number
  readonly radius: number
  /** Rounds in which the best local minima of a line are looked at more closely, and how many of them. */
  readonly rounds: number
  readonly minima: number
}

/**
 * Rank-1 tensor-train sweeps from several starts in lockstep: the batch of a core is, for each chain, a line through its present point, and the
 * chain goes to the line's best point. Where coordinates have an order, the line's best local minima are closed in on by parabolas and halving.
 */
export interface LineSweeps {
  readonly settings: LineSettings
  readonly count: number
  /** [count, d] */
  readonly rows: Float64Array
  /** [count] */
  readonly losses: Float64Array
  /** [count, d]: how far from the present coordinate a line looks, where it does not look at the whole mode. */
  readonly steps: Float64Array
  /** The modes in the order of this sweep. */
  order: Uint32Array
  position: number
  sweeps: number
  /** 0: the line's first points are due; else the round of closer looks. */
  round: number
  /** By chain: what is known of its line, ascending. */
  readonly lines: ReadonlyArray<Line>
  /** By chain: how many rows of the batch are its own. */
  readonly asked: Int32Array
  /** By mode: the best local minima that the last sweep's lines had. */
  readonly minima: Array<Array<LineMinimum>>
  /** How much the last sweep and the one before it gained, all chains together, and for how many sweeps on end it was nearly the same. */
  gain: number
  creeping: number
  total: number
}

export interface LineMinimum {
  readonly coordinate: number
  readonly loss: number
}

interface Line {
  length: number
  coordinates: Float64Array
  losses: Float64Array
}

const firstStep = 1 / 8
/** Offsets around a coordinate: ± step, and so many more, each a share of the one before. */
const offsets = 3
const offsetRatio = 1 / 8

/** Where a sweep gains more than this share of what the one before did, sweeps creep. */
const creepingRatio = 0.6
const mostCreeping = 3

/** A smaller step no longer moves a coordinate in [0, 1] by more than rounding. */
const finestStep = 2 ** -52

/** Chains at `rows` [count, d], whose losses are known. */
export const lineSweeps = (
  modes: ReadonlyArray<Mode>,
  rows: Float64Array,
  losses: Float64Array,
  settings: LineSettings,
  random: Stream,
  step = firstStep
): LineSweeps => {
  const d = modes.length
  const capacity = settings.points + 2 * offsets + 3 * settings.rounds * settings.minima + 20
  return {
    settings,
    count: losses.length,
    rows,
    losses,
    steps: rows.map((_, e) => Math.max(modes[e % d].levels === 0 ? 0 : 1, step * highest(modes[e % d]))),
    order: shuffled(settings.window, random),
    position: 0,
    sweeps: 0,
    round: 0,
    lines: Array.from({ length: losses.length }, () => ({
      length: 0,
      coordinates: new Float64Array(capacity),
      losses: new Float64Array(capacity)
    })),
    asked: new Int32Array(losses.length),
    minima: modes.map(() => []),
    gain: Number.POSITIVE_INFINITY,
    creeping: 0,
    total: losses.reduce((a, b) => a + b, 0)
  }
}

const shuffled = (window: Int32Array, random: Stream): Uint32Array =>
  random.permutation(window.length).map((i) => window[i])

/** The next rows; possibly none. */
export const proposeLines = (sweeps: LineSweeps, modes: ReadonlyArray<Mode>, random: Stream): Rows => {
  const d = modes.length
  const k = sweeps.order[sweeps.position]
  const most = sweeps.lines[0].coordinates.length
  const rows = new Float64Array(sweeps.count * most * d)
  const points = new Float64Array(most)
  let count = 0
  for (let chain = 0; chain < sweeps.count; chain++) {
    const found =
      sweeps.round === 0
        ? firstPoints(sweeps, chain, modes[k], k, d, random, points)
        : closerPoints(sweeps.lines[chain], modes[k], sweeps.settings.minima, points)
    sweeps.asked[chain] = found
    for (let i = 0; i < found; i++, count++) {
      const to = count * d
      for (let j = 0; j < d; j++) rows[to + j] = sweeps.rows[chain * d + j]
      rows[to + k] = points[i]
    }
  }
  return { rows, count }
}

const firstPoints = (
  sweeps: LineSweeps,
  chain: number,
  mode: Mode,
  k: number,
  d: number,
  random: Stream,
  target: Float64Array
): number => {
  const at = sweeps.rows[chain * d + k]
  const line = sweeps.lines[chain]
  line.length = 1
  line.coordinates[0] = at
  line.losses[0] = sweeps.losses[chain]
  const { points } = sweeps.settings
  let count = 0
  if (points > 0 || !isSmooth(mode)) {
    for (const coordinate of stratified(mode, at, sweeps.settings.radius, Math.max(points, 2 * offsets), random))
      if (coordinate !== at && (count === 0 || coordinate !== target[count - 1])) target[count++] = coordinate
    return count
  }
  // A random factor keeps the offsets of different visits off one lattice.
  let offset = sweeps.steps[chain * d + k] * (mode.levels === 0 ? 0.75 + 0.5 * random.uniform() : 1)
  for (let j = 0; j < offsets; j++, offset *= offsetRatio)
    for (const coordinate of [nearest(mode, at - offset), nearest(mode, at + offset)])
      if (coordinate !== at && !target.subarray(0, count).includes(coordinate)) target[count++] = coordinate
  return count
}

/** Between the neighbours of the line's best local minima: where the parabola through all three is least, and halfway to both. */
const closerPoints = (line: Line, mode: Mode, minima: number, target: Float64Array): number => {
  let count = 0
  for (const i of bestMinima(line, minima)) {
    const { coordinates, losses } = line
    const b = coordinates[i]
    const a = i > 0 ? coordinates[i - 1] : 0
    const c = i < line.length - 1 ? coordinates[i + 1] : highest(mode)
    const nearer = mode.levels === 0 ? 1e-3 * (c - a) : 0.5
    const first = count
    const add = (value: number): void => {
      const coordinate = nearest(mode, value)
      if (!(coordinate >= a && coordinate <= c) || Math.abs(coordinate - b) <= nearer) return
      if ((i > 0 && coordinate - a <= nearer) || (i < line.length - 1 && c - coordinate <= nearer)) return
      for (let j = first; j < count; j++) if (Math.abs(target[j] - coordinate) <= nearer) return
      target[count++] = coordinate
    }
    if (i > 0 && i < line.length - 1) add(parabolaLeast(a, losses[i - 1], b, losses[i], c, losses[i + 1]))
    add((a + b) / 2)
    add((b + c) / 2)
    if (i === 0 && a !== b) add(a)
    if (i === line.length - 1 && c !== b) add(c)
  }
  return count
}

const parabolaLeast = (a: number, fa: number, b: number, fb: number, c: number, fc: number): number => {
  const [left, right] = [(b - a) * (fb - fc), (b - c) * (fb - fa)]
  return b - (0.5 * ((b - a) * left - (b - c) * right)) / (left - right)
}

/** Positions on the line of the local minima with the least losses, best first. */
const bestMinima = (line: Line, count: number): Array<number> => {
  const { losses, length } = line
  const best: Array<number> = []
  for (let i = 0; i < length; i++) {
    const loss = losses[i]
    if (!(loss < Number.POSITIVE_INFINITY)) continue
    if ((i > 0 && losses[i - 1] < loss) || (i < length - 1 && losses[i + 1] <= loss)) continue
    let at = best.length
    while (at > 0 && losses[best[at - 1]] > loss) at--
    if (at < count) {
      best.splice(at, 0, i)
      if (best.length > count) best.pop()
    }
  }
  return best
}

const insert = (line: Line, coordinate: number, loss: number): void => {
  const { coordinates, losses } = line
  let i = line.length++
  for (; i > 0 && coordinates[i - 1] > coordinate; i--) {
    coordinates[i] = coordinates[i - 1]
    losses[i] = losses[i - 1]
  }
  coordinates[i] = coordinate
  losses[i] = loss
}

/** Takes the losses of the rows that were proposed last. */
export const absorbLines = (
  sweeps: LineSweeps,
  modes: ReadonlyArray<Mode>,
  { rows }: Rows,
  values: Float64Array,
  random: Stream
): void => {
  const d = modes.length
  const k = sweeps.order[sweeps.position]
  let row = 0
  for (let chain = 0; chain < sweeps.count; chain++)
    for (let i = 0; i < sweeps.asked[chain]; i++, row++)
      insert(sweeps.lines[chain], rows[row * d + k], values[row])
  if (isSmooth(modes[k]) && sweeps.round < sweeps.settings.rounds) {
    sweeps.round++
    return
  }
  sweeps.minima[k] = []
  for (let chain = 0; chain < sweeps.count; chain++) goToBest(sweeps, modes[k], chain, k, d)
  sweeps.round = 0
  sweeps.position++
  if (sweeps.position === sweeps.order.length) endSweep(sweeps, random)
}

const endSweep = (sweeps: LineSweeps, random: Stream): void => {
  sweeps.position = 0
  sweeps.sweeps++
  sweeps.order = shuffled(sweeps.settings.window, random)
  const total = sweeps.losses.reduce((a, b) => a + b, 0)
  const gain = sweeps.total - total
  sweeps.creeping = gain > creepingRatio * sweeps.gain ? sweeps.creeping + 1 : 0
  sweeps.gain = gain
  sweeps.total = total
}

const goToBest = (sweeps: LineSweeps, mode: Mode, chain: number, k: number, d: number): void => {
  const line = sweeps.lines[chain]
  const at = chain * d + k
  const minima = bestMinima(line, Math.max(1, sweeps.settings.minima))
  for (const i of minima) sweeps.minima[k].push({ coordinate: line.coordinates[i], loss: line.losses[i] })
  if (minima.length === 0) return
  const [best] = minima
  if (!(line.losses[best] <= sweeps.losses[chain])) return
  const moved = Math.abs(line.coordinates[best] - sweeps.rows[at])
  const finest = mode.levels === 0 ? finestStep : 1
  const longest = firstStep * highest(mode)
  sweeps.steps[at] =
    moved === 0
      ? Math.max(finest, sweeps.steps[at] * offsetRatio ** (offsets - 1) * 0.5)
      : Math.max(finest, Math.min(longest, 4 * moved))
  sweeps.rows[at] = line.coordinates[best]
  sweeps.losses[chain] = line.losses[best]
}

/** Whether no step of any chain is long enough to matter any more, or sweeps hardly gain less than the ones before: lines are no way down then. */
export const areSettled = (sweeps: LineSweeps, modes: ReadonlyArray<Mode>): boolean => {
  if (sweeps.creeping >= mostCreeping) return true
  const d = modes.length
  for (let start = 0; start < sweeps.steps.length; start += d)
    for (const k of sweeps.settings.window)
      if (isSmooth(modes[k]) && sweeps.steps[start + k] > (modes[k].levels === 0 ? 4 * finestStep : 1)) return false
  return true
}
