import type { Operations } from "../Tensor/index.ts"
import { type Optimizer, type ParameterGroup, settingsOf, type Tensors, type Update } from "./Optimizer.ts"

export interface AdamWSettings {
  /** Decay of the running mean of the gradient, in [0, 1); default 0.9. */
  readonly beta1?: number
  /** Decay of the running mean of its square, in [0, 1); default 0.95. */
  readonly beta2?: number
  /** Default 1e-8. */
  readonly epsilon?: number
  /** Decoupled: an update also takes learningRate * weightDecay * w off a weight w. Default 0.1, on matrices alone. */
  readonly weightDecay?: number
  readonly groups?: ReadonlyArray<ParameterGroup>
}

/**
 * AdamW (Loshchilov and Hutter, "Decoupled weight decay regularization", 2019, algorithm 2); defaults are those of GPT-3 (Brown et
 * al., 2020). Two moments for each parameter: NAME.first and NAME.second.
 *
 * @example
 * const optimizer = adamW({ groups: [{ matches: (name) => name.endsWith(".left"), learningRate: 3 }] })
 */
export const adamW = (settings: AdamWSettings = {}): Optimizer => {
  const { beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8, weightDecay = 0.1, groups = [] } = settings

  const update = (t: Operations, { parameters, moments, gradients, scale, step, learningRate }: Update) => {
    const shared = { beta1, beta2, epsilon, correction1: 1 - beta1 ** step, correction2: 1 - beta2 ** step }
    for (const [name, parameter] of Object.entries(parameters)) {
      const own = settingsOf(name, parameter.shape, weightDecay, groups)
      t.adamW(
        {
          parameter,
          gradient: gradients[name],
          first: moments[`${name}.first`],
          second: moments[`${name}.second`],
          scale
        },
        { ...shared, learningRate: learningRate * own.learningRate, weightDecay: own.weightDecay }
      )
    }
  }

  const describe = (parameters: Tensors) => ({
    optimizer: "AdamW",
    beta1,
    beta2,
    epsilon,
    parameters: Object.fromEntries(
      Object.entries(parameters).map(([name, { shape }]) => {
        const own = settingsOf(name, shape, weightDecay, groups)
        return [name, [own.learningRate, own.weightDecay]]
      })
    )
  })

  return { initialMoments, update, describe }
}

const initialMoments = (t: Operations, parameters: Tensors) =>
  Object.fromEntries(
    Object.entries(parameters).flatMap(([name, x]) => [
      [`${name}.first`, t.full(x.shape, 0, x.dtype)],
      [`${name}.second`, t.full(x.shape, 0, x.dtype)]
    ])
  )
