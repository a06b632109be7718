import { Effect } from "effect"
import { fold, type Key, stream } from "../../Random/index.ts"
import { attempt, checkCount, type SimulatorError, UvipOptionError } from "../Errors.ts"
import type { Filled } from "./Filled.ts"
import type { InitialState } from "../simulation/Gymnasium.ts"
import type { Iteration } from "../../Iteration/index.ts"
import { linearActing } from "../policies/ActingPolicy.ts"
import type { LinearPolicy } from "../policies/LinearPolicy.ts"
import { scaleOf } from "../policies/StateScale.ts"
import { horizonFor, returnsFrom } from "../simulation/Rollouts.ts"
import { checkSimulator, type Simulator } from "../simulation/Simulator.ts"

export interface LinearSearchOptions {
  readonly initialState: InitialState
  /** Each coordinate of a state is divided by its scale first; default 1. */
  readonly scale?: ReadonlyArray<number> | undefined
  /** Default 20. */
  readonly generations?: number | undefined
  /** Controllers tried in a generation, at least 4; default 32. The best quarter of them makes the next. */
  readonly candidates?: number | undefined
  /** Of each candidate; default 8, from the same initial states for all. */
  readonly episodes?: number | undefined
  /** Steps after which an episode is cut off; default: until discount^steps is below 1 %. */
  readonly horizon?: number | undefined
  /** Of the returns that candidates are judged by, in [0, 1]; default: the simulator's. */
  readonly discount?: number | undefined
  readonly key: Key
}

export interface LinearSearchState {
  readonly generation: number
  /** [actions, stateSize + 1] each: of the normal distribution that the next candidates are drawn from. */
  readonly mean: Float64Array
  readonly deviation: Float64Array
  readonly simulatorCalls: number
}

export interface LinearSearchInfo {
  readonly generation: number
  /** Over all candidates, and over those that were kept. */
  readonly meanReturn: number
  readonly bestReturn: number
  readonly simulatorCalls: number
}

/** The controller that a search has come to. */
export const linearPolicyOf = (
  { stateSize, actions }: Pick<Simulator, "stateSize" | "actions">,
  { mean }: Pick<LinearSearchState, "mean">,
  scale?: ReadonlyArray<number>
): LinearPolicy => ({ stateSize, actions, weights: mean, scale: scaleOf(scale, stateSize) })

interface Settings extends Filled<Omit<LinearSearchOptions, "scale">> {
  readonly scale: Float64Array
}

const settingsOf = (simulator: Simulator, options: LinearSearchOptions): Settings => {
  const { initialState, generations = 20, candidates = 32, episodes = 8, key } = options
  const { discount = simulator.discount } = options
  checkSimulator(simulator)
  if (!(discount >= 0 && discount <= 1))
    throw new UvipOptionError({ option: "discount", value: discount, expected: "in [0, 1]" })
  if (discount === 1 && options.horizon === undefined)
    throw new UvipOptionError({ option: "horizon", value: undefined, expected: "given with discount 1" })
  const horizon = options.horizon ?? horizonFor(discount, 0.01)
  for (const [name, value] of Object.entries({ generations, episodes, horizon })) checkCount(name, value)
  checkCount("candidates", candidates, 4)
  const scale = scaleOf(options.scale, simulator.stateSize)
  return { initialState, generations, candidates, episodes, horizon, discount, scale, key }
}

// The normal distribution of the best candidates; drawn: [candidates][weights].
const refit = (
  drawn: ReadonlyArray<Float64Array>,
  scores: ReadonlyArray<number>,
  generation: number,
  generations: number
) => {
  const order = [...scores.keys()].toSorted((a, b) => scores[b] - scores[a])
  const kept = order.slice(0, Math.floor(order.length / 4))
  const average = (of: (candidate: number) => number) =>
    kept.reduce((sum, candidate) => sum + of(candidate), 0) / kept.length
  const mean = drawn[0].map((_, w) => average((candidate) => drawn[candidate][w]))
  // Without the added variance, which ends half-way, the search would narrow down too soon (Szita and Lorincz).
  const added = Math.max(0, 0.5 - generation / generations)
  const deviation = mean.map((centre, w) =>
    Math.sqrt(average((candidate) => (drawn[candidate][w] - centre) ** 2) + added)
  )
  return { mean, deviation, bestReturn: average((candidate) => scores[candidate]) }
}

/**
 * A search for a good linear controller, one generation a step, by the cross-entropy method with decreasing noise (Szita and Lorincz, "Learning
 * Tetris using the noisy cross-entropy method", 2006): normal candidates, refitted to the best quarter. The controller of a state is
 * `linearPolicyOf(simulator, state, scale)`. Fails with `SimulatorError`, and with `UvipOptionError` for options out of range.
 *
 * @example
 * const state = yield* run(yield* linearSearch(simulator, { initialState: cartPoleStart, key: key(1) }))
 */
export const linearSearch = (
  simulator: Simulator,
  options: LinearSearchOptions
): Effect.Effect<Iteration<LinearSearchState, LinearSearchInfo, SimulatorError>, UvipOptionError> =>
  attempt<UvipOptionError>()(() => {
    const settings = settingsOf(simulator, options)
    const { initialState, generations, candidates, episodes, horizon, scale } = settings
    const { stateSize, actions } = simulator
    const judged = { ...simulator, discount: settings.discount }
    return {
      init: Effect.sync(() => ({
        generation: 0,
        mean: new Float64Array(actions * (stateSize + 1)),
        deviation: new Float64Array(actions * (stateSize + 1)).fill(1),
        simulatorCalls: 0
      })),
      step: Effect.fnUntraced(function* (state) {
        const key = fold(settings.key, state.generation)
        const random = stream(fold(key, "candidates"))
        const drawn = Array.from({ length: candidates }, () =>
          state.mean.map((mean, w) => mean + state.deviation[w] * random.normal())
        )
        const starts = new Float64Array(episodes * stateSize)
        for (let episode = 0; episode < episodes; episode++)
          initialState(
            fold(fold(key, "initial"), episode),
            starts.subarray(episode * stateSize, (episode + 1) * stateSize)
          )
        const scores: Array<number> = []
        let { simulatorCalls } = state
        for (const weights of drawn) {
          const { returns, calls } = yield* returnsFrom(
            judged,
            linearActing({ stateSize, actions, weights, scale }),
            { starts, episodes: 1, horizon, key: fold(key, "episodes") }
          )
          scores.push(returns.reduce((a, b) => a + b, 0) / episodes)
          simulatorCalls += calls
        }
        const { mean, deviation, bestReturn } = refit(drawn, scores, state.generation, generations)
        const generation = state.generation + 1
        const meanReturn = scores.reduce((a, b) => a + b, 0) / candidates
        return [
          { generation, mean, deviation, simulatorCalls },
          { generation, meanReturn, bestReturn, simulatorCalls }
        ] as const
      }),
      isDone: ({ generation }) => generation >= generations
    }
  })
