import { Effect } from "effect"
import { fold, type Key } from "../../Random/index.ts"
import type { ActingPolicy } from "../policies/ActingPolicy.ts"
import { attempt, checkCount, type SimulatorError, UvipOptionError } from "../Errors.ts"
import { timeSlice } from "../../Iteration/TimeSlice.ts"
import {
  allocateTransitions,
  checkSimulator,
  drawTransitions,
  firstRows,
  type Simulator
} from "./Simulator.ts"
import { studentQuantile } from "../../Distributions/index.ts"

export interface RolloutOptions {
  /** [points, stateSize]: where episodes begin. */
  readonly points: Float64Array
  /** From each point, at least 2; default 400. */
  readonly episodes?: number | undefined
  /** Steps after which an episode is cut off; default: until what may follow is below 1e-4 of the range of values. */
  readonly horizon?: number | undefined
  /** Of each limit by itself, in (0.5, 1); default 0.95. */
  readonly confidence?: number | undefined
  readonly key: Key
}

/** A policy's value at some points, by episodes. */
export interface RolloutValues {
  /** [points]: mean returns up to the horizon. */
  readonly mean: Float64Array
  /** [points]: one-sided limits of V^pi; what lies behind the horizon is taken at its worst and at its best. */
  readonly lower: Float64Array
  readonly upper: Float64Array
  readonly simulatorCalls: number
}

/** Rows that go in step, about. */
const batchRows = 16_384

/** Steps until discount^steps <= share. */
export const horizonFor = (discount: number, share: number): number =>
  discount <= share ? 1 : Math.ceil(Math.log(share) / Math.log(discount))

/** One-sided limits of an expectation from independent values. */
interface MeanLimits {
  readonly mean: number
  readonly lower: number
  readonly upper: number
}

/**
 * Student's limits after Hall's transformation ("On the removal of skewness by transformation", 1992): with n values of skewness g,
 * T + g T^2 / (3 sqrt n) + g^2 T^3 / (27 n) + g / (6 sqrt n) is nearer to normal than T = sqrt(n) (mean - mu) / s. Returns are often
 * skewed: most episodes fail, or most succeed.
 */
const meanLimits = (values: Float64Array, confidence: number): MeanLimits => {
  const n = values.length
  const mean = values.reduce((a, b) => a + b, 0) / n
  let [second, third] = [0, 0]
  for (const value of values) {
    second += (value - mean) ** 2
    third += (value - mean) ** 3
  }
  if (second === 0) return { mean, lower: mean, upper: mean }
  const skewness = third / n / (second / n) ** 1.5 / Math.sqrt(n)
  const quantile = studentQuantile(confidence, n - 1)
  const inverse = (y: number) =>
    Math.abs(skewness) < 1e-8 ? y : (3 / skewness) * (Math.cbrt(1 + skewness * (y - skewness / 6)) - 1)
  const error = Math.sqrt(second / (n - 1) / n)
  return { mean, lower: mean - error * inverse(quantile), upper: mean - error * inverse(-quantile) }
}

/**
 * V^pi at the given points by independent episodes, with one-sided limits that are good as far as mean returns are normal after a correction for
 * skewness, and clipped to what rewards permit. What happens so seldom that no episode shows it is in neither: of a failure in one of n episodes, ask for
 * several n of them. Fails with `SimulatorError`, which names the state and the action, and with `UvipOptionError`.
 *
 * @example
 * const { lower } = yield* rollouts(simulator, acting(policy), { points: Float64Array.of(0), key: key(1) })
 */
export const rollouts = Effect.fn("UVIP.rollouts")(function* (
  simulator: Simulator,
  policy: ActingPolicy,
  options: RolloutOptions
): Effect.fn.Return<RolloutValues, SimulatorError | UvipOptionError> {
  const { discount, stateSize, valueBounds } = simulator
  const { points, episodes = 400, confidence = 0.95, key } = options
  const { horizon = horizonFor(discount, 1e-4) } = options
  yield* attempt<UvipOptionError>()(() => {
    checkSimulator(simulator)
    if (points.length % stateSize !== 0 || !points.every(Number.isFinite))
      throw new UvipOptionError({
        option: "points",
        value: `${points.length} numbers`,
        expected: `finite numbers, ${stateSize} a state`
      })
    checkCount("episodes", episodes, 2)
    checkCount("horizon", horizon)
    if (!(confidence > 0.5 && confidence < 1))
      throw new UvipOptionError({
        option: "confidence",
        value: confidence,
        expected: "above 0.5 and below 1"
      })
  })
  const count = points.length / stateSize
  const mean = new Float64Array(count)
  const lower = new Float64Array(count)
  const upper = new Float64Array(count)
  const behind = discount ** horizon
  const [least, largest] = valueBounds
  const together = Math.max(1, Math.floor(batchRows / episodes))
  let simulatorCalls = 0
  for (let first = 0; first < count; first += together) {
    const last = Math.min(first + together, count)
    const { returns, calls } = yield* returnsFrom(simulator, policy, {
      starts: points.subarray(first * stateSize, last * stateSize),
      episodes,
      horizon,
      key: fold(key, first)
    })
    simulatorCalls += calls
    for (let point = first; point < last; point++) {
      const own = returns.subarray((point - first) * episodes, (point - first + 1) * episodes)
      const limits = meanLimits(own, confidence)
      if (contradicts(limits.mean, own, valueBounds))
        return yield* new UvipOptionError({
          option: `valueBounds of the simulator ${simulator.name}`,
          value: `[${valueBounds.join(", ")}]`,
          expected: `wide enough for the values there are: ${episodes} episodes from state ${stateText(points, point, stateSize)} return ${limits.mean} on average`
        })
      mean[point] = limits.mean
      lower[point] = Math.max(least, limits.lower + behind * Math.min(least, 0))
      upper[point] = Math.min(largest, limits.upper + behind * Math.max(largest, 0))
    }
  }
  return { mean, lower, upper, simulatorCalls }
})

const stateText = (points: Float64Array, point: number, stateSize: number): string =>
  stateSize === 1
    ? String(points[point])
    : `[${points.subarray(point * stateSize, (point + 1) * stateSize).join(", ")}]`

// Whether bounds on values are plainly wrong: limits clipped to them would be false ones. By a tenth of their width, and six standard
// errors, so that chance does not bring it about.
const contradicts = (
  mean: number,
  returns: Float64Array,
  [least, largest]: readonly [number, number]
): boolean => {
  if (returns.length < 100) return false
  const squares = returns.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  const error = 6 * Math.sqrt(squares / returns.length / (returns.length - 1))
  const slack = 0.1 * (largest - least) + 1e-9 * Math.abs(mean)
  return mean - error > Math.max(largest, 0) + slack || mean + error < Math.min(least, 0) - slack
}

/** Episodes that go in step, the ended ones taken out. */
export interface OpenEpisodes {
  /** [episodes]: discounted, up to the steps that were made. */
  readonly returns: Float64Array
  /** Makes one more step of all that are open; how many were. Throws `SimulatorError`. */
  readonly advance: () => number
}

/** One episode from each state; starts: [episodes, stateSize]. */
export const openEpisodes = (
  simulator: Simulator,
  policy: ActingPolicy,
  starts: Float64Array,
  key: Key
): OpenEpisodes => {
  const { stateSize, discount } = simulator
  const total = starts.length / stateSize
  const returns = new Float64Array(total)
  const states = starts.slice()
  const episode = Int32Array.from({ length: total }, (_, row) => row)
  const actions = new Int32Array(total)
  const answers = allocateTransitions(total, stateSize)
  let [rows, step, weight] = [total, 0, 1]
  const advance = () => {
    const into = firstRows(answers, rows, stateSize)
    const stepKey = fold(key, step)
    policy.act(states, rows, fold(stepKey, "policy"), actions)
    drawTransitions(
      simulator,
      states.subarray(0, rows * stateSize),
      actions.subarray(0, rows),
      fold(stepKey, "simulator"),
      into
    )
    let kept = 0
    for (let row = 0; row < rows; row++) {
      returns[episode[row]] += weight * into.rewards[row]
      if (into.terminated[row] === 1) continue
      episode[kept] = episode[row]
      for (let i = 0; i < stateSize; i++) states[kept * stateSize + i] = into.nextStates[row * stateSize + i]
      kept++
    }
    const made = rows
    rows = kept
    step++
    weight *= discount
    return made
  }
  return { returns, advance: () => (rows === 0 ? 0 : advance()) }
}

/** Episodes from each start, cut off at the horizon; returns: [starts, episodes]. */
export const returnsFrom = Effect.fnUntraced(function* (
  simulator: Simulator,
  policy: ActingPolicy,
  {
    starts,
    episodes,
    horizon,
    key
  }: {
    readonly starts: Float64Array
    readonly episodes: number
    readonly horizon: number
    readonly key: Key
  }
) {
  const { stateSize } = simulator
  const all = new Float64Array(starts.length * episodes)
  for (let row = 0; row < all.length / stateSize; row++) {
    const start = Math.floor(row / episodes) * stateSize
    for (let i = 0; i < stateSize; i++) all[row * stateSize + i] = starts[start + i]
  }
  const { returns, advance } = openEpisodes(simulator, policy, all, key)
  const pause = timeSlice()
  let calls = 0
  for (let step = 0; step < horizon; step++) {
    const made = yield* attempt<SimulatorError>()(advance)
    if (made === 0) break
    calls += made
    yield* pause
  }
  return { returns, calls }
})
