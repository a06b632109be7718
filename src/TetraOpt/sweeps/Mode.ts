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
const fewLevels = 16

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
 * Ascending coordinates over the whole mode: all levels, where there are at most `count` or few, else one at random in each of `count` equal
 * parts. All have the same place within their parts, so a line has even gaps, and another one at another visit.
 */
export const stratified = (mode: Mode, count: number, random: Stream): Float64Array => {
  const { levels } = mode
  if (levels > 0 && levels <= Math.max(count, fewLevels)) return Float64Array.from({ length: levels }, (_, i) => i)
  if (levels > 0 && !mode.isOrdered)
    return Float64Array.from({ length: count }, () => random.integer(levels)).toSorted()
  const within = random.uniform()
  return Float64Array.from({ length: count }, (_, i) => {
    const u = (i + within) / count
    return levels === 0 ? u : Math.floor(u * levels)
  })
}
