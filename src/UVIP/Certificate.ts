import { Effect } from "effect"
import { fold } from "../Random/index.ts"
import type { ActingPolicy } from "./policies/ActingPolicy.ts"
import type { Design, Guarantee } from "./sampled/Design.ts"
import { attempt, type MdpError, type PolicyError, type UvipOptionError } from "./Errors.ts"
import { improvementOver } from "./sampled/Improvement.ts"
import { type Mdp, valueBounds } from "./mdp/Mdp.ts"
import type { TabularPolicy } from "./mdp/Policy.ts"
import { policyValue } from "./mdp/PolicyValue.ts"
import { horizonFor } from "./simulation/Rollouts.ts"
import { designFor, planAbove, type SampledOptions, sampledUpper } from "./SampledUpper.ts"
import { checkSimulator, type Simulator } from "./simulation/Simulator.ts"
import { upperValue, type UpperOptions } from "./mdp/UpperValue.ts"
import type { Crew, CrewError } from "./workers/Crew.ts"

/** How far a policy is from optimal, state by state: V^pi and V* both lie in [lower, upper]. */
export interface Certificate {
  readonly stateSize: number
  /** [points, stateSize]; of numbered states their numbers. */
  readonly points: Float64Array
  /** [points]: V^pi, exact or the mean of its episodes. */
  readonly value: Float64Array
  /** [points]: not above V^pi. */
  readonly lower: Float64Array
  /** [points]: not below V*. */
  readonly upper: Float64Array
  /** [points]: upper - lower, at least V* - V^pi. */
  readonly gap: Float64Array
  /** Holds with `confidence` where the limits do so at all points at once; else it is the largest of gaps that hold each by itself. */
  readonly maxGap: number
  /** With which probability [lower, upper] holds, at each point or at all at once, as was asked for; 1: proved. */
  readonly confidence: number
  readonly guarantee: Guarantee
  readonly simulatorCalls: number
}

const withGap = (parts: Omit<Certificate, "gap" | "maxGap">): Certificate => {
  const gap = parts.upper.map((upper, x) => upper - parts.lower[x])
  return { ...parts, gap, maxGap: gap.reduce((a, b) => Math.max(a, b), 0) }
}

/**
 * The certificate of a policy in a known MDP: V^pi, which is the control variate too, and V^up, or what rewards permit
 * where that is less. Fails with `PolicyError`, `MdpError` and
 * `UvipOptionError`.
 */
export const certifyExactly = Effect.fnUntraced(function* (
  mdp: Mdp,
  policy: TabularPolicy,
  options: UpperOptions = {}
): Effect.fn.Return<Certificate, MdpError | PolicyError | UvipOptionError> {
  const value = yield* policyValue(mdp, policy)
  const { upper } = yield* upperValue(mdp, value, options)
  const [, ceiling] = valueBounds(mdp)
  return withGap({
    stateSize: 1,
    points: Float64Array.from(value, (_, state) => state),
    value,
    lower: value,
    // Rounding may put the two the wrong way round where the policy is optimal.
    upper: upper.map((limit, x) => Math.max(Math.min(limit, ceiling), value[x])),
    confidence: 1,
    guarantee: "exact",
    simulatorCalls: 0
  })
})

export interface CertifyOptions extends SampledOptions {
  /** Episodes from each point for the lower limit; default 400. */
  readonly episodes?: number | undefined
  readonly horizon?: number | undefined
  /**
   * A policy, the better the better, above whose value the upper limit is built (`improvementOver`), from the mean return up to the horizon:
   * the way to go in continuous states. Each draw for the pilot and the reference means then costs two episodes, so `draws`, default 200, counts
   * these; sweeps need none. A Lipschitz constant of the design is then one of V* - V.
   */
  readonly baseline?: ActingPolicy | undefined
}

/**
 * The certificate of a policy from a simulator: an upper confidence limit of V* and a lower one of V^pi by episodes, each with half of the error
 * probability. Methods other than `piloted` take the episodes' means as control variate. Fails with `SimulatorError`,
 * `UvipOptionError` and, where threads were asked for, `WorkerThreadError`.
 */
export const certifyBySampling = Effect.fnUntraced(function* (
  crew: Crew,
  simulator: Simulator,
  policy: ActingPolicy,
  options: CertifyOptions
): Effect.fn.Return<Certificate, CrewError> {
  const { confidence = 0.95, simultaneous = false, episodes, horizon, baseline, key } = options
  const design = yield* attempt<UvipOptionError>()(() => {
    checkSimulator(simulator)
    return designFor(simulator, options.design)
  })
  const each = 1 - (1 - confidence) / 2
  const limits = (probability: number) => (simultaneous ? 1 - (1 - probability) / design.count : probability)
  const below = crew.rollouts(simulator, policy, {
    points: design.points,
    episodes,
    horizon,
    confidence: limits(each),
    key: fold(key, "rollouts")
  })
  const shared = { ...options, design, confidence: each, key: fold(key, "upper") }
  // The episodes of both ends do not depend on each other; a control variate that is made of the first ones has to wait for them.
  const [{ mean, lower, simulatorCalls }, upper] =
    baseline === undefined
      ? yield* Effect.flatMap(below, (values) =>
          Effect.map(
            sampledUpper(crew, simulator, { reference: values.mean, ...shared }),
            (limit) => [values, limit] as const
          )
        )
      : yield* Effect.all([below, upperAbove(crew, simulator, baseline, shared, limits)], {
          concurrency: crew.threads
        })
  return withGap({
    stateSize: simulator.stateSize,
    points: design.points,
    value: mean,
    lower,
    // A limit of V* below one of V^pi says no more than that V^pi is optimal.
    upper: upper.limit.map((limit, x) => Math.max(limit, lower[x])),
    confidence,
    guarantee: upper.guarantee,
    simulatorCalls: upper.simulatorCalls + simulatorCalls
  })
})

// V* = V + (V* - V): both limits with half of the error probability that is left.
const upperAbove = Effect.fnUntraced(function* (
  crew: Crew,
  simulator: Simulator,
  baseline: ActingPolicy,
  options: CertifyOptions & { readonly design: Design; readonly confidence: number },
  limits: (probability: number) => number
) {
  const { design, draws = 200, episodes, confidence, key } = options
  const { horizon = horizonFor(simulator.discount, 1e-3) } = options
  const [, largest] = simulator.valueBounds
  const half = 1 - (1 - confidence) / 2
  const [below, above] = yield* Effect.all(
    [
      crew.rollouts(simulator, baseline, {
        points: design.points,
        episodes,
        horizon,
        confidence: limits(half),
        key: fold(key, "baseline")
      }),
      sampledUpper(crew, improvementOver(simulator, baseline, horizon), {
        ...options,
        plan: { ...planAbove(draws, simulator.discount), ...options.plan },
        reference: undefined,
        confidence: half
      })
    ],
    { concurrency: crew.threads }
  )
  return {
    limit: above.limit.map((gain, x) => Math.min(below.upper[x] + gain, largest)),
    guarantee: above.guarantee,
    simulatorCalls: below.simulatorCalls + above.simulatorCalls
  }
})
