import type { Task } from "../../src/Distill/Task.ts"
import { fold } from "../../src/Random/index.ts"
import { compute, type Tensor } from "../../src/Tensor/index.ts"
import { upload } from "../../src/Tensor/Host.ts"
import { Effect } from "effect"

export interface Examples {
  /** [rows, 3] */
  readonly inputs: Float64Array
  /** [rows, 2] */
  readonly targets: Float64Array
}

export const inputWidth = 3
export const outputWidth = 2

/** The affine map that is to be found: [3, 2] and [2]. */
export const plantedWeight = [1, -2, 0.5, 3, -1, 0.25]
export const plantedBias = [0.5, -1.5]

/** Untrained parameters, of the current scope. */
export const freshParameters = compute((t) => ({
  "layer.weight": upload(t.region, [0.1, -0.2, 0.3, 0.4, -0.5, 0.6], [inputWidth, outputWidth]),
  "layer.bias": upload(t.region, [0.05, -0.05], [outputWidth])
}))

export type Parameters = Effect.Success<typeof freshParameters>

const answer = (inputs: Float64Array): Float64Array => {
  const rows = inputs.length / inputWidth
  const targets = new Float64Array(rows * outputWidth)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < outputWidth; column++) {
      let sum = plantedBias[column]
      for (let i = 0; i < inputWidth; i++)
        sum += inputs[row * inputWidth + i] * plantedWeight[i * outputWidth + column]
      targets[row * outputWidth + column] = sum
    }
  return targets
}

export interface RegressionOptions {
  readonly rows?: number
  readonly dropout?: number
}

/** Least squares with dropout on the inputs if asked for: a loss with everything that a trainer deals with, and 8 parameters. */
export const regression = (parameters: Parameters, options: RegressionOptions = {}): Task<Examples> => {
  const { rows = 8, dropout = 0 } = options
  return {
    parameters,
    nextBatch: (stream) => {
      const inputs = new Float64Array(rows * inputWidth)
      stream.fillNormal(inputs)
      return { inputs, targets: answer(inputs) }
    },
    tokens: () => rows,
    prepare: (t, { inputs, targets }, key) => {
      const x = upload(t.region, inputs, [rows, inputWidth])
      const y = upload(t.region, targets, [rows, outputWidth])
      const [first, second] = fold(key, "inputs")
      return () => {
        const kept = t.dropout(x, dropout, [first, second])
        const distance = t.subtract(t.linear(kept, parameters["layer.weight"], parameters["layer.bias"]), y)
        const squares: Tensor = t.mean(t.square(distance))
        return { value: squares, parts: { squares } }
      }
    },
    description: { task: "regression", rows, dropout }
  }
}
