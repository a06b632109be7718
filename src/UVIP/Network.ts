import { fold, type Key, stream } from "../Random/index.ts"
import type { ActingPolicy } from "./ActingPolicy.ts"
import { policyMadeBy } from "./Origin.ts"

/** A multilayer perceptron, tanh between its layers, in numbers of the host. */
export interface Network {
  /** Inputs, hidden units layer by layer, outputs. */
  readonly sizes: ReadonlyArray<number>
  /** One a layer: [sizes[l], sizes[l + 1]] */
  readonly weights: ReadonlyArray<Float64Array>
  /** One a layer: [sizes[l + 1]] */
  readonly biases: ReadonlyArray<Float64Array>
}

/**
 * Normal weights of variance 1 / inputs, those of the last layer times `lastGain`: a small one makes a policy begin near uniform. Biases
 * are 0.
 */
export const initNetwork = (sizes: ReadonlyArray<number>, key: Key, lastGain: number): Network => {
  const layers = sizes.slice(1).map((outputs, l) => {
    const weights = new Float64Array(sizes[l] * outputs)
    const gain = l === sizes.length - 2 ? lastGain : 1
    stream(fold(key, l)).fillNormal(weights, 0, gain / Math.sqrt(sizes[l]))
    return { weights, biases: new Float64Array(outputs) }
  })
  return { sizes, weights: layers.map((l) => l.weights), biases: layers.map((l) => l.biases) }
}

/** What the network makes of each row; inputs: [rows, sizes[0]], outputs: [rows, sizes.at(-1)]. */
export const evaluate = (
  { sizes, weights, biases }: Network,
  inputs: Float64Array,
  rows: number
): Float64Array => {
  let values = inputs
  for (let l = 0; l + 1 < sizes.length; l++) {
    const [from, to] = [sizes[l], sizes[l + 1]]
    const weight = weights[l]
    const next = new Float64Array(rows * to)
    for (let row = 0; row < rows; row++) {
      const own = next.subarray(row * to, (row + 1) * to)
      own.set(biases[l])
      for (let i = 0; i < from; i++) {
        const value = values[row * from + i]
        for (let j = 0; j < to; j++) own[j] += value * weight[i * to + j]
      }
      if (l + 2 < sizes.length) for (let j = 0; j < to; j++) own[j] = Math.tanh(own[j])
    }
    values = next
  }
  return values
}

/** A network that scores the actions of a scaled state. */
export interface NetworkPolicy {
  readonly network: Network
  /** [stateSize]: each coordinate of a state is divided by its scale first. */
  readonly scale: Float64Array
  /** Whether the largest score is taken, or an action by the softmax of the scores. */
  readonly isGreedy: boolean
}

/** [rows, stateSize], divided by the scales. */
export const scaled = (states: Float64Array, rows: number, scale: Float64Array): Float64Array => {
  const size = scale.length
  const result = new Float64Array(rows * size)
  for (let e = 0; e < result.length; e++) result[e] = states[e] / scale[e % size]
  return result
}

/** A network that acts. */
export const networkActing = (policy: NetworkPolicy): ActingPolicy =>
  policyMadeBy(byNetwork(policy), { kind: "network", policy })

const byNetwork = ({ network, scale, isGreedy }: NetworkPolicy): ActingPolicy => {
  const actions = network.sizes[network.sizes.length - 1]
  return {
    act: (states, rows, key, into) => {
      const logits = evaluate(network, scaled(states, rows, scale), rows)
      const random = stream(key)
      for (let row = 0; row < rows; row++) {
        const own = logits.subarray(row * actions, (row + 1) * actions)
        into[row] = isGreedy ? largestOf(own) : sampleSoftmax(own, random.uniform())
      }
    }
  }
}

const largestOf = (scores: Float64Array): number => {
  let best = 0
  for (let i = 1; i < scores.length; i++) if (scores[i] > scores[best]) best = i
  return best
}

// The index at which the softmax's distribution function passes `uniform`.
const sampleSoftmax = (logits: Float64Array, uniform: number): number => {
  const largest = logits[largestOf(logits)]
  let total = 0
  for (const logit of logits) total += Math.exp(logit - largest)
  let rest = uniform * total
  for (let i = 0; i < logits.length - 1; i++) {
    rest -= Math.exp(logits[i] - largest)
    if (rest < 0) return i
  }
  return logits.length - 1
}
