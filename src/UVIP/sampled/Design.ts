import type { Effect } from "effect"
import { type Key, stream } from "../../Random/index.ts"
import { attempt, checkCount, UvipOptionError } from "../Errors.ts"
import type { Simulator } from "../simulation/Simulator.ts"
import { scaleOf } from "../policies/StateScale.ts"

/**
 * What the values at the design points say of values elsewhere: "exact" where next states are design points themselves; "bound" where an
 * upper bound at the points gives one elsewhere; "estimate" where nothing is guaranteed.
 */
export type Guarantee = "exact" | "bound" | "estimate"

/** The states at which values are kept, and how values elsewhere follow from these: the mean of some points' values, and a margin. */
export interface Design {
  /** How many points. */
  readonly count: number
  /** [count, stateSize] */
  readonly points: Float64Array
  readonly stateSize: number
  /** Points whose mean is taken. */
  readonly neighbours: number
  readonly guarantee: Guarantee
  /**
   * For each row of `states` the points, [rows, neighbours], and the margin, [rows]. It depends on the states alone, never on values: a mean with
   * fixed weights of values that are too large in expectation is too large in expectation; the least of several noisy ones is not.
   */
  readonly locate: (
    states: Float64Array,
    rows: number,
    into: { readonly points: Int32Array; readonly margins: Float64Array }
  ) => void
}

/** How a design was made, in data that can be sent to another thread, which functions cannot. */
export type DesignOrigin =
  | { readonly kind: "table" }
  | { readonly kind: "nearest"; readonly options: NearestOptions }

// Beside the designs and not in them: `{ ...design, locate }` is another design, and must not carry the origin of the first.
const origins = new WeakMap<Design, DesignOrigin>()

/** undefined where only this thread has it. */
export const originOfDesign = (design: Design): DesignOrigin | undefined => origins.get(design)

const madeBy = (design: Design, origin: DesignOrigin): Design => {
  origins.set(design, origin)
  return design
}

/** The design that was made so, here or in another thread, for a simulator. Throws its error. */
export const designFrom = (origin: DesignOrigin, simulator: Simulator): Design =>
  origin.kind === "table" ? buildTableDesign(simulator) : buildNearestDesign(origin.options)

/** As `tableDesign`, but throws its error; for use inside of the room. */
export const buildTableDesign = ({ name, states, terminal }: Simulator): Design => {
  if (states === undefined)
    throw new UvipOptionError({
      option: "design",
      value: undefined,
      expected: `given for the simulator ${name}, whose states are not numbered, such as nearestDesign({ points, stateSize })`
    })
  const kept = Array.from({ length: states }, (_, state) => state).filter((state) => terminal?.[state] !== 1)
  const pointOf = new Int32Array(states)
  kept.forEach((state, point) => {
    pointOf[state] = point
  })
  const design: Design = {
    count: kept.length,
    points: Float64Array.from(kept),
    stateSize: 1,
    neighbours: 1,
    guarantee: "exact",
    locate: (nextStates, rows, { points }) => {
      for (let row = 0; row < rows; row++) points[row] = pointOf[nextStates[row]]
    }
  }
  return madeBy(design, { kind: "table" })
}

/** All numbered states that are not known to be terminal. Fails with `UvipOptionError` where states are not numbered. */
export const tableDesign = (source: Simulator): Effect.Effect<Design, UvipOptionError> =>
  attempt<UvipOptionError>()(() => buildTableDesign(source))

export interface NearestOptions {
  /** [points, stateSize] */
  readonly points: Float64Array
  readonly stateSize: number
  /** Each coordinate is divided by its scale before distances are taken; default 1. */
  readonly scale?: ReadonlyArray<number> | undefined
  /** Points whose mean is taken; default 1. */
  readonly neighbours?: number | undefined
  /**
   * A Lipschitz constant of V* in that distance: the margin is this times the mean distance, and the result a bound. Default: none, and
   * the result an estimate.
   */
  readonly lipschitz?: number | undefined
}

const wrongOption = (option: string, value: unknown, expected: string): UvipOptionError =>
  new UvipOptionError({ option, value, expected })

/** As `nearestDesign`, but throws its error; for use inside of the room. */
export const buildNearestDesign = (options: NearestOptions): Design => {
  const { points, stateSize, neighbours = 1, lipschitz } = options
  const count = points.length / stateSize
  checkCount("stateSize", stateSize)
  if (!(Number.isInteger(count) && count >= 1))
    throw wrongOption("points", points.length, `a positive multiple of ${stateSize} numbers`)
  if (!(Number.isInteger(neighbours) && neighbours >= 1 && neighbours <= count))
    throw wrongOption("neighbours", neighbours, `a whole number from 1 to the ${count} design points`)
  const wrong = points.findIndex((x) => !Number.isFinite(x))
  if (wrong >= 0)
    throw wrongOption(`point ${Math.floor(wrong / stateSize)} of the design`, points[wrong], "finite numbers")
  const scale = scaleOf(options.scale, stateSize)
  if (lipschitz !== undefined && !(lipschitz >= 0 && lipschitz < Infinity))
    throw wrongOption("lipschitz", lipschitz, "at least 0 and finite")
  const scaled = points.map((x, e) => x / scale[e % stateSize])
  const state = new Float64Array(stateSize)
  const nearest = new Float64Array(neighbours)
  const design: Design = {
    count,
    points,
    stateSize,
    neighbours,
    guarantee: lipschitz === undefined ? "estimate" : "bound",
    locate: (states, rows, into) => {
      for (let row = 0; row < rows; row++) {
        const found = row * neighbours
        nearest.fill(Infinity)
        for (let i = 0; i < stateSize; i++) state[i] = states[row * stateSize + i] / scale[i]
        let farthest = Infinity
        for (let point = 0, e = 0; point < count; point++, e += stateSize) {
          let square = 0
          for (let i = 0; i < stateSize; i++) {
            const d = state[i] - scaled[e + i]
            square += d * d
          }
          if (!(square < farthest)) continue
          let k = neighbours - 1
          for (; k > 0 && nearest[k - 1] > square; k--) {
            nearest[k] = nearest[k - 1]
            into.points[found + k] = into.points[found + k - 1]
          }
          nearest[k] = square
          into.points[found + k] = point
          farthest = nearest[neighbours - 1]
        }
        let distance = 0
        for (let k = 0; k < neighbours; k++) distance += Math.sqrt(nearest[k])
        into.margins[row] = lipschitz === undefined ? 0 : (lipschitz * distance) / neighbours
      }
    }
  }
  return madeBy(design, { kind: "nearest", options })
}

/**
 * Values elsewhere from the nearest design points. If |V*(y) - V*(x)| <= L |y - x|, then V*(y) <= V*(x_l) + L |y - x_l| for every l,
 * so the mean over any of them, chosen by y alone, bounds V*(y) from above where V* is bounded at the points. The recursion at the points is
 * then that of a finite problem of the points, whose rewards have the expected margins, discounted, added: V* at the points is at most what its Bellman
 * operator makes of it, hence at most its optimal values, which the limits cover. Fails with `UvipOptionError`.
 *
 * @example
 * const design = yield* nearestDesign({ points, stateSize: 4, scale: [2.4, 2, 0.2, 2], neighbours: 4 })
 */
export const nearestDesign = (options: NearestOptions): Effect.Effect<Design, UvipOptionError> =>
  attempt<UvipOptionError>()(() => buildNearestDesign(options))

/** Points uniform in a box, [count, dimensions]. */
export const uniformPoints = (
  box: ReadonlyArray<readonly [low: number, high: number]>,
  count: number,
  key: Key
): Float64Array => {
  const random = stream(key)
  return Float64Array.from({ length: count * box.length }, (_, e) => {
    const [low, high] = box[e % box.length]
    return low + (high - low) * random.uniform()
  })
}
