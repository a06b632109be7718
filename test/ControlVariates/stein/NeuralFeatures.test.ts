import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { ControlVariates, type FitOptions, functional } from "../../../src/ControlVariates/index.ts"
import { standardCoordinates } from "../../../src/ControlVariates/stein/Coordinates.ts"
import { unitsOf } from "../../../src/ControlVariates/stein/NeuralFeatures.ts"
import * as Layers from "../../../src/Layers/index.ts"
import { key, stream } from "../../../src/Random/index.ts"
import { gaussianChains } from "../gaussianChains.ts"
import { expectations } from "./steinExpectation.ts"

const layerOf = (dimensions: number, units: number) => {
  const random = stream(key("layer"))
  const normals = (size: number) => new Float64Array(size).map(() => random.normal())
  return { units, weights: normals(dimensions * units), biases: normals(units) }
}

describe("hidden units under the Stein operator", () => {
  it("have zero mean under the target, of one mode and of two", () => {
    const chains = gaussianChains({ mean: [0], precision: [1], chains: 1, draws: 100 })
    const coordinates = standardCoordinates(chains, "whitened")
    const layer = layerOf(1, 7)
    const family = {
      name: "neural",
      featuresOf: (others: typeof chains) => ({ levels: [], ...unitsOf(layer, coordinates, others) })
    } as const
    for (const apart of [0, 2])
      for (const mean of expectations(family, apart)) assert.isBelow(Math.abs(mean), 1e-10)
  })

  it("are the Laplacian and the score along the gradient of tanh, by central differences", () => {
    const chains = gaussianChains({ mean: [0, 1], precision: [2, 0.3, 0.3, 1], chains: 1, draws: 20 })
    const coordinates = standardCoordinates(chains, "given")
    const layer = layerOf(2, 3)
    const z = new Float64Array(3 * 20)
    unitsOf(layer, coordinates, chains).write(0, 20, z, 20)
    const h = 1e-4
    for (let t = 0; t < 20; t++)
      for (let k = 0; k < 3; k++) {
        const psi = (dx: number, dy: number) =>
          Math.tanh(
            layer.biases[k] +
              layer.weights[k] * (chains.values[2 * t] + dx) +
              layer.weights[3 + k] * (chains.values[2 * t + 1] + dy)
          )
        const laplacian = (psi(h, 0) + psi(-h, 0) + psi(0, h) + psi(0, -h) - 4 * psi(0, 0)) / h ** 2
        const along =
          (chains.scores[2 * t] * (psi(h, 0) - psi(-h, 0)) +
            chains.scores[2 * t + 1] * (psi(0, h) - psi(0, -h))) /
          (2 * h)
        assert.closeTo(z[k * 20 + t], laplacian + along, 1e-6)
      }
  })
})

const chainsOf = (seed: string) =>
  gaussianChains({ mean: [0, 0], precision: [1, 0, 0, 1], chains: 2, draws: 1500, seed })

const f = ([x, y]: Float64Array) => Math.tanh(2 * x - y + 0.5) + 0.2 * x * y

const options = (steps: number): FitOptions => ({
  degree: 2,
  objective: "evm",
  features: { kind: "neural", key: key("neural"), units: 16, steps }
})

describe("a neural control variate", () => {
  it.effect("learns what polynomials of its degree cannot, and the same from the same key", () =>
    Effect.gen(function* () {
      const variates = yield* ControlVariates
      const [training, fresh] = [chainsOf("training"), chainsOf("fresh")]
      const fit = (fitOptions: FitOptions) =>
        Effect.gen(function* () {
          const variate = yield* variates.fit(training, functional(training, "f", f), fitOptions)
          const { estimates } = yield* variates.evaluate(variate, fresh, functional(fresh, "f", f))
          return { ...estimates[0], coefficients: variate.functionals[0].coefficients }
        })
      const polynomials = yield* fit({ degree: 2, objective: "evm" })
      const neural = yield* fit(options(300))
      assert.isAbove(neural.varianceReduction, 10 * polynomials.varianceReduction)
      const again = yield* fit(options(300))
      assert.deepStrictEqual(again.coefficients, neural.coefficients)
    }).pipe(Effect.provide(ControlVariates.layer), Effect.provide(Layers.mock()))
  )

  it.effect("is refitted without each fold by reduce, and its error holds the truth", () =>
    Effect.gen(function* () {
      const variates = yield* ControlVariates
      const chains = chainsOf("reduce")
      const { estimates } = yield* variates.reduce(chains, functional(chains, "f", f), {
        ...options(150),
        folds: 2
      })
      const [{ meanCv, mcseCv, mcse }] = estimates
      // E tanh(u), u ~ N(1/2, 5), by the trapezoidal rule.
      let truth = 0
      for (let i = -4000; i <= 4000; i++) {
        const z = i / 400
        truth += (Math.tanh(0.5 + Math.sqrt(5) * z) * Math.exp(-0.5 * z * z)) / 400 / Math.sqrt(2 * Math.PI)
      }
      assert.isBelow(Math.abs(meanCv - truth), 4 * mcseCv)
      assert.isBelow(mcseCv, mcse / 2)
    }).pipe(Effect.provide(ControlVariates.layer), Effect.provide(Layers.mock()))
  )

  it.effect("says which of its settings is out of range", () =>
    Effect.gen(function* () {
      const variates = yield* ControlVariates
      const chains = chainsOf("settings")
      const result = yield* Effect.result(
        variates.fit(chains, functional(chains, "f", f), {
          features: { kind: "neural", key: key(1), units: 0 }
        })
      )
      assert.isTrue(
        Result.isFailure(result) && /units must be a whole number of at least 1/.test(result.failure.message)
      )
    }).pipe(Effect.provide(ControlVariates.layer), Effect.provide(Layers.mock()))
  )
})
