import type { Stream } from "../../Random/index.ts"

/**
 * One mode of the search: an interval [0, 1] (`levels` 0), or the levels 0..levels - 1, of which neighbours are alike where `isOrdered`.
 */
export interface Mode {
  readonly levels: number
  readonly isOrdered: boolean
}

/** Rows to be evaluated. */
export interface Rows {
  /** [count, d], of which there may be more than `count` */
  readonly rows: Float64Array
  readonly count: number
}

/** More levels than this in an order are searched as an interval is. */
export const fewLevels = 16

/** Whether near coordinates are expected to do alike, with enough of them between the ends for steps of several sizes. */
export const isSmooth = ({ levels, isOrdered }: Mode): boolean =>
  levels === 0 || (isOrdered && levels > fewLevels)

/** The largest coordinate; the least is 0. */
export const highest = ({ levels }: Mode): number => (levels === 0 ? 1 : levels - 1)

/** The nearest coordinate that the mode has. */
export const nearest = (mode: Mode, coordinate: number): number => {
  const high = highest(mode)
  // + 0: -0 is the same point as 0, and must have the same fingerprint.
  const inside = coordinate < 0 ? 0 : coordinate > high ? high : coordinate + 0
  return mode.levels === 0 ? inside : Math.round(inside)
}

export const randomCoordinate = ({ levels }: Mode, random: Stream): number =>
  levels === 0 ? random.uniform() : random.integer(levels)

/** `count` uniformly random rows. */
export const randomRows = (modes: ReadonlyArray<Mode>, count: number, random: Stream): Float64Array => {
  const d = modes.length
  return Float64Array.from({ length: count * d }, (_, e) => randomCoordinate(modes[e % d], random))
}

/**
 * Ascending coordinates within `radius` times the mode's length around `at`: all levels, where there are at most `count` or few, else one at
 * random in each of `count` equal parts. All have the same place within their parts, so a line has even gaps, and another one at another visit.
 */
export const stratified = (
  mode: Mode,
  at: number,
  radius: number,
  count: number,
  random: Stream
): Float64Array => {
  const { levels } = mode
  if (levels > 0 && levels <= Math.max(count, fewLevels))
    return Float64Array.from({ length: levels }, (_, i) => i)
  if (levels > 0 && !mode.isOrdered)
    return Float64Array.from({ length: count }, () => random.integer(levels)).toSorted()
  const high = highest(mode)
  const low = Math.max(0, at - radius * high)
  const width = Math.min(high, at + radius * high) - low
  const within = random.uniform()
  const result = new Float64Array(count)
  for (let i = 0; i < count; i++) result[i] = nearest(mode, low + (width * (i + within)) / count)
  return result
}

/** A random coordinate within `radius` times the mode's length around `at`; any, where near coordinates are not alike. */
export const randomNear = (mode: Mode, at: number, radius: number, random: Stream): number =>
  radius >= 1 || !isSmooth(mode)
    ? randomCoordinate(mode, random)
    : nearest(mode, at + (2 * random.uniform() - 1) * radius * highest(mode))
