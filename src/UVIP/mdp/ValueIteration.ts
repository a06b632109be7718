import { Effect } from "effect"
import { type Iteration, run } from "../../Iteration/index.ts"
import { hasTerminal, type Mdp } from "./Mdp.ts"

/** Values after some sweeps, and between what constants beside them the fixed point lies. */
export interface SweepState {
  readonly sweep: number
  /** [states] */
  readonly values: Float64Array
  /** The fixed point lies in values + [lower, upper] in every state that is not terminal. */
  readonly lower: number
  readonly upper: number
  /** Whether the interval is as narrow as was asked, or as rounding permits. */
  readonly isDone: boolean
}

export interface SweepInfo {
  readonly sweep: number
  /** Largest change of a value. */
  readonly residual: number
  /** upper - lower: the fixed point is known to within half of it. */
  readonly width: number
}

export interface SweepOptions {
  /** Width of the interval at which sweeps end, in units of the value; default 1e-9. Rounding sets a floor to it. */
  readonly tolerance?: number | undefined
  /** Default 1,000,000. */
  readonly maxSweeps?: number | undefined
}

/**
 * The state after a sweep `values -> swept` of a monotone operator T with T(v + c) = T v + discount * c. MacQueen's interval ("A
 * modified dynamic programming method for Markovian decision problems", 1966): with d = T v - v, the fixed point lies in
 * T v + discount / (1 - discount) [min d, max d]. Terminal states do not shift with c, so with such the interval must contain 0.
 */
export const afterSweep = (
  state: SweepState,
  swept: Float64Array,
  mdp: Mdp,
  clip: boolean,
  options: SweepOptions
): readonly [SweepState, SweepInfo] => {
  const { values } = state
  let [least, largest, scale] = clip ? [0, 0, 0] : [Infinity, -Infinity, 0]
  let residual = 0
  for (let x = 0; x < swept.length; x++) {
    const change = swept[x] - values[x]
    if (change < least) least = change
    if (change > largest) largest = change
    const size = Math.abs(swept[x])
    if (size > scale) scale = size
  }
  residual = Math.max(Math.abs(least), Math.abs(largest))
  const factor = mdp.discount / (1 - mdp.discount)
  const sweep = state.sweep + 1
  const [lower, upper] = [factor * least, factor * largest]
  const width = upper - lower
  const finest = 8 * Number.EPSILON * scale * (1 + factor)
  const isDone = width <= Math.max(options.tolerance ?? 1e-9, finest) || sweep >= (options.maxSweeps ?? 1e6)
  return [
    { sweep, values: swept, lower, upper, isDone },
    { sweep, residual, width }
  ]
}

/** values + shift, 0 in terminal states. */
export const shifted = (mdp: Mdp, values: Float64Array, shift: number): Float64Array =>
  values.map((value, x) => (mdp.terminal[x] === 1 ? 0 : value + shift))

/** One sweep of Bellman's optimality operator; values: [states]. */
export const bellmanSweep = (mdp: Mdp, values: Float64Array): Float64Array => {
  const { states, actions, offsets, successors, probabilities, rewards, discount, terminal } = mdp
  const swept = new Float64Array(states)
  let pair = 0
  let e = 0
  for (let x = 0; x < states; x++) {
    let best = -Infinity
    for (let a = 0; a < actions; a++, pair++) {
      let mean = 0
      for (const end = offsets[pair + 1]; e < end; e++) mean += probabilities[e] * values[successors[e]]
      const q = rewards[pair] + discount * mean
      if (q > best) best = q
    }
    swept[x] = terminal[x] === 1 ? 0 : best
  }
  return swept
}

/** The state before the first sweep. */
export const beforeSweeps = (values: Float64Array): SweepState => ({
  sweep: 0,
  values,
  lower: -Infinity,
  upper: Infinity,
  isDone: false
})

/** Value iteration from `start` (default 0), one sweep a step. */
export const valueIteration = (
  mdp: Mdp,
  options: SweepOptions = {},
  start: Float64Array = new Float64Array(mdp.states)
): Iteration<SweepState, SweepInfo> => {
  const clip = hasTerminal(mdp)
  return {
    init: Effect.sync(() => beforeSweeps(shifted(mdp, start, 0))),
    step: (state) =>
      Effect.sync(() => afterSweep(state, bellmanSweep(mdp, state.values), mdp, clip, options)),
    isDone: ({ isDone }) => isDone
  }
}

/** V* and the interval that it is known to lie in. */
export interface ExactValue {
  /** [states]: the middle of the interval. */
  readonly values: Float64Array
  readonly lower: Float64Array
  readonly upper: Float64Array
  readonly sweeps: number
}

export const intervalOf = (mdp: Mdp, state: SweepState): ExactValue => ({
  values: shifted(mdp, state.values, (state.lower + state.upper) / 2),
  lower: shifted(mdp, state.values, state.lower),
  upper: shifted(mdp, state.values, state.upper),
  sweeps: state.sweep
})

/**
 * V* of a known MDP by value iteration with MacQueen's interval, at most `tolerance` wide: where the model is known and only V* is
 * wanted, this is the method to use.
 *
 * @example
 * const { values, lower, upper } = yield* exactValue(mdp, { tolerance: 1e-12 })
 */
export const exactValue = Effect.fn("UVIP.exactValue")(function* (mdp: Mdp, options: SweepOptions = {}) {
  const state = yield* run(valueIteration(mdp, options))
  return intervalOf(mdp, state)
})
