import type { Stream } from "../../Random/index.ts"
import {
  finestStep,
  firstStep,
  lineThrough,
  longestLine,
  type Mode,
  nextStep,
  randomCoordinate
} from "./Grid.ts"

/**
 * Points that move in lockstep, one coordinate at a time: rank-1 tensor-train sweeps from several starts, in which a core's batch is a line
 * through the present point. After each sweep comes one batch along what the sweep has moved, so that valleys off the axes are followed.
 */
export interface Chains {
  readonly count: number
  /** [count, d] */
  readonly rows: Float64Array
  /** [count] */
  readonly losses: Float64Array
  /** [count, d]: how far from the present coordinate the next line looks. */
  readonly steps: Float64Array
  /** [count, d] and [count]: as they were when the sweep began. */
  readonly before: Float64Array
  readonly lossesBefore: Float64Array
  /** The modes in the order of this sweep. */
  order: Uint32Array
  position: number
  sweeps: number
}

/** Rows to be evaluated, and which chain asked for each. */
export interface Batch {
  /** [count, d] */
  readonly rows: Float64Array
  readonly count: number
  readonly owners: Int32Array
}

/** Chains at `rows` [count, d], whose losses are known, or Infinity where they are not yet. */
export const chainsAt = (
  modes: ReadonlyArray<Mode>,
  rows: Float64Array,
  losses: Float64Array,
  shrink: number,
  random: Stream
): Chains => {
  const d = modes.length
  return {
    count: losses.length,
    rows,
    losses,
    steps: rows.map((_, e) => {
      const mode = modes[e % d]
      return mode.levels === 0 ? firstStep(mode) * shrink : Math.max(1, firstStep(mode) * shrink)
    }),
    before: rows.slice(),
    lossesBefore: losses.slice(),
    order: random.permutation(d),
    position: 0,
    sweeps: 0
  }
}

/** A batch of uniformly random points, one a chain. */
export const randomRows = (modes: ReadonlyArray<Mode>, count: number, random: Stream): Float64Array => {
  const d = modes.length
  return Float64Array.from({ length: count * d }, (_, e) => randomCoordinate(modes[e % d], random))
}

/** Multiples of what a sweep moved that are tried after it. */
const strides = [-0.5, 0.5, 1, 2, 4, 8]

/** The next batch: every chain's line in the mode that is due, with `global` points over the whole mode, or, after the last mode, its strides. */
export const proposeLines = (
  chains: Chains,
  modes: ReadonlyArray<Mode>,
  global: number,
  random: Stream
): Batch => {
  const d = modes.length
  const { count, rows } = chains
  if (chains.position === d) return proposeStrides(chains, modes)
  const k = chains.order[chains.position]
  const line = new Float64Array(longestLine(global))
  const batch = new Float64Array(count * line.length * d)
  const owners = new Int32Array(count * line.length)
  let length = 0
  for (let chain = 0; chain < count; chain++) {
    const start = chain * d
    const points = lineThrough(modes[k], rows[start + k], chains.steps[start + k], global, random, line)
    for (let i = 0; i < points; i++) {
      const to = length * d
      for (let j = 0; j < d; j++) batch[to + j] = rows[start + j]
      batch[to + k] = line[i]
      owners[length++] = chain
    }
  }
  return { rows: batch, count: length, owners }
}

const proposeStrides = (chains: Chains, modes: ReadonlyArray<Mode>): Batch => {
  const d = modes.length
  const batch = new Float64Array(chains.count * strides.length * d)
  const owners = new Int32Array(chains.count * strides.length)
  let length = 0
  for (let chain = 0; chain < chains.count; chain++) {
    const start = chain * d
    if (!moves(chains, start, d)) continue
    for (const stride of strides) {
      for (let j = 0; j < d; j++) {
        const at = chains.rows[start + j]
        const { levels } = modes[j]
        const to = at + stride * (at - chains.before[start + j])
        batch[length * d + j] =
          levels === 0 ? clamp(to, 1) : modes[j].isOrdered ? clamp(Math.round(to), levels - 1) : at
      }
      owners[length++] = chain
    }
  }
  return { rows: batch, count: length, owners }
}

const clamp = (value: number, most: number): number => (value < 0 ? 0 : value > most ? most : value)

/** A stride needs at least two coordinates that moved: along one alone the line has looked. */
const moves = (chains: Chains, start: number, d: number): boolean => {
  let moved = 0
  for (let j = start; j < start + d; j++) if (chains.rows[j] !== chains.before[j]) moved++
  return moved > 1
}

/** Every chain goes to its best point of the batch, where that is better than its present one. */
export const absorbLines = (
  chains: Chains,
  modes: ReadonlyArray<Mode>,
  batch: Batch,
  values: Float64Array,
  random: Stream
): void => {
  const d = modes.length
  const best = new Int32Array(chains.count).fill(-1)
  for (let i = 0; i < batch.count; i++) {
    const chain = batch.owners[i]
    if (values[i] < (best[chain] < 0 ? chains.losses[chain] : values[best[chain]])) best[chain] = i
  }
  const isStride = chains.position === d
  const k = isStride ? 0 : chains.order[chains.position]
  for (let chain = 0; chain < chains.count; chain++) {
    const start = chain * d
    const at = best[chain]
    if (!isStride) {
      const moved = at < 0 ? 0 : batch.rows[at * d + k] - chains.rows[start + k]
      chains.steps[start + k] = nextStep(modes[k], chains.steps[start + k], moved)
    }
    if (at < 0) continue
    chains.rows.set(batch.rows.subarray(at * d, (at + 1) * d), start)
    chains.losses[chain] = values[at]
  }
  chains.position++
  if (isStride) {
    chains.before.set(chains.rows)
    chains.position = 0
    chains.sweeps++
    chains.order = random.permutation(d)
  } else if (chains.position === 1) chains.lossesBefore.set(chains.losses)
}

/** Whether no step of the chain is long enough to matter any more. */
export const isSettled = (chains: Chains, modes: ReadonlyArray<Mode>, chain: number): boolean => {
  const d = modes.length
  for (let j = 0; j < d; j++)
    if (modes[j].levels === 0 && chains.steps[chain * d + j] > 4 * finestStep) return false
  return true
}
