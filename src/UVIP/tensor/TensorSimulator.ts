import { Effect } from "effect"
import { upload } from "../../Tensor/Host.ts"
import type { Operations, Tensor } from "../../Tensor/index.ts"
import { attempt, UvipOptionError } from "../Errors.ts"
import type { Mdp } from "../mdp/Mdp.ts"
import { simulatorOf } from "../simulation/ModelSimulator.ts"
import type { Simulator } from "../simulation/Simulator.ts"

/** Tensors that a simulator or a design needs in every draw, by name; made once. */
export type Tables = Readonly<Record<string, Tensor>>

/** Answers on the device: [rows] each. */
export interface TensorTransitions {
  /** One a coordinate of the state. */
  readonly nextStates: ReadonlyArray<Tensor>
  readonly rewards: Tensor
  /** 1 where the episode goes on, 0 where it has ended. */
  readonly goesOn: Tensor
}

/** A simulator whose transitions are tensor operations, for a backend to draw millions of. */
export interface TensorSimulator {
  /** The same problem on the host: what it is called, its sizes and bounds, and where pilots and episodes are drawn. */
  readonly host: Simulator
  /** Uniform numbers in [0, 1) that a transition takes. */
  readonly noiseSize: number
  /** Numbers that a row takes at its widest, to keep blocks within the device's memory. */
  readonly width: number
  readonly tables: (t: Operations) => Tables
  /**
   * Where one action leads; states: [rows] a coordinate, numbered states as floats; noise: [rows] a number. All of its randomness comes from
   * the noise.
   */
  readonly transition: (
    t: Operations,
    tables: Tables,
    states: ReadonlyArray<Tensor>,
    action: number,
    noise: ReadonlyArray<Tensor>
  ) => TensorTransitions
}

/** Whole numbers that float32 can tell apart. */
const largestIndex = 2 ** 24

/**
 * A known MDP on the device: of each row the distribution function of its pair is gathered, and the outcome is the count of its steps that the
 * uniform number has passed, as in `simulatorOf`. In float32 probabilities are good to 1.2e-7. Fails with `UvipOptionError` for one that has more
 * outcomes than float32 can number.
 */
export const tensorSimulatorOf = (
  mdp: Mdp,
  name = "of an MDP"
): Effect.Effect<TensorSimulator, UvipOptionError> =>
  attempt<UvipOptionError>()(() => {
    const { states, actions, offsets, probabilities, successors, rewards, outcomeRewards, terminal } = mdp
    const pairs = states * actions
    let width = 1
    for (let pair = 0; pair < pairs; pair++) width = Math.max(width, offsets[pair + 1] - offsets[pair])
    if (pairs * width >= largestIndex)
      throw new UvipOptionError({
        option: "mdp",
        value: `one of ${pairs} pairs with up to ${width} outcomes`,
        expected: `one whose product of both is below ${largestIndex}`
      })
    // Beyond a pair's last outcome 2, which no number passes; [pairs, width]
    const steps = new Float64Array(pairs * width).fill(2)
    const next = new Float64Array(pairs * width)
    const paid = new Float64Array(pairs * width)
    const goesOn = new Float64Array(pairs * width)
    for (let pair = 0; pair < pairs; pair++) {
      let total = 0
      for (let e = offsets[pair]; e < offsets[pair + 1]; e++) {
        const at = pair * width + e - offsets[pair]
        total += probabilities[e]
        if (e + 1 < offsets[pair + 1]) steps[at] = total
        next[at] = successors[e]
        paid[at] = outcomeRewards?.[e] ?? rewards[pair]
        goesOn[at] = terminal[successors[e]] === 1 ? 0 : 1
      }
    }
    return {
      host: simulatorOf(mdp, name),
      noiseSize: 1,
      width,
      tables: (t) => ({
        steps: upload(t.region, steps, [pairs, width]),
        next: upload(t.region, next, [pairs * width]),
        paid: upload(t.region, paid, [pairs * width]),
        goesOn: upload(t.region, goesOn, [pairs * width])
      }),
      transition: (t, tables, [state], action, [uniform]) => {
        const pair = t.add(t.multiply(state, actions), action)
        const passed = t.lessEqual(t.gather(tables.steps, t.cast(pair, "int32")), t.reshape(uniform, [-1, 1]))
        const outcome = t.sum(t.cast(passed, pair.dtype), { axes: [1] })
        const at = t.cast(t.add(t.multiply(pair, width), outcome), "int32")
        return {
          nextStates: [t.gather(tables.next, at)],
          rewards: t.gather(tables.paid, at),
          goesOn: t.gather(tables.goesOn, at)
        }
      }
    }
  })
