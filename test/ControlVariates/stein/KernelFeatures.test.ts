import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import {
  type Chains,
  ControlVariates,
  type FeatureChoice,
  functional,
  type FitOptions
} from "../../../src/ControlVariates/index.ts"
import { standardCoordinates } from "../../../src/ControlVariates/stein/Coordinates.ts"
import { kernelFamily } from "../../../src/ControlVariates/stein/KernelFeatures.ts"
import * as Layers from "../../../src/Layers/index.ts"
import { gaussianChains } from "../gaussianChains.ts"
import { expectations } from "./steinExpectation.ts"

const line = (draws: number, seed: string) =>
  gaussianChains({ mean: [0], precision: [1], chains: 2, draws, seed })

const plane = (draws: number, seed: string) =>
  gaussianChains({ mean: [0, 0], precision: [1, 0, 0, 1], chains: 2, draws, seed })

const wave = (x: Float64Array) => Math.sin(3 * x[0])

const kernel = (points: number): FeatureChoice => ({ kind: "kernel", points })

/** By how much fresh chains' errors fall. */
const freshReduction = Effect.fnUntraced(
  function* (training: Chains, fresh: Chains, f: (x: Float64Array) => number, options: FitOptions) {
    const variates = yield* ControlVariates
    const variate = yield* variates.fit(training, functional(training, "f", f), options)
    const { estimates } = yield* variates.evaluate(variate, fresh, functional(fresh, "f", f))
    return { ...estimates[0], family: variate.functionals[0].family }
  },
  Effect.provide(ControlVariates.layer),
  Effect.provide(Layers.mock())
)

describe("Stein kernels", () => {
  it("have zero mean under the target, of one mode and of two", () => {
    const chains = line(200, "mean")
    const family = kernelFamily(
      chains,
      { kind: "kernel", points: 9 },
      2,
      standardCoordinates(chains, "centred")
    )
    for (const apart of [0, 2]) {
      const means = expectations(family, apart)
      assert.strictEqual(means.length, 2 + 9)
      // The scores that the kernels stand on are those of N(0, 1): only the scores of the draws must be the target's.
      for (const mean of means) assert.isBelow(Math.abs(mean), 1e-10)
    }
  })

  it("are symmetric: k0(x, y) = k0(y, x)", () => {
    const chains = plane(40, "symmetric")
    const count = 80
    const family = kernelFamily(
      chains,
      { kind: "kernel", points: count, lengthScale: 1.3 },
      1,
      standardCoordinates(chains, "centred")
    )
    const features = family.featuresOf(chains)
    const z = new Float64Array(features.count * count)
    features.write(0, count, z, count)
    for (let a = 0; a < count; a++)
      for (let b = 0; b < a; b++) assert.closeTo(z[(2 + a) * count + b], z[(2 + b) * count + a], 1e-12)
  })

  it.effect("leave no variance in a sum of themselves", () =>
    Effect.gen(function* () {
      const training = plane(600, "planted")
      const fresh = plane(600, "fresh")
      const coordinates = standardCoordinates(training, "centred")
      const family = kernelFamily(training, { kind: "kernel", points: 12 }, 1, coordinates)
      const planted = (chains: Chains) => {
        const features = family.featuresOf({
          ...training,
          ...chains,
          scores: chains.scores ?? training.scores
        })
        const z = new Float64Array(features.count * 1200)
        features.write(0, 1200, z, 1200)
        return z.subarray(5 * 1200, 6 * 1200).map((value, t) => 2 + 3 * value - z[9 * 1200 + t])
      }
      const variates = yield* ControlVariates
      const series = (chains: Chains) => ({ names: ["f"], values: [planted(chains)] })
      for (const objective of ["evm", "esvm"] as const) {
        const variate = yield* variates.fit(training, series(training), {
          features: kernel(12),
          degree: 1,
          ridge: 0,
          objective,
          ...(objective === "esvm" ? { window: 10 } : {})
        })
        const { estimates } = yield* variates.evaluate(variate, fresh, series(fresh))
        assert.isAbove(estimates[0].varianceReduction, 1e12)
        assert.closeTo(estimates[0].meanCv, 2, 1e-7)
      }
    }).pipe(Effect.provide(ControlVariates.layer), Effect.provide(Layers.mock()))
  )

  it.effect("do for a wave what polynomials cannot", () =>
    Effect.gen(function* () {
      const [training, fresh] = [line(1500, "wave"), line(1500, "fresh wave")]
      const polynomials = yield* freshReduction(training, fresh, wave, { degree: 4 })
      const kernels = yield* freshReduction(training, fresh, wave, { degree: 2, features: kernel(40) })
      assert.strictEqual(kernels.family, "kernel")
      assert.isAbove(kernels.varianceReduction, 100 * polynomials.varianceReduction)
      assert.isBelow(Math.abs(kernels.meanCv), 5 * kernels.mcseCv)
    })
  )

  it.effect("are left where polynomials do as well, and are cross-fitted by reduce", () =>
    Effect.gen(function* () {
      const chains = line(800, "reduce")
      const variates = yield* ControlVariates
      const options: FitOptions = { features: kernel(20), objective: "evm" }
      const square = yield* variates.reduce(
        chains,
        functional(chains, "x^2", ([x]) => x * x),
        options
      )
      assert.strictEqual(square.estimates[0].fitted.family, "polynomial")
      assert.closeTo(square.estimates[0].meanCv, 1, 1e-6)
      const kink = yield* variates.reduce(
        chains,
        functional(chains, "|x|", ([x]) => Math.abs(x)),
        options
      )
      const [{ meanCv, mcseCv, mcse, fitted }] = kink.estimates
      assert.strictEqual(fitted.family, "kernel")
      assert.isBelow(mcseCv, mcse / 4)
      assert.isBelow(Math.abs(meanCv - Math.sqrt(2 / Math.PI)), 4 * mcseCv)
    }).pipe(Effect.provide(ControlVariates.layer), Effect.provide(Layers.mock()))
  )
})
