import { Effect } from "effect"
import { MdpError, UvipOptionError } from "../Errors.ts"
import { type Iteration, run } from "../../Iteration/index.ts"
import type { Mdp } from "./Mdp.ts"
import { type Coupling, type UpperProblem, upperProblem, upperSweep } from "./UpperOperator.ts"
import {
  afterSweep,
  beforeSweeps,
  type ExactValue,
  intervalOf,
  shifted,
  type SweepInfo,
  type SweepOptions,
  type SweepState
} from "./ValueIteration.ts"

export interface UpperOptions extends SweepOptions {
  /** Default "comonotone", the tightest. */
  readonly coupling?: Coupling | undefined
}

/**
 * Where iteration of U begins: U f + discount / (1 - discount) d with d = max (U f - f), or 0 if larger and there are terminal states. U makes it
 * no larger, and every sweep only lowers it further: whenever it is stopped, the values are at least V^up and V*.
 */
export const upperStart = (problem: UpperProblem): SweepState => {
  const { mdp, reference } = problem
  const { discount, terminal } = mdp
  const values = upperSweep(problem, reference)
  let largest = problem.hasTerminal ? 0 : -Infinity
  values.forEach((value, x) => {
    if (terminal[x] === 0) largest = Math.max(largest, value - reference[x])
  })
  return { ...beforeSweeps(shifted(mdp, values, (discount / (1 - discount)) * largest)), upper: 0 }
}

/** Iteration of the upper operator from above, one sweep a step. */
export const upperIteration = (
  problem: UpperProblem,
  options: SweepOptions = {}
): Iteration<SweepState, SweepInfo> => ({
  init: Effect.sync(() => upperStart(problem)),
  step: (state) => Effect.sync(() => upperStep(problem, state, options)),
  isDone: ({ isDone }) => isDone
})

/** One sweep, with MacQueen's interval for V^up. */
export const upperStep = (
  problem: UpperProblem,
  state: SweepState,
  options: SweepOptions = {}
): readonly [SweepState, SweepInfo] =>
  afterSweep(state, upperSweep(problem, state.values), problem.mdp, problem.hasTerminal, options)

/**
 * V^up of a known MDP with the control variate f = `reference` (a policy's value, or any guess at V*): an upper bound of V* in every
 * state, the closer to it the closer f is; far from it, it may lie above even what rewards permit. Where V* itself is wanted `exactValue` is the better method.
 *
 * Fails with `MdpError` for a reference of another size or that is not finite, with `UvipOptionError` for a negative tolerance.
 *
 * @example
 * const { upper } = yield* upperValue(mdp, yield* policyValue(mdp, policy))
 */
export const upperValue = Effect.fn("UVIP.upperValue")(function* (
  mdp: Mdp,
  reference: Float64Array,
  options: UpperOptions = {}
): Effect.fn.Return<ExactValue, MdpError | UvipOptionError> {
  const { coupling = "comonotone", tolerance = 1e-9 } = options
  if (!(tolerance >= 0))
    return yield* new UvipOptionError({ option: "tolerance", value: tolerance, expected: "at least 0" })
  yield* checkReference(mdp, reference)
  const state = yield* run(upperIteration(upperProblem(mdp, reference, coupling), options))
  return intervalOf(mdp, state)
})

export const checkReference = (
  { states }: Pick<Mdp, "states">,
  reference: Float64Array
): Effect.Effect<void, MdpError> => {
  if (reference.length !== states)
    return Effect.fail(
      new MdpError({ reason: `the reference has ${reference.length} values for ${states} states` })
    )
  const state = reference.findIndex((value) => !Number.isFinite(value))
  return state < 0
    ? Effect.void
    : Effect.fail(new MdpError({ state, reason: `its reference value is ${reference[state]}` }))
}
