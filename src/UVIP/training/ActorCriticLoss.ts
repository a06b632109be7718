import type { Operations, Tensor } from "../../Tensor/index.ts"

/** Tensors by name: `actor.weights.0`, `actor.biases.0`, ..., `critic.weights.0`, ... */
export type NamedTensors = Readonly<Record<string, Tensor>>

/** Rows of experience on the device. */
export interface Batch {
  /** [rows, stateSize], scaled */
  readonly states: Tensor
  /** [rows, actions]: 1 at the action taken. */
  readonly taken: Tensor
  /** [rows]: the logarithm of its probability when it was taken. */
  readonly logProbabilities: Tensor
  /** [rows] */
  readonly advantages: Tensor
  /** [rows]: what the critic is to learn. */
  readonly targets: Tensor
}

export interface LossSettings {
  readonly layers: number
  readonly clip: number
  readonly valueWeight: number
  readonly entropyWeight: number
}

/** A perceptron's outputs, tanh between its layers; inputs: [rows, inputs], result: [rows, outputs]. */
export const forward = (
  t: Operations,
  parameters: NamedTensors,
  part: "actor" | "critic",
  layers: number,
  inputs: Tensor
): Tensor => {
  let values = inputs
  for (let l = 0; l < layers; l++) {
    values = t.linear(values, parameters[`${part}.weights.${l}`], parameters[`${part}.biases.${l}`])
    if (l + 1 < layers) values = t.tanh(values)
  }
  return values
}

/** log pi(a | s) of the actions taken, [rows], and of all, [rows, actions]. */
export const logProbabilitiesOf = (
  t: Operations,
  parameters: NamedTensors,
  layers: number,
  { states, taken }: Pick<Batch, "states" | "taken">
) => {
  const all = t.logSoftmax(forward(t, parameters, "actor", layers, states))
  return { all, chosen: t.sum(t.multiply(all, taken), { axes: [1] }) }
}

/**
 * The clipped surrogate of the policy's gain, the critic's squared error, and a reward for entropy (Schulman et al., "Proximal policy
 * optimization algorithms", 2017, equation 9), as one number to be made small. Where the policy is still the one that acted, its gradient is that of advantage
 * actor-critic (Mnih et al., "Asynchronous methods for deep reinforcement learning", 2016).
 */
export const actorCriticLoss = (
  t: Operations,
  parameters: NamedTensors,
  batch: Batch,
  { layers, clip, valueWeight, entropyWeight }: LossSettings
): Tensor => {
  const { all, chosen } = logProbabilitiesOf(t, parameters, layers, batch)
  const ratio = t.exp(t.subtract(chosen, batch.logProbabilities))
  const clipped = t.minimum(t.maximum(ratio, 1 - clip), 1 + clip)
  const gain = t.mean(t.minimum(t.multiply(ratio, batch.advantages), t.multiply(clipped, batch.advantages)))
  const values = t.reshape(forward(t, parameters, "critic", layers, batch.states), batch.targets.shape)
  const error = t.mean(t.square(t.subtract(values, batch.targets)))
  const entropy = t.negate(t.mean(t.sum(t.multiply(t.exp(all), all), { axes: [1] })))
  return t.subtract(t.multiply(error, valueWeight), t.add(gain, t.multiply(entropy, entropyWeight)))
}
