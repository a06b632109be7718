import { fold, type Key, stream } from "../../Random/index.ts"

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
