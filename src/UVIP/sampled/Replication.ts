import { Effect } from "effect"
import { fold, type Key } from "../../Random/index.ts"
import { type Block, blocksOf, type Noise, type Sampler } from "./Draws.ts"
import { attempt, type SimulatorError } from "../Errors.ts"
import { type Estimator, estimate } from "./Estimator.ts"
import { timeSlice } from "../../Iteration/TimeSlice.ts"
import { countCalls } from "../simulation/Simulator.ts"

/** One run of the sampled recursion: what it draws from, and how many draws of each pair it spends on what. */
export interface ReplicationProblem {
  readonly sampler: Sampler
  /** f at the design points: [points]; it must not depend on this replication's draws. */
  readonly reference: Float64Array
  readonly estimator: Estimator
  readonly noise: Noise
  /** [points, actions]: draws for the mean of r + discount f(Y), made once. */
  readonly referenceDraws: Int32Array
  /** Fresh draws of each pair in a sweep. */
  readonly sweepDraws: number
  readonly key: Key
}

export interface ReplicationState {
  readonly sweep: number
  /** [points]: in expectation at least V*. */
  readonly values: Float64Array
  /** The means of r + discount f(Y): [points, actions]. */
  readonly base: Float64Array
  readonly simulatorCalls: number
}

export interface ReplicationInfo {
  readonly sweep: number
  /** Largest change of a value. */
  readonly residual: number
  readonly simulatorCalls: number
}

const sum = (counts: Int32Array): number => counts.reduce((a, b) => a + b, 0)

/**
 * Draws the reference means q(x, a) ~ E [r + discount f(Y)] and takes a start from them.
 *
 * The recursion to come, V_{k+1}(x) = max_a { q(x, a) + discount mean (V_k - f)(Y) } or an estimate above it, is in expectation given q at least
 * T V_k for T U = max_a { q + discount P^a (U - f) }: Bellman's operator of the same problem with the rewards
 * r' = q - discount P^a f, which are not known but whose expectation is r. Let U* be its fixed point.
 *
 * - The start is at least U* for certain: T f = max_a q is known exactly, and with d = max(T f - f) (or 0 if larger, where
 *   episodes may end) monotone T with T(U + c) <= T U + discount c, c >= 0, gives U* <= T f + discount / (1 - discount) d.
 * - By induction E [V_k | q] >= T^k V_0 >= U*: fresh draws are independent of V_k, the maximum is convex, T is monotone.
 * - U* is the largest, over policies, of values that are linear in the rewards r', so it is convex in them, and E U* >= V* by
 *   Jensen again, though the noise of q is repeated in every sweep.
 *
 * So E V_k >= V* at every point and every k, for any f that the draws do not depend on and any counts of draws fixed beforehand.
 */
export const initReplication = Effect.fnUntraced(function* (
  problem: ReplicationProblem
): Effect.fn.Return<ReplicationState, SimulatorError> {
  const { sampler, reference, referenceDraws, noise } = problem
  const { actions, discount } = sampler.simulator
  const { neighbours, count } = sampler.design
  const base = new Float64Array(count * actions)
  const pause = timeSlice()
  const drawKey = fold(problem.key, "reference")
  const calls = countCalls(sampler.simulator)
  for (const block of blocksOf(referenceDraws, actions)) {
    yield* attempt<SimulatorError>()(() =>
      sampler.draw(block, referenceDraws, noise, drawKey, (batch) => {
        const { rows, action, from, rewards, terminated, points, margins } = batch
        for (let row = 0; row < rows; row++) {
          let value = rewards[row]
          if (terminated[row] === 0) {
            let total = 0
            for (let k = row * neighbours; k < (row + 1) * neighbours; k++) total += reference[points[k]]
            value += discount * (total / neighbours + margins[row])
          }
          base[from[row] * actions + action] += value
        }
      })
    )
    yield* pause
  }
  for (let pair = 0; pair < base.length; pair++) base[pair] /= referenceDraws[pair]
  return { sweep: 0, values: startOf(problem, base), base, simulatorCalls: calls(sum(referenceDraws)) }
})

/** Where sweeps begin; base: [points, actions], the reference means. */
export const startOf = ({ sampler, reference }: ReplicationProblem, base: Float64Array): Float64Array => {
  const { actions, discount } = sampler.simulator
  const values = reference.map((_, x) => base.subarray(x * actions, (x + 1) * actions).reduce(larger))
  const most = values.reduce((d, value, x) => Math.max(d, value - reference[x]), 0)
  return values.map((value) => value + (discount / (1 - discount)) * most)
}

const larger = (a: number, b: number): number => (a > b ? a : b)

/** One sweep with fresh draws. */
export const stepReplication = Effect.fnUntraced(function* (
  problem: ReplicationProblem,
  state: ReplicationState
): Effect.fn.Return<readonly [ReplicationState, ReplicationInfo], SimulatorError> {
  const { sampler, reference, sweepDraws } = problem
  const { actions, discount } = sampler.simulator
  const { neighbours, count } = sampler.design
  const counts = new Int32Array(count * actions).fill(sweepDraws)
  const difference = state.values.map((value, x) => (discount * (value - reference[x])) / neighbours)
  const values = new Float64Array(count)
  const drawKey = fold(problem.key, state.sweep)
  const calls = countCalls(sampler.simulator)
  const sweepBlock = problem.estimator === "max-of-means" ? meansOfBlock : drawsOfBlock
  const pause = timeSlice()
  for (const block of blocksOf(counts, actions)) {
    yield* attempt<SimulatorError>()(() =>
      sweepBlock(problem, block, counts, drawKey, state.base, difference, values)
    )
    yield* pause
  }
  const residual = values.reduce((most, value, x) => Math.max(most, Math.abs(value - state.values[x])), 0)
  const sweep = state.sweep + 1
  const simulatorCalls = state.simulatorCalls + calls(sum(counts))
  return [
    { sweep, values, base: state.base, simulatorCalls },
    { sweep, residual, simulatorCalls }
  ]
})

/** One replication to its end. */
export const replicate = Effect.fnUntraced(function* (
  problem: ReplicationProblem,
  sweeps: number
): Effect.fn.Return<ReplicationState, SimulatorError> {
  let state = yield* initReplication(problem)
  for (let k = 0; k < sweeps; k++) [state] = yield* stepReplication(problem, state)
  return state
})

type SweepBlock = (
  problem: ReplicationProblem,
  block: Block,
  counts: Int32Array,
  key: Key,
  base: Float64Array,
  difference: Float64Array,
  values: Float64Array
) => void

// max_a mean_j z[a, j] needs no more than sums.
const meansOfBlock: SweepBlock = (
  { sampler, noise, sweepDraws },
  block,
  counts,
  key,
  base,
  difference,
  values
) => {
  const { neighbours } = sampler.design
  const { actions } = sampler.simulator
  const sums = new Float64Array((block.last - block.first) * actions)
  sampler.draw(
    block,
    counts,
    noise,
    key,
    ({ rows, action, from, terminated, points }) => {
      for (let j = 0; j < rows; j++) {
        if (terminated[j] === 1) continue
        let value = 0
        for (let k = j * neighbours; k < (j + 1) * neighbours; k++) value += difference[points[k]]
        sums[(from[j] - block.first) * actions + action] += value
      }
    },
    false
  )
  for (let x = block.first; x < block.last; x++) {
    let best = -Infinity
    for (let a = 0; a < actions; a++) {
      const value = base[x * actions + a] + sums[(x - block.first) * actions + a] / sweepDraws
      if (value > best) best = value
    }
    values[x] = best
  }
}

const drawsOfBlock: SweepBlock = (
  { sampler, noise, estimator, sweepDraws },
  block,
  counts,
  key,
  base,
  difference,
  values
) => {
  const { neighbours } = sampler.design
  const { actions } = sampler.simulator
  const z = Array.from({ length: actions }, () => new Float64Array(block.capacity))
  sampler.draw(
    block,
    counts,
    noise,
    key,
    ({ rows, action, from, terminated, points }) => {
      const row = z[action]
      for (let j = 0; j < rows; j++) {
        let value = base[from[j] * actions + action]
        if (terminated[j] === 0)
          for (let k = j * neighbours; k < (j + 1) * neighbours; k++) value += difference[points[k]]
        row[j] = value
      }
    },
    false
  )
  for (let x = block.first; x < block.last; x++) {
    const start = (x - block.first) * sweepDraws
    values[x] = estimate(estimator, z, start, start + sweepDraws)
  }
}
