import { stream } from "../../Random/index.ts"
import { type Mdp, valueBounds } from "../mdp/Mdp.ts"
import type { Simulator } from "./Simulator.ts"
import { madeBy } from "./SimulatorOrigin.ts"

/**
 * A simulator of a known MDP: one uniform number a row, pushed through the inverse distribution function, so that rows drawn with one key share
 * their noise. A terminal state stays where it is.
 */
export const simulatorOf = (mdp: Mdp, name = "of an MDP"): Simulator =>
  madeBy(sampling(mdp, name), { kind: "mdp", mdp, name })

const sampling = (mdp: Mdp, name: string): Simulator => {
  const { actions, offsets, probabilities, successors, rewards, outcomeRewards, terminal } = mdp
  return {
    name,
    states: mdp.states,
    terminal,
    stateSize: 1,
    actions,
    discount: mdp.discount,
    valueBounds: outcomeBounds(mdp),
    sample: (states, chosen, key, into) => {
      const random = stream(key)
      for (let row = 0; row < chosen.length; row++) {
        const state = states[row]
        if (terminal[state] === 1) {
          into.nextStates[row] = state
          into.rewards[row] = 0
          into.terminated[row] = 1
          continue
        }
        const pair = state * actions + chosen[row]
        let at = offsets[pair]
        const last = offsets[pair + 1] - 1
        for (let left = random.uniform() - probabilities[at]; left >= 0 && at < last; )
          left -= probabilities[++at]
        const next = successors[at]
        into.nextStates[row] = next
        into.rewards[row] = outcomeRewards === undefined ? rewards[pair] : outcomeRewards[at]
        into.terminated[row] = terminal[next]
      }
    }
  }
}

// A simulator's user sees single rewards, so the bounds that hold for these are given, not those of their expectations.
const outcomeBounds = (mdp: Mdp): readonly [number, number] => {
  const [least, largest] = valueBounds(mdp)
  if (mdp.outcomeRewards === undefined) return [least, largest]
  const scale = 1 - mdp.discount
  return [
    mdp.outcomeRewards.reduce((a, b) => Math.min(a, b / scale), least),
    mdp.outcomeRewards.reduce((a, b) => Math.max(a, b / scale), largest)
  ]
}
