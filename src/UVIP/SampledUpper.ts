import { Effect } from "effect"
import { fold, type Key } from "../Random/index.ts"
import { allocateDraws } from "./sampled/Allocation.ts"
import { buildTableDesign, type Design, type Guarantee } from "./sampled/Design.ts"
import { type Noise, sampler, type Sampler } from "./sampled/Draws.ts"
import { attempt, checkCount, UvipOptionError } from "./Errors.ts"
import type { Estimator } from "./sampled/Estimator.ts"
import { type Iteration, run } from "../Iteration/index.ts"
import { checkSimulator, type Simulator } from "./simulation/Simulator.ts"
import { studentQuantile } from "../Distributions/index.ts"
import { exactValue } from "./mdp/ValueIteration.ts"
import type { Crew, CrewError } from "./workers/Crew.ts"

/**
 * How simulator calls are turned into an upper limit: an estimator on a given control variate, with even counts of draws, or `piloted`,
 * which is `max-of-means` after a pilot has made the control variate and said where draws are needed.
 */
export type Method = Estimator | "piloted"

/** Draws of each pair, on average, by what they are for. */
export interface SamplingPlan {
  /** Once, for the pilot; 0 without one. */
  readonly pilotDraws: number
  /** In each replication, for the reference means. */
  readonly referenceDraws: number
  /** In each sweep. */
  readonly sweepDraws: number
  readonly sweeps: number
  /** Independent runs, at least 2, from whose scatter the limit is made. */
  readonly replications: number
}

export interface SampledOptions {
  /** Default `piloted`. */
  readonly method?: Method | undefined
  /** Simulator calls a pair, from which a plan is made; default 10,000. */
  readonly draws?: number | undefined
  /** The plan, or what of it is not to be as `draws` would have it. */
  readonly plan?: Partial<SamplingPlan> | undefined
  /** Where values are kept; default all numbered states. */
  readonly design?: Design | undefined
  /** f at the design points, for all methods but `piloted`; it must not depend on the draws of `key`. Default 0. */
  readonly reference?: Float64Array | undefined
  /** Whether the actions' draws share their noise; default "shared". */
  readonly noise?: Noise | undefined
  /** With which probability the limit is to hold, at each point; in (0.5, 1). Default 0.95. */
  readonly confidence?: number | undefined
  /** Whether it is to hold at all points at once with that probability (by Bonferroni's inequality); default false. */
  readonly simultaneous?: boolean | undefined
  /**
   * Worker threads that replications are shared out to; default 1: none. The results are the same, bit for bit. The simulator must be one of
   * the library's or of a `moduleSimulator`.
   */
  readonly threads?: number | undefined
  readonly key: Key
}

/** An upper limit for V*, point by point. */
export interface UpperLimit {
  /** [points]: the mean over replications; its expectation is at least V*. */
  readonly mean: Float64Array
  /** [points]: not below V* with the confidence asked for; never above what rewards permit. */
  readonly limit: Float64Array
  readonly replications: number
  readonly simulatorCalls: number
  /** What the design makes of the limit: with "estimate" the confidence is not guaranteed. */
  readonly guarantee: Guarantee
}

export interface SampledState {
  readonly reference: Float64Array
  readonly referenceDraws: Int32Array
  /** What each replication ended with: [points] each. */
  readonly runs: ReadonlyArray<Float64Array>
  readonly simulatorCalls: number
}

/** After a replication; `limit` is undefined after the first. */
export interface SampledInfo {
  readonly replication: number
  readonly mean: Float64Array
  readonly limit: Float64Array | undefined
  readonly simulatorCalls: number
}

// Sweeps after which one percent of the start's distance is left.
const sweepsFor = (discount: number): number =>
  discount < 0.02 ? 1 : Math.max(1, Math.ceil(Math.log(0.01) / Math.log(discount)))

/**
 * How a number of draws is spent: by `piloted` 15 % on the pilot and a fifth on sweeps, the rest on reference means, in 10 replications; by
 * the others in 20 replications with as many reference draws as draws in a sweep (arXiv 2105.02135).
 */
export const planFor = (method: Method, draws: number, discount: number): SamplingPlan => {
  const wanted = sweepsFor(discount)
  if (method === "piloted") {
    const replications = 10
    const pilotDraws = Math.max(2, Math.round(0.15 * draws))
    const sweeping = (0.2 * draws) / replications
    const sweeps = Math.max(1, Math.min(wanted, Math.floor(sweeping)))
    const sweepDraws = Math.max(1, Math.floor(sweeping / sweeps))
    const left = Math.floor((draws - pilotDraws) / replications) - sweeps * sweepDraws
    return { pilotDraws, referenceDraws: Math.max(2, left), sweepDraws, sweeps, replications }
  }
  const replications = 20
  const sweeps = Math.max(1, Math.min(wanted, Math.floor(draws / replications) - 1))
  const each = Math.max(1, Math.floor(draws / (replications * (sweeps + 1))))
  return { pilotDraws: 0, referenceDraws: each, sweepDraws: each, sweeps, replications }
}

/** The plan where it is only rewards that cost: as many sweeps as are needed, of few draws. */
export const planAbove = (draws: number, discount: number): SamplingPlan => {
  const replications = 10
  const pilotDraws = Math.max(2, Math.round(0.3 * draws))
  const referenceDraws = Math.max(2, Math.floor((draws - pilotDraws) / replications))
  return { pilotDraws, referenceDraws, sweepDraws: 4, sweeps: sweepsFor(discount), replications }
}

interface Prepared {
  readonly sampler: Sampler
  readonly method: Method
  readonly plan: SamplingPlan
  readonly reference: Float64Array
  readonly noise: Noise
  /** Of the one-sided limit at a point. */
  readonly probability: number
  readonly key: Key
}

const methods: ReadonlySet<string> = new Set<Method>(["paper", "sorted", "max-of-means", "piloted"])

/** The design that was given, or all numbered states; throws a `UvipOptionError` where it is for other states. */
export const designFor = (simulator: Simulator, given: Design | undefined): Design => {
  const design = given ?? buildTableDesign(simulator)
  if (design.stateSize !== simulator.stateSize)
    throw new UvipOptionError({
      option: "design",
      value: `for ${design.stateSize}`,
      expected: `for states of ${simulator.stateSize} numbers, as ${simulator.name} has them`
    })
  return design
}

const prepare = (simulator: Simulator, options: SampledOptions): Prepared => {
  const { method = "piloted", draws = 10_000, noise = "shared", confidence = 0.95, key } = options
  checkSimulator(simulator)
  checkCount("draws", draws)
  const design = designFor(simulator, options.design)
  if (!methods.has(method))
    throw new UvipOptionError({ option: "method", value: method, expected: [...methods].join(", ") })
  const plan = { ...planFor(method, draws, simulator.discount), ...options.plan }
  checkCount("plan.pilotDraws", plan.pilotDraws, method === "piloted" ? 1 : 0)
  for (const name of ["referenceDraws", "sweepDraws", "sweeps"] as const)
    checkCount(`plan.${name}`, plan[name])
  checkCount("plan.replications", plan.replications, 2)
  if (!(confidence > 0.5 && confidence < 1))
    throw new UvipOptionError({
      option: "confidence",
      value: confidence,
      expected: "above 0.5 and below 1"
    })
  const reference = options.reference ?? new Float64Array(design.count)
  if (reference.length !== design.count || !reference.every(Number.isFinite))
    throw new UvipOptionError({
      option: "reference",
      value: `${reference.length} values`,
      expected: `${design.count} finite values, one a design point`
    })
  const probability = options.simultaneous === true ? 1 - (1 - confidence) / design.count : confidence
  return { sampler: sampler(simulator, design), method, plan, reference, noise, probability, key }
}

const begin = Effect.fnUntraced(function* <E>(problem: Prepared, crew: Crew<E>) {
  const { method, plan, noise } = problem
  const { simulator, design } = problem.sampler
  const even = () => new Int32Array(design.count * simulator.actions).fill(plan.referenceDraws)
  if (method !== "piloted") {
    const state: SampledState = {
      reference: problem.reference,
      referenceDraws: even(),
      runs: [],
      simulatorCalls: 0
    }
    return state
  }
  const pilot = yield* crew.pilot(problem.sampler, plan.pilotDraws, noise, fold(problem.key, "pilot"))
  const { values } = yield* exactValue(pilot.mdp, { tolerance: 1e-6 * spread(pilot.mdp.rewards) })
  const state: SampledState = {
    reference: values.slice(0, design.count),
    referenceDraws: allocateDraws(pilot, values, plan.referenceDraws),
    runs: [],
    simulatorCalls: pilot.simulatorCalls
  }
  return state
})

const spread = (values: Float64Array): number =>
  values.reduce((a, b) => Math.max(a, b)) - values.reduce((a, b) => Math.min(a, b))

// Clipped only here: clipping inside of the recursion would take the upward bias away that makes the limit one.
const limitOf = (
  runs: ReadonlyArray<Float64Array>,
  { sampler, probability }: Prepared
): { readonly mean: Float64Array; readonly limit: Float64Array | undefined } => {
  const count = runs.length
  const mean = runs[0].map((_, x) => runs.reduce((sum, values) => sum + values[x], 0) / count)
  if (count < 2) return { mean, limit: undefined }
  const factor = studentQuantile(probability, count - 1) / Math.sqrt(count)
  const limit = mean.map((centre, x) => {
    const squares = runs.reduce((sum, values) => sum + (values[x] - centre) ** 2, 0)
    return Math.min(centre + factor * Math.sqrt(squares / (count - 1)), sampler.simulator.valueBounds[1])
  })
  return { mean, limit }
}

const iterationBy = <E>(
  crew: Crew<E>,
  problem: Prepared
): Iteration<SampledState, SampledInfo, E> & { readonly design: Design } => {
  const { method, plan, noise } = problem
  const replication = (state: SampledState, number: number) =>
    crew.replicate(
      {
        sampler: problem.sampler,
        reference: state.reference,
        estimator: method === "piloted" ? "max-of-means" : method,
        noise,
        referenceDraws: state.referenceDraws,
        sweepDraws: plan.sweepDraws,
        key: fold(fold(problem.key, "replication"), number)
      },
      plan.sweeps
    )
  return {
    design: problem.sampler.design,
    init: begin(problem, crew),
    step: Effect.fnUntraced(function* (state) {
      const first = state.runs.length
      const numbers = Array.from(
        { length: Math.min(crew.threads, plan.replications - first) },
        (_, k) => first + k
      )
      const done = yield* Effect.forEach(numbers, (number) => replication(state, number), {
        concurrency: crew.threads
      })
      const next = {
        ...state,
        runs: [...state.runs, ...done.map(({ values }) => values)],
        simulatorCalls: done.reduce((sum, { simulatorCalls }) => sum + simulatorCalls, state.simulatorCalls)
      }
      return [
        next,
        {
          replication: next.runs.length,
          ...limitOf(next.runs, problem),
          simulatorCalls: next.simulatorCalls
        }
      ] as const
    }),
    isDone: ({ runs }) => runs.length >= plan.replications
  }
}

/**
 * The sampled upper limit as an iteration, as many replications a step as the crew has threads. Fails with `UvipOptionError` for options out of
 * range.
 */
export const sampledIteration = <E = CrewError>(
  crew: Crew<E>,
  simulator: Simulator,
  options: SampledOptions
): Effect.Effect<Iteration<SampledState, SampledInfo, E>, UvipOptionError> =>
  Effect.map(
    attempt<UvipOptionError>()(() => prepare(simulator, options)),
    (problem) => iterationBy(crew, problem)
  )

/**
 * An upper confidence limit for V* from a simulator alone.
 *
 * Each of R independent replications ends with values whose expectation is at least V* (`initReplication` has the proof), so
 * mean + t_{R-1} s / sqrt(R) is an upper limit for V* with the confidence asked for, as far as the replications' means are normal. One
 * replication would be none. The pilot is drawn once for all replications: they are independent given the pilot, and their
 * expectations at least V* whatever it was.
 *
 * Fails with `SimulatorError`, which names the state and the action, with `UvipOptionError`, and where threads were asked for with
 * `WorkerThreadError`.
 *
 * @example
 * const { limit } = yield* sampledUpper(ownThread, simulatorOf(mdp), { draws: 10_000, key: key(1) })
 */
export const sampledUpper = Effect.fn("UVIP.sampledUpper")(function* <E>(
  crew: Crew<E>,
  simulator: Simulator,
  options: SampledOptions
): Effect.fn.Return<UpperLimit, E | UvipOptionError> {
  const problem = yield* attempt<UvipOptionError>()(() => prepare(simulator, options))
  const iteration = iterationBy(crew, problem)
  const { runs, simulatorCalls } = yield* run(iteration)
  const { mean, limit = mean } = limitOf(runs, problem)
  return { mean, limit, replications: runs.length, simulatorCalls, guarantee: iteration.design.guarantee }
})
