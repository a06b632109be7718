import type { Stream } from "../../Random/index.ts"
import {
  bestMinima,
  closerPoints,
  emptyLine,
  insert,
  type Line,
  type LineMinimum,
  mostCloser
} from "./Line.ts"
import { fewLevels, highest, isSmooth, type Mode, nearest, type Rows, stratified } from "./Mode.ts"

/** How lines are looked at. */
export interface LineSettings {
  /** The modes that are gone through. */
  readonly window: Int32Array
  /** Points of a line within `radius` times the mode's length; 0: a few around the present point, at the chain's own steps. */
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
  /** [count, d]: how far from the present coordinate a line looks, where it does not look at a radius. */
  readonly steps: Float64Array
  /** The modes in the order of this sweep. */
  order: Uint32Array
  position: number
  sweeps: number
  /** 0: the line's first points are due; else the round of closer looks. */
  round: number
  readonly lines: ReadonlyArray<Line>
  /** By chain: how many rows of the batch are its own. */
  readonly asked: Int32Array
  /** The coordinates of the batch, one chain's after the other's. */
  readonly points: Float64Array
  /** The rows of the batch, [.., d]. */
  readonly batch: Float64Array
  /** By mode: the best local minima that the last sweep's lines had. */
  readonly minima: Array<Array<LineMinimum>>
  /** The losses of all chains together, how much the last sweep took off, and how many sweeps on end took off nearly as much as the one before. */
  total: number
  gain: number
  creeping: number
}

const longestStep = 1 / 8
/** Offsets around a coordinate: ± step, and so many in all, each a share of the one before. */
const offsets = 3
const offsetRatio = 1 / 8

/** Where a sweep takes off more than this share of what the one before did, and so several times on end, sweeps creep. */
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
  step = longestStep
): LineSweeps => {
  const d = modes.length
  const first = Math.max(settings.points, fewLevels, 2 * offsets)
  const capacity = 1 + first + mostCloser * settings.rounds * settings.minima
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
    lines: Array.from(losses, () => emptyLine(capacity)),
    asked: new Int32Array(losses.length),
    points: new Float64Array(losses.length * capacity),
    batch: new Float64Array(losses.length * capacity * d),
    minima: modes.map(() => []),
    total: sum(losses),
    gain: Number.POSITIVE_INFINITY,
    creeping: 0
  }
}

const sum = (values: Float64Array): number => values.reduce((a, b) => a + b, 0)

const shuffled = (window: Int32Array, random: Stream): Uint32Array =>
  random.permutation(window.length).map((i) => window[i])

/** The next rows, possibly none; those after them are written to the same place. */
export const proposeLines = (sweeps: LineSweeps, modes: ReadonlyArray<Mode>, random: Stream): Rows => {
  const { points, settings, lines, asked } = sweeps
  const d = modes.length
  const k = sweeps.order[sweeps.position]
  let count = 0
  for (let chain = 0; chain < sweeps.count; chain++) {
    const end =
      sweeps.round === 0
        ? firstPoints(sweeps, chain, modes[k], chain * d + k, random, count)
        : closerPoints(lines[chain], modes[k], settings.minima, points, count)
    asked[chain] = end - count
    count = end
  }
  const rows = sweeps.batch
  let row = 0
  for (let chain = 0; chain < sweeps.count; chain++)
    for (let i = 0; i < asked[chain]; i++, row++) {
      for (let j = 0; j < d; j++) rows[row * d + j] = sweeps.rows[chain * d + j]
      rows[row * d + k] = points[row]
    }
  return { rows, count }
}

/** Begins a line with the present point; `at` is the place of its coordinate in [count, d]. Writes the line's first points from `start` on. */
const firstPoints = (
  sweeps: LineSweeps,
  chain: number,
  mode: Mode,
  at: number,
  random: Stream,
  start: number
): number => {
  const { settings, points: target } = sweeps
  const here = sweeps.rows[at]
  const line = sweeps.lines[chain]
  line.length = 0
  insert(line, here, sweeps.losses[chain])
  let end = start
  if (settings.points > 0 || !isSmooth(mode)) {
    for (const coordinate of stratified(
      mode,
      here,
      settings.radius,
      Math.max(settings.points, 2 * offsets),
      random
    ))
      if (coordinate !== here && (end === start || coordinate !== target[end - 1])) target[end++] = coordinate
    return end
  }
  // A random factor keeps the offsets of different visits off one lattice.
  let offset = sweeps.steps[at] * (mode.levels === 0 ? 0.75 + 0.5 * random.uniform() : 1)
  for (let j = 0; j < offsets; j++, offset *= offsetRatio)
    for (const coordinate of [nearest(mode, here - offset), nearest(mode, here + offset)])
      if (coordinate !== here && !target.subarray(start, end).includes(coordinate)) target[end++] = coordinate
  return end
}

/** Takes the losses of the rows that were proposed last. */
export const absorbLines = (
  sweeps: LineSweeps,
  modes: ReadonlyArray<Mode>,
  losses: Float64Array,
  random: Stream
): void => {
  const k = sweeps.order[sweeps.position]
  let row = 0
  for (let chain = 0; chain < sweeps.count; chain++)
    for (let i = 0; i < sweeps.asked[chain]; i++, row++)
      insert(sweeps.lines[chain], sweeps.points[row], losses[row])
  if (isSmooth(modes[k]) && sweeps.round < sweeps.settings.rounds) {
    sweeps.round++
    return
  }
  sweeps.minima[k] = []
  for (let chain = 0; chain < sweeps.count; chain++) goToBest(sweeps, modes, chain, k)
  sweeps.round = 0
  sweeps.position++
  if (sweeps.position === sweeps.order.length) endSweep(sweeps, random)
}

const goToBest = (sweeps: LineSweeps, modes: ReadonlyArray<Mode>, chain: number, k: number): void => {
  const line = sweeps.lines[chain]
  const mode = modes[k]
  const at = chain * modes.length + k
  const minima = bestMinima(line, sweeps.settings.minima)
  for (const i of minima) sweeps.minima[k].push({ coordinate: line.coordinates[i], loss: line.losses[i] })
  if (minima.length === 0) return
  const [best] = minima
  const moved = Math.abs(line.coordinates[best] - sweeps.rows[at])
  const finest = mode.levels === 0 ? finestStep : 1
  // Where nothing was better, half of the smallest offset comes next; else somewhat more than what was moved by.
  const next = moved === 0 ? (sweeps.steps[at] * offsetRatio ** (offsets - 1)) / 2 : 4 * moved
  sweeps.steps[at] = Math.max(finest, Math.min(longestStep * highest(mode), next))
  sweeps.rows[at] = line.coordinates[best]
  sweeps.losses[chain] = line.losses[best]
}

const endSweep = (sweeps: LineSweeps, random: Stream): void => {
  sweeps.position = 0
  sweeps.sweeps++
  sweeps.order = shuffled(sweeps.settings.window, random)
  const total = sum(sweeps.losses)
  const gain = sweeps.total - total
  sweeps.creeping = gain > creepingRatio * sweeps.gain ? sweeps.creeping + 1 : 0
  sweeps.gain = gain
  sweeps.total = total
}

/** Whether no step of any chain is long enough to matter any more, or sweeps creep: the way down is then not along the axes. */
export const areSettled = (sweeps: LineSweeps, modes: ReadonlyArray<Mode>): boolean => {
  if (sweeps.creeping >= mostCreeping) return true
  const d = modes.length
  for (let start = 0; start < sweeps.steps.length; start += d)
    for (const k of sweeps.settings.window)
      if (isSmooth(modes[k]) && sweeps.steps[start + k] > (modes[k].levels === 0 ? 4 * finestStep : 1))
        return false
  return true
}
