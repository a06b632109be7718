import { Effect } from "effect"
import { fold, type Key, restore, type Stream, stream, type StreamState } from "../../Random/index.ts"
import type { TensorError } from "../../Tensor/index.ts"
import { TargetError } from "../Errors.ts"
import type { Target } from "../targets/Target.ts"
import {
  copyPoint,
  isFinitePoint,
  type Kernel,
  makePoint,
  type Point,
  type Transition,
  type Transitions,
  type TransitionSteps,
  type Tuning
} from "./Kernel.ts"

/** All that several chains need to go on, bit for bit: plain numbers. */
export interface SamplerState {
  /** The random numbers to come, one stream a chain. */
  readonly streams: ReadonlyArray<StreamState>
  /** Transitions made so far. */
  readonly iteration: number
  readonly chains: number
  readonly dimensions: number
  /** [chains, dimensions] */
  readonly positions: Float64Array
  /** [chains] */
  readonly logDensities: Float64Array
  /** [chains, dimensions] */
  readonly scores: Float64Array
}

/** How one transition of every chain went: one number a chain. */
export interface SamplerInfo {
  readonly acceptance: Float64Array
  readonly energy: Float64Array
  readonly evaluations: Float64Array
  /** 1 where the trajectory diverged. */
  readonly divergent: Float64Array
}

/** Positions to evaluate, and where the answers go. */
interface Batch {
  readonly positions: Float64Array
  readonly logDensities: Float64Array
  readonly scores: Float64Array
}

/** Chains in motion: a state that is overwritten by every transition, with the room that transitions need. */
export interface Ensemble {
  readonly target: Target
  readonly dimensions: number
  iteration: number
  readonly points: ReadonlyArray<Point>
  readonly streams: ReadonlyArray<Stream>
  readonly transitions: ReadonlyArray<Transitions>
  /** Of the last transition. */
  readonly info: SamplerInfo
  readonly running: Array<TransitionSteps | undefined>
  readonly wanted: Array<Point>
  /** By the number of points in it. */
  readonly batches: Array<Batch | undefined>
  /** When other fibers last had their turn, in milliseconds, and evaluations since the clock was last looked at. */
  since: number
  rounds: number
  /** What gives them their turn. */
  pause: Effect.Effect<void>
}

/** The effects that a target asks for; none, for a target that answers at once. */
export type Waiting<A> = Generator<Effect.Effect<void, TensorError>, A, void>

/** Turns a computation that may wait for a target into an Effect, its thrown `TargetError` into a failure. */
export const awaiting = <A>(body: () => Waiting<A>): Effect.Effect<A, TargetError | TensorError> =>
  Effect.suspend(() => {
    const steps = body()
    const advance = (): Effect.Effect<A, TargetError | TensorError> =>
      Effect.suspend(() => {
        try {
          const next = steps.next()
          return next.done ? Effect.succeed(next.value) : Effect.flatMap(next.value, advance)
        } catch (cause) {
          return cause instanceof TargetError ? Effect.fail(cause) : Effect.die(cause)
        }
      })
    return advance()
  })

/** Chains at the given positions, [chains, dimensions]. Throws a `TargetError` where the target is not finite there. */
export function* startAt(target: Target, positions: Float64Array, key: Key): Waiting<SamplerState> {
  const { dimensions } = target
  const chains = positions.length / dimensions
  if (!(Number.isSafeInteger(chains) && chains >= 1))
    throw new TargetError({
      target: target.name,
      reason: `${positions.length} numbers are no positions of chains in ${dimensions} dimensions`
    })
  const logDensities = new Float64Array(chains)
  const scores = new Float64Array(positions.length)
  const waiting = target.evaluate(positions.slice(), chains, logDensities, scores)
  if (waiting !== undefined) yield waiting
  for (let c = 0; c < chains; c++) {
    const position = positions.subarray(c * dimensions, (c + 1) * dimensions)
    const score = scores.subarray(c * dimensions, (c + 1) * dimensions)
    if (!isFinitePoint({ position, logDensity: logDensities[c], score }))
      throw new TargetError({
        target: target.name,
        reason: `at the first position of chain ${c}, [${position.join(", ")}], the log density is ${logDensities[c]} and the score [${score.join(", ")}]; begin where both are finite`
      })
  }
  const streams = Array.from({ length: chains }, (_, c) => stream(fold(key, c)).state())
  return { streams, iteration: 0, chains, dimensions, positions: positions.slice(), logDensities, scores }
}

/** Sets a state's chains in motion. */
export const ensembleOf = (target: Target, kernel: Kernel, state: SamplerState): Ensemble => {
  const { chains, dimensions, positions, scores, logDensities } = state
  const row = (x: Float64Array, c: number): Float64Array => x.slice(c * dimensions, (c + 1) * dimensions)
  const each = <A>(of: (chain: number) => A): Array<A> => Array.from({ length: chains }, (_, c) => of(c))
  return {
    target,
    dimensions,
    iteration: state.iteration,
    points: each((c) => ({
      position: row(positions, c),
      logDensity: logDensities[c],
      score: row(scores, c)
    })),
    streams: state.streams.map(restore),
    transitions: each(() => kernel.transitions(dimensions)),
    info: {
      acceptance: new Float64Array(chains),
      energy: new Float64Array(chains),
      evaluations: new Float64Array(chains),
      divergent: new Float64Array(chains)
    },
    running: each(() => undefined),
    wanted: each(() => makePoint(0)),
    batches: [],
    since: performance.now(),
    rounds: 0,
    pause: Effect.yieldNow
  }
}

/** Where an ensemble stands, as plain numbers. */
export const stateOf = ({ points, streams, iteration, dimensions }: Ensemble): SamplerState => {
  const positions = new Float64Array(points.length * dimensions)
  const scores = new Float64Array(points.length * dimensions)
  points.forEach(({ position, score }, c) => {
    positions.set(position, c * dimensions)
    scores.set(score, c * dimensions)
  })
  return {
    streams: streams.map((random) => random.state()),
    iteration,
    chains: points.length,
    dimensions,
    positions,
    logDensities: Float64Array.from(points, ({ logDensity }) => logDensity),
    scores
  }
}

const finish = ({ points, info, running }: Ensemble, c: number, done: Transition): void => {
  const { end } = done
  if (end !== points[c]) copyPoint(end, points[c])
  info.acceptance[c] = done.acceptance
  info.energy[c] = done.energy
  info.evaluations[c] = done.evaluations
  info.divergent[c] = done.divergent ? 1 : 0
  running[c] = undefined
}

/** Goes on with a chain's transition as far as it can without the target; says whether it ends there. */
const ends = (ensemble: Ensemble, c: number, steps: TransitionSteps): boolean => {
  const next = steps.next()
  if (next.done === true) finish(ensemble, c, next.value)
  else ensemble.wanted[c] = next.value
  return next.done === true
}

const batchOf = ({ batches, dimensions }: Ensemble, points: number): Batch => {
  const batch = batches[points] ?? {
    positions: new Float64Array(points * dimensions),
    logDensities: new Float64Array(points),
    scores: new Float64Array(points * dimensions)
  }
  batches[points] = batch
  return batch
}

/** One transition of every chain. */
export const advanceOnce = (ensemble: Ensemble, tuning: Tuning): Waiting<void> =>
  advance(
    ensemble,
    1,
    () => tuning,
    () => {}
  )

/**
 * Transitions of every chain by the tuning that holds at each, all evaluations of a round together; after each, `after` with its number. One generator
 * for all of them, as starting one costs as much as a transition's arithmetic.
 */
export function* advance(
  ensemble: Ensemble,
  count: number,
  tuning: () => Tuning,
  after: (made: number) => void
): Waiting<void> {
  const { target, dimensions: d, points, streams, transitions, running, wanted } = ensemble
  for (let made = 0; made < count; made++) {
    const now = tuning()
    let active = 0
    for (let c = 0; c < points.length; c++) {
      const steps = transitions[c](points[c], now, streams[c])
      running[c] = steps
      if (!ends(ensemble, c, steps)) active++
    }
    while (active > 0) {
      const { positions, logDensities, scores } = batchOf(ensemble, active)
      for (let c = 0, at = 0; c < points.length; c++)
        if (running[c] !== undefined)
          for (let i = 0, { position } = wanted[c]; i < d; i++) positions[at++] = position[i]
      const waiting = target.evaluate(positions, active, logDensities, scores)
      if (waiting !== undefined) yield waiting
      if (++ensemble.rounds % 16 === 0 && performance.now() - ensemble.since > 10) {
        yield ensemble.pause
        ensemble.since = performance.now()
      }
      for (let c = 0, at = 0; c < points.length; c++) {
        const steps = running[c]
        if (steps === undefined) continue
        const point = wanted[c]
        for (let i = 0, from = at * d; i < d; i++) point.score[i] = scores[from + i]
        point.logDensity = logDensities[at++]
        if (ends(ensemble, c, steps)) active--
      }
    }
    ensemble.iteration++
    after(made)
  }
}
