import type { Stream } from "../../Random/index.ts"
import type { Dimension } from "../Dimension.ts"
import type { SearchRows } from "../Space.ts"

const isEven = ({ levels, position }: Dimension): boolean => {
  const middle = Math.floor(levels / 2)
  return levels < 3 || Math.abs(position(middle) - middle / (levels - 1)) < 1e-9
}

/** The coordinate whose position is nearest to a place on the scale, 0 <= place <= 1. */
export const coordinateNearest = (dimension: Dimension, place: number): number => {
  const { levels, position } = dimension
  if (levels === 0) return place
  if (isEven(dimension)) return Math.round(place * (levels - 1))
  let [low, high] = [0, levels - 1]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (position(middle) <= place) low = middle
    else high = middle
  }
  return place - position(low) <= position(high) - place ? low : high
}

/** The coordinate at a share u of a dimension's scale, 0 <= u < 1: equal shares for levels that lie evenly, else the level nearest to u. */
export const coordinateAt = (dimension: Dimension, u: number): number =>
  dimension.levels > 0 && isEven(dimension)
    ? Math.floor(u * dimension.levels)
    : coordinateNearest(dimension, u)

/** A canonical row, each coordinate that exists uniform on its scale. */
export const uniformRow = (space: SearchRows, random: Stream): Float64Array =>
  space.canonical(
    Float64Array.from(space.dimensions, (dimension) => coordinateAt(dimension, random.uniform())),
    random
  )

/**
 * `count` canonical rows that, in each coordinate, fall into different ones of `count` equal shares of its scale (McKay et al., 1979).
 */
export const latinHypercube = (
  space: SearchRows,
  count: number,
  random: Stream
): ReadonlyArray<Float64Array> => {
  const orders = space.dimensions.map(() => random.permutation(count))
  return Array.from({ length: count }, (_, i) =>
    space.canonical(
      Float64Array.from(space.dimensions, (dimension, k) =>
        coordinateAt(dimension, (orders[k][i] + random.uniform()) / count)
      ),
      random
    )
  )
}
