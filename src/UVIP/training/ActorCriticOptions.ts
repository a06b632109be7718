import type { Key } from "../../Random/index.ts"
import { checkCount, UvipOptionError } from "../Errors.ts"
import type { Filled } from "./Filled.ts"
import type { InitialState } from "../simulation/Gymnasium.ts"
import { scaleOf } from "../policies/StateScale.ts"
import type { Simulator } from "../simulation/Simulator.ts"

export interface ActorCriticOptions {
  readonly initialState: InitialState
  readonly updates: number
  /** Each coordinate of a state is divided by its scale first; default 1. */
  readonly scale?: ReadonlyArray<number> | undefined
  /** Side by side; default 32. */
  readonly environments?: number | undefined
  /** Of each environment between two updates; default 64. */
  readonly steps?: number | undefined
  /** After which an episode is truncated; default 500. */
  readonly maxSteps?: number | undefined
  /** Units of the hidden layers of actor and critic; default [32, 32]. */
  readonly hidden?: ReadonlyArray<number> | undefined
  /** Of Adam at the first update, falling to 0 along a line; default 3e-3. */
  readonly learningRate?: number | undefined
  /** Of the rewards that are learned from, in [0, 1]; default: the simulator's. */
  readonly discount?: number | undefined
  /** Lambda of generalised advantage estimation, in [0, 1]; default 0.95. */
  readonly trace?: number | undefined
  /** Weight of the entropy of the policy; default 0.001. */
  readonly entropy?: number | undefined
  /** Passes over what was seen, in minibatches; default 4 and 4. */
  readonly epochs?: number | undefined
  readonly minibatches?: number | undefined
  readonly key: Key
}

export interface Settings extends Filled<Omit<ActorCriticOptions, "scale" | "hidden">> {
  readonly scale: Float64Array
  /** Of the actor and of the critic. */
  readonly sizes: { readonly actor: ReadonlyArray<number>; readonly critic: ReadonlyArray<number> }
}

const wrong = (option: string, value: unknown, expected: string): UvipOptionError =>
  new UvipOptionError({ option, value, expected })

/** Throws a `UvipOptionError` for an option out of its range. */
export const settingsOf = (simulator: Simulator, options: ActorCriticOptions): Settings => {
  const { initialState, updates, environments = 32, steps = 64, maxSteps = 500, hidden = [32, 32] } = options
  const { learningRate = 3e-3, discount = simulator.discount, trace = 0.95, entropy = 0.001 } = options
  const { epochs = 4, minibatches = 4, key } = options
  for (const [name, value] of Object.entries({ updates, environments, steps, maxSteps, epochs, minibatches }))
    checkCount(name, value)
  for (const units of hidden) checkCount("hidden", units)
  if (!(learningRate > 0 && learningRate < Infinity))
    throw wrong("learningRate", learningRate, "positive and finite")
  for (const [name, value] of Object.entries({ discount, trace }))
    if (!(value >= 0 && value <= 1)) throw wrong(name, value, "in [0, 1]")
  if (!(entropy >= 0 && entropy < Infinity)) throw wrong("entropy", entropy, "at least 0 and finite")
  const rows = environments * steps
  if (minibatches > rows) throw wrong("minibatches", minibatches, `at most the ${rows} rows of an update`)
  const { stateSize, actions } = simulator
  return {
    initialState,
    updates,
    environments,
    steps,
    maxSteps,
    learningRate,
    discount,
    trace,
    entropy,
    epochs,
    minibatches,
    key,
    scale: scaleOf(options.scale, stateSize),
    sizes: { actor: [stateSize, ...hidden, actions], critic: [stateSize, ...hidden, 1] }
  }
}

export const parts = ["actor", "critic"] as const

/** Names and shapes of all parameters. */
export const shapesOf = ({ sizes }: Settings): Readonly<Record<string, ReadonlyArray<number>>> =>
  Object.fromEntries(
    parts.flatMap((part) =>
      sizes[part].slice(1).flatMap((outputs, l) => [
        [`${part}.weights.${l}`, [sizes[part][l], outputs]],
        [`${part}.biases.${l}`, [outputs]]
      ])
    )
  )
