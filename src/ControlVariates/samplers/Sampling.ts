import { Effect } from "effect"
import { fold, type Key, stream } from "../../Random/index.ts"
import type { TensorError } from "../../Tensor/index.ts"
import { checkedChains, leastDraws, type ScoredChains } from "../Chains.ts"
import {
  attempt,
  type ChainError,
  checkCount,
  checkPositive,
  type ControlVariateOptionError,
  TargetError
} from "../Errors.ts"
import type { Target } from "../targets/Target.ts"
import {
  adaptMass,
  adaptStepSize,
  initMass,
  initStepSize,
  inverseMassOf,
  massSchedule
} from "./Adaptation.ts"
import { isFinitePoint, type Kernel, type Tuning } from "./Kernel.ts"
import {
  advance,
  advanceOnce,
  awaiting,
  ensembleOf,
  type SamplerInfo,
  type SamplerState,
  startAt,
  stateOf,
  type Waiting
} from "./Sampler.ts"

export interface SampleOptions {
  readonly kernel: Kernel
  readonly key: Key
  /** Default 4. */
  readonly chains?: number | undefined
  /** Kept draws a chain, at least 4. */
  readonly draws: number
  /** Draws left out before them; step size and mass are adapted in these. Default 1000. */
  readonly burnIn?: number | undefined
  /** Fixed where given; else adapted towards the kernel's acceptance (ULA, which accepts everything, needs it given). */
  readonly stepSize?: number | undefined
  /** Default: adapted where the step size is, else "identity". */
  readonly mass?: "identity" | "adapted" | undefined
  /** First positions [chains, dimensions]; default uniform in [-2, 2]. */
  readonly start?: Float64Array | undefined
  /** Goes on from where other draws of the target by the same kernel ended, without burn-in: together they are what one longer run gives. */
  readonly from?: Pick<Sampled, "state" | "tuning"> | undefined
  /** Run every 10 ms or so, with the transitions made of every chain and how many there will be, burn-in included. */
  readonly progress?: ((made: number, all: number) => Effect.Effect<void>) | undefined
}

export interface Sampled {
  /** With the statistics lp, acceptance, energy, evaluations and diverging. */
  readonly chains: ScoredChains
  readonly tuning: Tuning
  /** Where the chains stand; `from` and `step` continue from it. */
  readonly state: SamplerState
  /** Evaluations of the target in all, burn-in included. */
  readonly evaluations: number
}

export type SampleError = TargetError | ChainError | ControlVariateOptionError | TensorError

/** The state after a transition, public form of the kernel's step. Fails with the target's errors. */
export const step = (
  target: Target,
  kernel: Kernel,
  tuning: Tuning,
  state: SamplerState
): Effect.Effect<readonly [SamplerState, SamplerInfo], TargetError | TensorError> =>
  awaiting(function* () {
    const ensemble = ensembleOf(target, kernel, state)
    yield* advanceOnce(ensemble, tuning)
    return [stateOf(ensemble), ensemble.info] as const
  })

/** Chains at given positions, [chains, dimensions]. Fails with `TargetError` where the target is not finite there. */
export const init = (
  target: Target,
  positions: Float64Array,
  key: Key
): Effect.Effect<SamplerState, TargetError | TensorError> => awaiting(() => startAt(target, positions, key))

/** Draws a chain's starting position again, at most this often, where the density is zero. */
const startTries = 100

function* randomStart(target: Target, chains: number, key: Key): Waiting<SamplerState> {
  const { dimensions: d } = target
  const random = stream(fold(key, "start"))
  const positions = new Float64Array(chains * d)
  const wanting = new Set(Array.from({ length: chains }, (_, c) => c))
  for (let tries = 0; tries < startTries && wanting.size > 0; tries++) {
    for (const c of wanting) for (let i = 0; i < d; i++) positions[c * d + i] = 4 * random.uniform() - 2
    const logDensities = new Float64Array(chains)
    const scores = new Float64Array(chains * d)
    const waiting = target.evaluate(positions.slice(), chains, logDensities, scores)
    if (waiting !== undefined) yield waiting
    for (const c of wanting) {
      const score = scores.subarray(c * d, (c + 1) * d)
      if (isFinitePoint({ position: score, logDensity: logDensities[c], score })) wanting.delete(c)
    }
  }
  return yield* startAt(target, positions, fold(key, "transitions"))
}

/** A first step size whose single step has an acceptance near 1/2, by doubling or halving (Hoffman and Gelman 2014, algorithm 4). */
function* firstStepSize(
  target: Target,
  kernel: Kernel,
  state: SamplerState,
  inverseMass: Float64Array
): Waiting<number> {
  let stepSize = 1
  let direction = 0
  for (let k = 0; k < 60; k++) {
    const trial = ensembleOf(target, kernel, state)
    yield* advanceOnce(trial, { stepSize, inverseMass })
    const { acceptance } = trial.info
    const mean = acceptance.reduce((sum, a) => sum + a, 0) / acceptance.length
    const wanted = mean > 0.5 ? 1 : -1
    if (direction === 0) direction = wanted
    if (wanted !== direction) break
    stepSize *= 2 ** direction
  }
  return stepSize
}

const checkOptions = (target: Target, options: SampleOptions): void => {
  const { kernel, chains = 4, draws, burnIn = 1000, stepSize, start, from } = options
  checkCount("chains", chains)
  checkCount("draws", draws, leastDraws)
  checkCount("burnIn", burnIn, 0)
  if (stepSize !== undefined) checkPositive("stepSize", stepSize)
  else if (kernel.targetAcceptance === undefined && from === undefined)
    throw new TargetError({
      target: target.name,
      reason: `${kernel.name} accepts every step, so that its stepSize cannot be adapted: give one`
    })
  if (from !== undefined && from.state.dimensions !== target.dimensions)
    throw new TargetError({
      target: target.name,
      reason: `it has ${target.dimensions} dimensions, and the chains to go on with have ${from.state.dimensions}`
    })
  if (start !== undefined && start.length !== chains * target.dimensions)
    throw new TargetError({
      target: target.name,
      reason: `${start.length} numbers of first positions for ${chains} chains in ${target.dimensions} dimensions`
    })
}

/**
 * Samples a target by several chains in lockstep. Step size and diagonal mass are learnt from all chains in the burn-in and fixed
 * after it. The same key gives the same draws. Fails with `TargetError` where no finite starting position is found,
 * `ChainError` for a chain that never moved, `ControlVariateOptionError`, and the errors of the target's backend.
 *
 * @example
 * const { chains } = yield* sample(target, { kernel: noUTurn(), draws: 1000, key: key(1) })
 */
export const sample = (target: Target, options: SampleOptions): Effect.Effect<Sampled, SampleError> =>
  Effect.gen(function* () {
    yield* attempt<TargetError | ControlVariateOptionError>()(() => checkOptions(target, options))
    const { kernel, key, draws, start, from, stepSize: fixed } = options
    const { dimensions } = target
    const chains = from?.state.chains ?? options.chains ?? 4
    const burnIn = from === undefined ? (options.burnIn ?? 1000) : 0
    const adaptsMass = (options.mass ?? (fixed === undefined ? "adapted" : "identity")) === "adapted"
    const begun =
      from !== undefined
        ? from.state
        : start === undefined
          ? yield* awaiting(() => randomStart(target, chains, key))
          : yield* init(target, start, fold(key, "transitions"))
    const wanted = fixed === undefined ? kernel.targetAcceptance : undefined
    const ones = new Float64Array(dimensions).fill(1)
    const first =
      from?.tuning.stepSize ?? fixed ?? (yield* awaiting(() => firstStepSize(target, kernel, begun, ones)))
    let tuning: Tuning = from?.tuning ?? { stepSize: first, inverseMass: ones }
    let steps = initStepSize(first)
    let mass = initMass(dimensions)
    const schedule = massSchedule(burnIn)
    const ensemble = ensembleOf(target, kernel, begun)
    const { progress } = options
    if (progress !== undefined) {
      const all = burnIn + draws
      ensemble.pause = Effect.suspend(() =>
        Effect.andThen(progress(ensemble.iteration - begun.iteration, all), Effect.yieldNow)
      )
    }
    const { points, info } = ensemble
    let evaluations = 0
    const size = chains * draws
    const values = new Float64Array(size * dimensions)
    const scores = new Float64Array(size * dimensions)
    const statistics = {
      lp: new Float64Array(size),
      acceptance: new Float64Array(size),
      energy: new Float64Array(size),
      evaluations: new Float64Array(size),
      diverging: new Float64Array(size)
    }
    const adapt = (t: number): void => {
      if (wanted !== undefined) {
        const acceptance = info.acceptance.reduce((sum, a) => sum + a, 0) / chains
        steps = adaptStepSize(steps, acceptance, wanted)
        tuning = { ...tuning, stepSize: Math.exp(steps.logStep) }
      }
      if (adaptsMass && t >= schedule.begin) mass = adaptMass(mass, points)
      if (adaptsMass && schedule.ends.has(t + 1)) {
        tuning = { ...tuning, inverseMass: inverseMassOf(mass) }
        mass = initMass(dimensions)
        steps = initStepSize(tuning.stepSize)
      }
      if (wanted !== undefined && t + 1 === burnIn)
        tuning = { ...tuning, stepSize: Math.exp(steps.logStepMean) }
    }
    const record = (t: number): void => {
      for (let c = 0; c < chains; c++) {
        const at = c * draws + t
        const { position, score, logDensity } = points[c]
        for (let i = 0, to = at * dimensions; i < dimensions; i++, to++) {
          values[to] = position[i]
          scores[to] = score[i]
        }
        statistics.lp[at] = logDensity
        statistics.acceptance[at] = info.acceptance[c]
        statistics.energy[at] = info.energy[c]
        statistics.evaluations[at] = info.evaluations[c]
        statistics.diverging[at] = info.divergent[c]
      }
    }
    const finished = (t: number): void => {
      for (let c = 0; c < chains; c++) evaluations += info.evaluations[c]
      if (t < burnIn) adapt(t)
      else record(t - burnIn)
    }
    yield* awaiting(() => advance(ensemble, burnIn + draws, () => tuning, finished))
    const made = yield* attempt<ChainError>()(() =>
      checkedChains({ chains, draws, dimensions, names: target.names, values, scores, statistics })
    )
    return { chains: { ...made, scores }, tuning, state: stateOf(ensemble), evaluations }
  })
