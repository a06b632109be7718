import { Effect } from "effect"
import { type Key, stream } from "../../Random/index.ts"
import { Backend, compute, type Operations, Tensor, type TensorError } from "../../Tensor/index.ts"
import { upload } from "../../Tensor/Host.ts"
import type { ScoredChains } from "../Chains.ts"
import { checkCount, checkPositive } from "../Errors.ts"
import type { Functionals } from "../Functionals.ts"
import { coordinateBlocks, standardCoordinates, type StandardCoordinates } from "./Coordinates.ts"
import { extended, type FeatureFamily, type Features } from "./Features.ts"
import { polynomialFeatures } from "./PolynomialFeatures.ts"

export interface NeuralChoice {
  readonly kind: "neural"
  readonly key: Key
  /** Hidden units; default 32. */
  readonly units?: number | undefined
  /** Of Adam, on minibatches of 256 draws; default 1000. */
  readonly steps?: number | undefined
  /** Falls to 0 along a line; default 0.01. */
  readonly learningRate?: number | undefined
}

/** The hidden layer of a network psi(x) = sum_k a_k tanh(w_k . x + b_k), in whitened coordinates. */
export interface HiddenLayer {
  readonly units: number
  /** [dimensions, units] */
  readonly weights: Float64Array
  /** [units] */
  readonly biases: Float64Array
}

const batchSize = 256

/**
 * The image of each hidden unit under the Stein operator, |w|^2 tanh''(u) + (s . w) tanh'(u), u = w . x + b: zero mean under the target whatever the weights are.
 * x and s in the coordinates of the layer.
 */
export const unitsOf = (
  { units, weights, biases }: HiddenLayer,
  coordinates: StandardCoordinates,
  chains: ScoredChains
): Omit<Features, "levels"> => {
  const d = chains.dimensions
  const squares = new Float64Array(units)
  for (let i = 0; i < d; i++) for (let k = 0; k < units; k++) squares[k] += weights[i * units + k] ** 2
  const read = coordinateBlocks(coordinates, chains)
  return {
    count: units,
    write: (first, length, target, stride) => {
      const { x, s, stride: room } = read(first, length)
      for (let k = 0; k < units; k++)
        for (let t = 0; t < length; t++) {
          let [u, along] = [biases[k], 0]
          for (let i = 0; i < d; i++) {
            const weight = weights[i * units + k]
            u += weight * x[i * room + t]
            along += weight * s[i * room + t]
          }
          const tanh = Math.tanh(u)
          target[k * stride + t] = (1 - tanh * tanh) * (along - 2 * squares[k] * tanh)
        }
    }
  }
}

/** The mean square of f - c - Z a over a minibatch, all functionals together; x, s: [rows, dimensions], f: [rows, functionals]. */
const lossOf = (
  t: Operations,
  parameters: Readonly<Record<"weights" | "biases" | "outputs" | "means", Tensor>>,
  x: Tensor,
  s: Tensor,
  f: Tensor
): Tensor => {
  const { weights, biases, outputs, means } = parameters
  const tanh = t.tanh(t.linear(x, weights, biases))
  const squares = t.sum(t.multiply(weights, weights), { axes: [0] })
  const slope = t.subtract(1, t.multiply(tanh, tanh))
  const features = t.multiply(
    slope,
    t.subtract(t.matmul(s, weights), t.multiply(t.multiply(squares, 2), tanh))
  )
  const rest = t.subtract(f, t.linear(features, outputs, means))
  return t.divide(t.sumOfSquares(rest), f.shape[0])
}

/** Learns the hidden layer by Adam on the backend; its output layer is left to the quadratic form. */
const learn = Effect.fnUntraced(function* (
  chains: ScoredChains,
  functionals: Functionals,
  coordinates: StandardCoordinates,
  choice: NeuralChoice
) {
  const { units = 32, steps = 1000, learningRate = 0.01 } = choice
  const d = chains.dimensions
  const count = chains.chains * chains.draws
  const outputs = functionals.names.length
  const random = stream(choice.key)
  const scaled = functionals.values.map((values) => {
    const mean = values.reduce((sum, value) => sum + value / count, 0)
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2 / count, 0))
    return values.map((value) => (deviation > 0 ? (value - mean) / deviation : 0))
  })
  const normals = (size: number, deviation: number): Float64Array => {
    const values = new Float64Array(size)
    random.fillNormal(values, 0, deviation)
    return values
  }
  const shapes = {
    weights: [d, units],
    biases: [units],
    outputs: [units, outputs],
    means: [outputs]
  } as const
  const parameters = {
    weights: yield* Tensor.fromArray(normals(d * units, 1 / Math.sqrt(d)), [d, units]),
    biases: yield* Tensor.fromArray(normals(units, 1), [units]),
    outputs: yield* Tensor.full([units, outputs], 0),
    means: yield* Tensor.full([outputs], 0)
  }
  const zeros = Effect.all({
    weights: Tensor.full(shapes.weights, 0),
    biases: Tensor.full(shapes.biases, 0),
    outputs: Tensor.full(shapes.outputs, 0),
    means: Tensor.full(shapes.means, 0)
  })
  const [first, second] = [yield* zeros, yield* zeros]
  const rows = Math.min(batchSize, count)
  const [x, s, f] = [new Float64Array(rows * d), new Float64Array(rows * d), new Float64Array(rows * outputs)]
  const [position, score] = [new Float64Array(d), new Float64Array(d)]
  for (let step = 0; step < steps; step++) {
    for (let row = 0; row < rows; row++) {
      const draw = random.integer(count)
      coordinates.write(chains, draw, 1, position, score, 1)
      x.set(position, row * d)
      s.set(score, row * d)
      for (let q = 0; q < outputs; q++) f[row * outputs + q] = scaled[q][draw]
    }
    yield* compute((t) => {
      const batch = [
        upload(t.region, x.slice(), [rows, d]),
        upload(t.region, s.slice(), [rows, d]),
        upload(t.region, f.slice(), [rows, outputs])
      ] as const
      const { gradients } = t.valueAndGradients(parameters, () => ({
        value: lossOf(t, parameters, ...batch)
      }))
      for (const name of ["weights", "biases", "outputs", "means"] as const)
        t.adamW(
          {
            parameter: parameters[name],
            gradient: gradients[name],
            first: first[name],
            second: second[name],
            scale: upload(t.region, [1], [1])
          },
          {
            learningRate: learningRate * (1 - step / steps),
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weightDecay: 0,
            correction1: 1 - 0.9 ** (step + 1),
            correction2: 1 - 0.999 ** (step + 1)
          }
        )
      return undefined
    })
    yield* Effect.yieldNow
  }
  const layer: HiddenLayer = {
    units,
    weights: Float64Array.from(yield* Tensor.toArray(parameters.weights)),
    biases: Float64Array.from(yield* Tensor.toArray(parameters.biases))
  }
  return layer
}, Effect.scoped)

/**
 * A neural control variate: the Stein operator applied to a network of one hidden layer, psi(x) = sum_k a_k tanh(w_k . x + b_k), beside polynomials. The hidden layer is
 * learnt on the backend by reverse-mode differentiation, from the variance of f; its outputs a then come from the quadratic form like all other coefficients
 * (after Si et al. 2022, "Scalable control variates for Monte Carlo methods via stochastic optimization"). Fails with the backend's errors; throws a
 * `ControlVariateOptionError` for settings out of range, and as `standardCoordinates` does.
 */
export const neuralFamily = (
  chains: ScoredChains,
  functionals: Functionals,
  choice: NeuralChoice,
  degree: number,
  coordinates: StandardCoordinates
): Effect.Effect<FeatureFamily, TensorError, Backend> => {
  checkCount("units", choice.units ?? 32)
  checkCount("steps", choice.steps ?? 1000)
  checkPositive("learningRate", choice.learningRate ?? 0.01)
  const whitened = standardCoordinates(chains, "whitened")
  return Effect.map(learn(chains, functionals, whitened, choice), (layer) => ({
    name: "neural",
    featuresOf: (others) =>
      extended(polynomialFeatures(others, degree, coordinates), unitsOf(layer, whitened, others))
  }))
}
