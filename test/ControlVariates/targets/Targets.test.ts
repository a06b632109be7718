import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import {
  autodiffTarget,
  banana,
  gaussian,
  gaussianMixture,
  logisticPrediction,
  logisticRegression,
  lotkaVolterra,
  makeDesign,
  odePosterior,
  probitRegression,
  solveOrdinary,
  type Target,
  vanDerPol
} from "../../../src/ControlVariates/index.ts"
import { exponential } from "../../../src/ControlVariates/targets/Exponential.ts"
import { normalLogCdf } from "../../../src/Distributions/index.ts"
import * as Layers from "../../../src/Layers/index.ts"
import { key, stream } from "../../../src/Random/index.ts"
import { assertClose } from "../../assertClose.ts"

const random = stream(key("targets"))
const rows = Array.from({ length: 600 }, () => [random.normal(), 3 + 2 * random.normal(), random.uniform()])
const labels = rows.map(([a, b]) => (a + 0.3 * (b - 3) + random.normal() > 0 ? 1 : 0))

const targets = Effect.gen(function* () {
  const design = yield* makeDesign(rows, labels, { scale: "standardise" })
  const raw = yield* makeDesign(rows, labels, { scale: "whiten", intercept: false })
  return [
    gaussian({
      mean: [0.3, -0.2],
      covariance: [
        [2, 0.6],
        [0.6, 1]
      ]
    }),
    gaussianMixture([
      {
        weight: 1,
        mean: [0.5, 0.5],
        covariance: [
          [1.3, -0.9],
          [-0.9, 0.8]
        ]
      },
      {
        weight: 3,
        mean: [-0.5, -0.5],
        covariance: [
          [1.3, 0.4],
          [0.4, 0.8]
        ]
      }
    ]),
    banana({ dimensions: 4 }),
    logisticRegression(design),
    probitRegression(raw, { priorVariance: 4 }),
    odePosterior(lotkaVolterra, {
      start: [10, 5],
      times: [0.5, 1, 1.5],
      observations: Float64Array.of(9, 6, 8, 7, 6, 6),
      deviation: 0.8,
      noise: "lognormal",
      prior: { mean: [0, -3, 0, -3], deviation: [1, 1, 1, 1] }
    }),
    odePosterior(vanDerPol, {
      start: [2, 0],
      times: [1, 2, 3],
      observations: Float64Array.of(1.5, -0.8, 0.3, -2, -2, 0.2),
      deviation: 0.5,
      prior: { mean: [0], deviation: [0.5] }
    })
  ] as ReadonlyArray<Target>
}).pipe(Effect.provide(Layers.mock()))

const at = (target: Target, x: Float64Array) => {
  const logDensities = new Float64Array(1)
  const scores = new Float64Array(target.dimensions)
  target.evaluate(x, 1, logDensities, scores)
  return { logDensity: logDensities[0], score: scores }
}

const messageOf = (effect: ReturnType<typeof makeDesign>) =>
  Effect.map(Effect.result(effect), (result) => (Result.isFailure(result) ? result.failure.message : ""))

describe("targets", () => {
  it.effect("have the gradients of their log densities as scores", () =>
    Effect.gen(function* () {
      for (const target of yield* targets) {
        const x = Float64Array.from({ length: target.dimensions }, () => random.normal())
        const differences = x.map((_, i) => {
          const h = 1e-5
          return (
            (at(target, x.with(i, x[i] + h)).logDensity - at(target, x.with(i, x[i] - h)).logDensity) /
            (2 * h)
          )
        })
        assertClose(at(target, x).score, differences, 1e-7, target.name)
      }
    })
  )

  it("include the mixture's log density up to a constant, far out too", () => {
    const covariance = [
      [1.5, -0.5],
      [-0.5, 0.7]
    ]
    const mixture = gaussianMixture([
      { weight: 0.5, mean: [0.5, 0.5], covariance },
      { weight: 0.5, mean: [-0.5, -0.5], covariance }
    ])
    const one = gaussian({ mean: [0.5, 0.5], covariance })
    const other = gaussian({ mean: [-0.5, -0.5], covariance })
    const direct = (x: Float64Array) =>
      Math.log(Math.exp(at(one, x).logDensity) + Math.exp(at(other, x).logDensity))
    const [a, b] = [Float64Array.of(0.2, 0.1), Float64Array.of(-1, 2)]
    assert.closeTo(at(mixture, a).logDensity - at(mixture, b).logDensity, direct(a) - direct(b), 1e-12)
    assert.isTrue(Number.isFinite(at(mixture, Float64Array.of(1e4, -1e4)).logDensity))
  })

  it.effect("of regression sum the log likelihoods of the rows", () =>
    Effect.gen(function* () {
      const design = yield* makeDesign(rows, labels)
      const theta = Float64Array.of(0.2, -0.4, 0.3, 5)
      const prior = -theta.reduce((sum, x) => sum + x * x, 0) / 20
      let expected = prior
      let mean = 0
      rows.forEach((row, i) => {
        const eta = theta[0] + row.reduce((sum, x, j) => sum + x * theta[j + 1], 0)
        expected -= Math.log1p(Math.exp(labels[i] === 1 ? -eta : eta))
        mean += 1 / (1 + Math.exp(-eta)) / rows.length
      })
      assert.closeTo(at(logisticRegression(design, { priorVariance: 10 }), theta).logDensity, expected, 1e-9)
      assert.closeTo(logisticPrediction(design)(theta), mean, 1e-13)
      // Coefficients so large that exp overflows.
      const far = at(logisticRegression(design), Float64Array.of(1e6, -1e6, 1e6, 1e6))
      assert.isTrue(Number.isFinite(far.logDensity) && far.score.every(Number.isFinite))
    }).pipe(Effect.provide(Layers.mock()))
  )

  it.effect("refuse data that are none", () =>
    Effect.gen(function* () {
      assert.match(
        yield* messageOf(makeDesign([[1], [2]], [1, 1])),
        /all 2 labels are 1: the data are separable/
      )
      assert.match(yield* messageOf(makeDesign([[1], [2, 3]], [1, 0])), /row 1 has 2 numbers/)
      const named = { names: ["intercept"] }
      assert.match(yield* messageOf(makeDesign([[1], [2]], [1, 0], named)), /named intercept.*another name/)
      assert.match(yield* messageOf(makeDesign([[1], [NaN]], [1, 0])), /row 1, column 0 is NaN/)
      assert.match(yield* messageOf(makeDesign([[1], [2]], [1, 2])), /label of row 1 is 2/)
      assert.match(
        yield* messageOf(makeDesign([[1], [1]], [1, 0], { scale: "standardise" })),
        /x1 is constant/
      )
      const double = [
        [1, 2],
        [2, 4],
        [3, 6]
      ]
      assert.match(yield* messageOf(makeDesign(double, [1, 0, 1], { scale: "whiten" })), /collinear/)
      assert.throws(
        () =>
          gaussian({
            mean: [0, 0],
            covariance: [
              [1, 2],
              [2, 1]
            ]
          }),
        /not positive definite/
      )
    }).pipe(Effect.provide(Layers.mock()))
  )

  it("of differential equations solve them: the Lotka-Volterra invariant stays", () => {
    const theta = Float64Array.of(0.7, 0.05, 0.9, 0.04)
    const { states } = solveOrdinary(lotkaVolterra, theta, { start: [10, 5], times: [2, 7, 13], steps: 400 })
    const invariant = (u: number, v: number) =>
      theta[3] * u - theta[2] * Math.log(u) + theta[1] * v - theta[0] * Math.log(v)
    for (const k of [0, 2, 4]) assert.closeTo(invariant(states[k], states[k + 1]), invariant(10, 5), 1e-8)
  })

  it.effect("by autodiff have the analytic scores", () =>
    Effect.gen(function* () {
      const target = yield* autodiffTarget("banana", 2, (t, x) => {
        const first = t.reshape(t.slice(x, [0, 0], [x.shape[0], 1]), [x.shape[0]])
        const second = t.reshape(t.slice(x, [0, 1], [x.shape[0], 1]), [x.shape[0]])
        const square = t.multiply(first, first)
        const twisted = t.add(second, t.multiply(t.add(square, -100), 0.1))
        return t.multiply(t.add(t.multiply(square, 0.01), t.multiply(twisted, twisted)), -0.5)
      })
      const x = Float64Array.of(1, 2, -3, 0.5)
      const [values, scores] = [new Float64Array(2), new Float64Array(4)]
      const [expected, expectedScores] = [new Float64Array(2), new Float64Array(4)]
      yield* target.evaluate(x, 2, values, scores) ?? Effect.void
      banana().evaluate(x, 2, expected, expectedScores)
      assertClose(values, expected, 1e-13)
      assertClose(scores, expectedScores, 1e-13)
    }).pipe(Effect.provide(Layers.mock()))
  )
})

describe("special functions", () => {
  it("exp to 2 units in the last place", () => {
    for (let k = 0; k < 4000; k++) {
      const x = -700 + 1400 * random.uniform()
      assert.isBelow(Math.abs(exponential(x) / Math.exp(x) - 1), 5e-16)
    }
    assert.strictEqual(exponential(0), 1)
  })

  // Values by scipy.special.log_ndtr.
  it("ln Phi in both tails", () => {
    assertClose([normalLogCdf(0)], [-Math.LN2], 1e-15)
    assertClose([normalLogCdf(1.3)], [-0.10181180266765506], 1e-14)
    assertClose([normalLogCdf(-2.5)], [-5.081648277278691], 1e-14)
    assertClose([normalLogCdf(-40)], [-804.6084420137539], 1e-14)
    assertClose([normalLogCdf(6)], [-9.86587645524372e-10], 1e-13)
  })
})
