import { Effect } from "effect"
import type { Key } from "../../Random/index.ts"
import { blocksOf, type Noise, type Sampler } from "./Draws.ts"
import { attempt, type SimulatorError } from "../Errors.ts"
import { timeSlice } from "../../Iteration/TimeSlice.ts"
import type { Mdp } from "../mdp/Mdp.ts"
import { countCalls } from "../simulation/Simulator.ts"

/** The problem as some draws show it: an MDP of the design points and, last, one terminal state. */
export interface Pilot {
  readonly mdp: Mdp
  /** [points, actions]: the variance of the rewards seen. */
  readonly rewardVariances: Float64Array
  readonly simulatorCalls: number
}

/**
 * Draws each pair `draws` times and makes an MDP of what came: its V* is a good control variate, and says where more draws are
 * worth their cost. Nothing that is proved rests on it: later draws are independent of it.
 */
export const drawPilot = Effect.fnUntraced(function* (
  sampler: Sampler,
  draws: number,
  noise: Noise,
  key: Key
): Effect.fn.Return<Pilot, SimulatorError> {
  const { actions, discount } = sampler.simulator
  const { count, neighbours } = sampler.design
  const pairs = count * actions
  const counts = new Int32Array(pairs).fill(draws)
  const rewards = new Float64Array(pairs + actions)
  const offsets = new Int32Array(pairs + actions + 1)
  const rewardVariances = new Float64Array(pairs)
  const weight = new Float64Array(count + 1)
  const rows = Array.from({ length: pairs }, () => ({ successors: [0], probabilities: [0] }))
  const pause = timeSlice()
  const calls = countCalls(sampler.simulator)
  for (const block of blocksOf(counts, actions)) {
    yield* attempt<SimulatorError>()(() =>
      sampler.draw(block, counts, noise, key, (batch) => {
        for (let row = 0; row < batch.rows; row += draws) {
          const pair = batch.from[row] * actions + batch.action
          const successors: Array<number> = []
          const see = (state: number, share: number) => {
            if (weight[state] === 0) successors.push(state)
            weight[state] += share
          }
          for (let j = row; j < row + draws; j++) {
            rewards[pair] += batch.rewards[j]
            if (batch.terminated[j] === 1) see(count, neighbours)
            else {
              rewards[pair] += discount * batch.margins[j]
              for (let k = j * neighbours; k < (j + 1) * neighbours; k++) see(batch.points[k], 1)
            }
          }
          rewards[pair] /= draws
          rewardVariances[pair] = variance(batch.rewards.subarray(row, row + draws))
          rows[pair] = {
            successors,
            probabilities: successors.map((state) => weight[state] / (draws * neighbours))
          }
          for (const state of successors) weight[state] = 0
        }
      })
    )
    yield* pause
  }
  rows.forEach(({ successors }, pair) => {
    offsets[pair + 1] = offsets[pair] + successors.length
  })
  offsets.fill(offsets[pairs], pairs)
  const terminal = new Uint8Array(count + 1)
  terminal[count] = 1
  const mdp: Mdp = {
    states: count + 1,
    actions,
    discount,
    offsets,
    successors: Int32Array.from(rows.flatMap(({ successors }) => successors)),
    probabilities: Float64Array.from(rows.flatMap(({ probabilities }) => probabilities)),
    rewards,
    outcomeRewards: undefined,
    terminal
  }
  return { mdp, rewardVariances, simulatorCalls: calls(pairs * draws) }
})

const variance = (values: Float64Array): number => {
  const mean = values.reduce((a, b) => a + b, 0) / values.length
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
}
