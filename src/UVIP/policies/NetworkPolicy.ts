import { type Key, stream } from "../../Random/index.ts"
import { evaluate, type Network } from "./Network.ts"
import { scaled } from "./StateScale.ts"

/** A network that scores the actions of a scaled state. */
export interface NetworkPolicy {
  readonly network: Network
  /** [stateSize]: each coordinate of a state is divided by its scale first. */
  readonly scale: Float64Array
  /** Whether the largest score is taken, or an action by the softmax of the scores. */
  readonly isGreedy: boolean
}

/** An action for each row by the network's scores; states: [rows, stateSize], into: [rows]. */
export const chooseByNetwork = (
  { network, scale, isGreedy }: NetworkPolicy,
  states: Float64Array,
  rows: number,
  key: Key,
  into: Int32Array
): void => {
  const actions = network.sizes[network.sizes.length - 1]
  const logits = evaluate(network, scaled(states, rows, scale), rows)
  const random = stream(key)
  for (let row = 0; row < rows; row++) {
    const own = logits.subarray(row * actions, (row + 1) * actions)
    into[row] = isGreedy ? argmax(own) : sampleSoftmax(own, random.uniform())
  }
}

const argmax = (scores: Float64Array): number => {
  let best = 0
  for (let i = 1; i < scores.length; i++) if (scores[i] > scores[best]) best = i
  return best
}

// The index at which the softmax's distribution function passes `uniform`.
const sampleSoftmax = (logits: Float64Array, uniform: number): number => {
  const largest = logits[argmax(logits)]
  let total = 0
  for (const logit of logits) total += Math.exp(logit - largest)
  let rest = uniform * total
  for (let i = 0; i < logits.length - 1; i++) {
    rest -= Math.exp(logits[i] - largest)
    if (rest < 0) return i
  }
  return logits.length - 1
}
