import { highest, type Mode, nearest } from "./Mode.ts"

/** What is known along one coordinate, ascending. */
export interface Line {
  length: number
  readonly coordinates: Float64Array
  readonly losses: Float64Array
}

export interface LineMinimum {
  readonly coordinate: number
  readonly loss: number
}

export const emptyLine = (capacity: number): Line => ({
  length: 0,
  coordinates: new Float64Array(capacity),
  losses: new Float64Array(capacity)
})

export const insert = (line: Line, coordinate: number, loss: number): void => {
  const { coordinates, losses } = line
  let i = line.length++
  for (; i > 0 && coordinates[i - 1] > coordinate; i--) {
    coordinates[i] = coordinates[i - 1]
    losses[i] = losses[i - 1]
  }
  coordinates[i] = coordinate
  losses[i] = loss
}

/** Positions on the line of the local minima with the least losses, best first. */
export const bestMinima = ({ losses, length }: Line, count: number): Array<number> => {
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

/**
 * Coordinates for a closer look at the line's best local minima: between the neighbours of each, where the parabola through all three is least,
 * and halfway to both. Writes to `target` from `start` on, at most `mostCloser` a minimum, and gives where it ended.
 */
export const closerPoints = (
  line: Line,
  mode: Mode,
  minima: number,
  target: Float64Array,
  start: number
): number => {
  const { coordinates, losses, length } = line
  let end = start
  for (const i of bestMinima(line, minima)) {
    const b = coordinates[i]
    const isFirst = i === 0
    const isLast = i === length - 1
    const a = isFirst ? 0 : coordinates[i - 1]
    const c = isLast ? highest(mode) : coordinates[i + 1]
    const apart = mode.levels === 0 ? 1e-3 * (c - a) : 0.5
    const first = end
    const add = (value: number): void => {
      const coordinate = nearest(mode, value)
      if (Math.abs(coordinate - b) <= apart) return
      // The ends of the mode are points to try; known neighbours are not.
      if (!(isFirst ? coordinate >= a : coordinate - a > apart)) return
      if (!(isLast ? coordinate <= c : c - coordinate > apart)) return
      for (let j = first; j < end; j++) if (Math.abs(target[j] - coordinate) <= apart) return
      target[end++] = coordinate
    }
    if (!isFirst && !isLast) add(parabolaLeast(a, losses[i - 1], b, losses[i], c, losses[i + 1]))
    add((a + b) / 2)
    add((b + c) / 2)
    if (isFirst) add(a)
    if (isLast) add(c)
  }
  return end
}

export const mostCloser = 4

// NaN where the three are on a straight line or a value is infinite: comparisons then leave it out.
const parabolaLeast = (a: number, fa: number, b: number, fb: number, c: number, fc: number): number => {
  const [left, right] = [(b - a) * (fb - fc), (b - c) * (fb - fa)]
  return b - (0.5 * ((b - a) * left - (b - c) * right)) / (left - right)
}
