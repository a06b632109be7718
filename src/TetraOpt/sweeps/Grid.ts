import type { Stream } from "../../Random/index.ts"

/**
 * One mode of the search: an interval [0, 1] (`levels` 0), or the levels 0..levels - 1, of which neighbours are alike where `isOrdered`.
 */
export interface Mode {
  readonly levels: number
  readonly isOrdered: boolean
}

/** Offsets around a coordinate: ± step, and three times a quarter of the one before. */
const localOffsets = 4
const localRatio = 1 / 4

/** A smaller step than this no longer moves a coordinate in [0, 1] by much more than rounding. */
export const finestStep = 2 ** -52

/** The step at which a mode's search begins: an eighth of its length. */
export const firstStep = (mode: Mode): number => (mode.levels === 0 ? 1 / 8 : Math.max(1, mode.levels / 8))

/** A uniformly random coordinate. */
export const randomCoordinate = (mode: Mode, random: Stream): number =>
  mode.levels === 0 ? random.uniform() : random.integer(mode.levels)

/**
 * Coordinates of a line through `at`, itself left out: `count` stratified over the whole mode, where `count` > 0 (all levels, where
 * there are no more), and those around `at` to the step. Writes to `target` and gives how many.
 */
export const lineThrough = (
  mode: Mode,
  at: number,
  step: number,
  count: number,
  random: Stream,
  target: Float64Array
): number => {
  const { levels } = mode
  if (levels > 0 && (levels <= count || levels <= 2 * localOffsets + 1 || !mode.isOrdered))
    return someLevels(levels, at, Math.max(count, 2 * localOffsets), random, target)
  let length = 0
  // Stratified with one jitter for all: no line has the same points as the one before, so no optimum is missed by lying between them.
  const jitter = count > 0 ? random.uniform() : 0
  for (let i = 0; i < count; i++) {
    const u = (i + jitter) / count
    const coordinate = levels === 0 ? u : Math.floor(u * levels)
    if (coordinate !== at) target[length++] = coordinate
  }
  // A random factor keeps the offsets of different visits off one lattice.
  let offset = step * (levels === 0 ? 0.75 + 0.5 * random.uniform() : 1)
  for (let j = 0; j < localOffsets; j++, offset *= localRatio) {
    const move = levels === 0 ? offset : Math.max(1, Math.round(offset))
    for (const coordinate of [at - move, at + move]) {
      if (coordinate < 0 || coordinate > (levels === 0 ? 1 : levels - 1)) continue
      if (levels === 0 ? coordinate !== at : !target.subarray(0, length).includes(coordinate))
        target[length++] = coordinate
    }
  }
  return length
}

const someLevels = (
  levels: number,
  at: number,
  count: number,
  random: Stream,
  target: Float64Array
): number => {
  let length = 0
  if (levels - 1 <= count) {
    for (let i = 0; i < levels; i++) if (i !== at) target[length++] = i
    return length
  }
  const start = random.integer(levels)
  for (let i = 0; i < count; i++) {
    const level = Math.floor((start + (i * levels) / count) % levels)
    if (level !== at) target[length++] = level
  }
  return length
}

/** More coordinates than a line of `count` ever has. */
export const longestLine = (count: number): number => Math.max(count, 2 * localOffsets) + 2 * localOffsets

/**
 * The next step of a mode after a move by `moved` (0: none was better): as far again as it moved, at least a quarter of the step, or,
 * where no offset was better, below the smallest of them.
 */
export const nextStep = (mode: Mode, step: number, moved: number): number => {
  const longest = firstStep(mode)
  if (moved === 0) return Math.max(mode.levels === 0 ? finestStep : 1, step * localRatio ** localOffsets * 2)
  return Math.min(longest, 2 * Math.abs(moved))
}
