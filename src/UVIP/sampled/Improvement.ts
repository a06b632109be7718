import { fold, type Key } from "../../Random/index.ts"
import { type ActingPolicy, originOfPolicy } from "../policies/ActingPolicy.ts"
import { openEpisodes } from "../simulation/Rollouts.ts"
import { drawTransitions, type Simulator } from "../simulation/Simulator.ts"
import { madeBy, originOfSimulator, type SimulatorOrigin } from "../simulation/SimulatorOrigin.ts"

/**
 * A simulator whose optimal value is V* - V, V(x) = the policy's mean return from x up to the horizon: rewards r + discount V(Y) - V(x), each V an
 * episode of its own, 0 after termination. By telescoping, any policy's value in it is its value in `source` less V (Ng, Harada and Russell,
 * "Policy invariance under reward transformations", 1999), and noise of mean 0 in rewards changes no value. Its
 * calls are those of `source`, episodes included.
 *
 * It is for continuous states. The control variate is then known in every next state and not at design points alone, so that what is
 * left to carry from point to point is how much better than the policy one can be: nothing where the policy is optimal. Between
 * points only V* - V need be Lipschitz.
 */
export const improvementOver = (source: Simulator, policy: ActingPolicy, horizon: number): Simulator => {
  const { stateSize, discount, valueBounds } = source
  // V, which ends at the horizon, lies between this share of the bounds (0 is between them where episodes end).
  const seen = 1 - discount ** horizon
  let simulatorCalls = 0
  const returnsOf = (states: Float64Array, key: Key): Float64Array => {
    const { returns, advance } = openEpisodes(source, policy, states, key)
    for (let step = 0; step < horizon; step++) {
      const made = advance()
      if (made === 0) break
      simulatorCalls += made
    }
    return returns
  }
  const sampleNext: Simulator["sample"] = (states, actions, key, into) => {
    drawTransitions(source, states, actions, fold(key, "transition"), into)
    simulatorCalls += actions.length
  }
  const simulator: Simulator = {
    name: `improvement in ${source.name}`,
    states: source.states,
    terminal: source.terminal,
    stateSize,
    actions: source.actions,
    discount,
    valueBounds: [valueBounds[0] - seen * valueBounds[1], valueBounds[1] - seen * valueBounds[0]],
    callsBeneath: () => simulatorCalls,
    sampleNext,
    sample: (states, actions, key, into) => {
      sampleNext(states, actions, key, into)
      const open: Array<number> = []
      for (let row = 0; row < actions.length; row++) if (into.terminated[row] === 0) open.push(row)
      const nextStates = new Float64Array(open.length * stateSize)
      open.forEach((row, k) =>
        nextStates.set(into.nextStates.subarray(row * stateSize, (row + 1) * stateSize), k * stateSize)
      )
      const before = returnsOf(states, fold(key, "before"))
      const after = returnsOf(nextStates, fold(key, "after"))
      for (let row = 0; row < actions.length; row++) into.rewards[row] -= before[row]
      open.forEach((row, k) => {
        into.rewards[row] += discount * after[k]
      })
    }
  }
  return madeBy(simulator, originOf(source, policy, horizon))
}

const originOf = (source: Simulator, policy: ActingPolicy, horizon: number): SimulatorOrigin | undefined => {
  const [beneath, acting] = [originOfSimulator(source), originOfPolicy(policy)]
  return beneath && acting && { kind: "improvement", source: beneath, policy: acting, horizon }
}
