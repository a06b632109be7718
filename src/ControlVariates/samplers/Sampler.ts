import { Effect } from "effect"
import { fold, type Key, stream } from "../../Random/index.ts"
import type { TensorError } from "../../Tensor/index.ts"
import { TargetError } from "../Errors.ts"
import type { Target } from "../targets/Target.ts"
import {
  isFinitePoint,
  type Kernel,
  type Point,
  type Transition,
  type TransitionSteps,
  type Tuning
} from "./Kernel.ts"

/** All that several chains need to go on, bit for bit: plain numbers. */
export interface SamplerState {
  readonly key: Key
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

function* evaluate(
  target: Target,
  positions: Float64Array,
  points: number,
  logDensities: Float64Array,
  scores: Float64Array
): Waiting<void> {
  const waiting = target.evaluate(positions, points, logDensities, scores)
  if (waiting !== undefined) yield waiting
}

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
  yield* evaluate(target, positions.slice(), chains, logDensities, scores)
  for (let c = 0; c < chains; c++) {
    const position = positions.subarray(c * dimensions, (c + 1) * dimensions)
    const score = scores.subarray(c * dimensions, (c + 1) * dimensions)
    if (!isFinitePoint({ position, logDensity: logDensities[c], score }))
      throw new TargetError({
        target: target.name,
        reason: `at the first position of chain ${c}, [${position.join(", ")}], the log density is ${logDensities[c]} and the score [${score.join(", ")}]; begin where both are finite`
      })
  }
  return { key, iteration: 0, chains, dimensions, positions: positions.slice(), logDensities, scores }
}

/** One transition of every chain, all evaluations of a round together; pure given the state's key. */
export function* stepChains(
  target: Target,
  kernel: Kernel,
  tuning: Tuning,
  state: SamplerState
): Waiting<readonly [SamplerState, SamplerInfo]> {
  const { chains, dimensions: d, key, iteration } = state
  const keyNow = fold(key, iteration)
  const running: Array<TransitionSteps | undefined> = []
  const wanted: Array<Float64Array> = []
  const done: Array<Transition> = []
  for (let c = 0; c < chains; c++) {
    const point: Point = {
      position: state.positions.subarray(c * d, (c + 1) * d),
      logDensity: state.logDensities[c],
      score: state.scores.subarray(c * d, (c + 1) * d)
    }
    const steps = kernel.transition(point, tuning, stream(fold(keyNow, c)))
    const first = steps.next()
    if (first.done) done[c] = first.value
    else wanted[c] = first.value
    running.push(first.done ? undefined : steps)
  }
  for (let active = running.filter((steps) => steps !== undefined).length; active > 0; ) {
    const batch = new Float64Array(active * d)
    const logDensities = new Float64Array(active)
    const scores = new Float64Array(active * d)
    for (let c = 0, at = 0; c < chains; c++) if (running[c] !== undefined) batch.set(wanted[c], d * at++)
    yield* evaluate(target, batch, active, logDensities, scores)
    const count = active
    for (let c = 0, at = 0; at < count; c++) {
      const steps = running[c]
      if (steps === undefined) continue
      const next = steps.next({
        position: batch.subarray(at * d, (at + 1) * d),
        logDensity: logDensities[at],
        score: scores.subarray(at * d, (at + 1) * d)
      })
      at++
      if (next.done) {
        done[c] = next.value
        running[c] = undefined
        active--
      } else wanted[c] = next.value
    }
  }
  const positions = new Float64Array(chains * d)
  const scores = new Float64Array(chains * d)
  done.forEach(({ position, score }, c) => {
    positions.set(position, c * d)
    scores.set(score, c * d)
  })
  const each = (of: (one: Transition) => number) => Float64Array.from(done, of)
  return [
    {
      key,
      iteration: iteration + 1,
      chains,
      dimensions: d,
      positions,
      logDensities: each((one) => one.logDensity),
      scores
    },
    {
      acceptance: each((one) => one.acceptance),
      energy: each((one) => one.energy),
      evaluations: each((one) => one.evaluations),
      divergent: each((one) => (one.divergent ? 1 : 0))
    }
  ]
}
