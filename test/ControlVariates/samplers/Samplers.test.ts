import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Result } from "effect"
import {
  adjustedLangevin,
  autodiffTarget,
  banana,
  ControlVariates,
  coordinates,
  Diagnostics,
  column,
  functional,
  gaussian,
  gaussianMixture,
  hamiltonian,
  init,
  type Kernel,
  noUTurn,
  pointwise,
  randomWalk,
  sample,
  step,
  type Target,
  unadjustedLangevin
} from "../../../src/ControlVariates/index.ts"
import * as Layers from "../../../src/Layers/index.ts"
import { key } from "../../../src/Random/index.ts"
import { assertClose } from "../../assertClose.ts"

const covariance = [
  [2, 0.6],
  [0.6, 0.5]
]
const normal = gaussian({ mean: [1, -2], covariance })

const kernels: ReadonlyArray<readonly [string, Kernel, number]> = [
  ["RWM", randomWalk, 20_000],
  ["MALA", adjustedLangevin, 8000],
  ["HMC", hamiltonian({ steps: 5 }), 3000],
  ["NUTS", noUTurn(), 3000]
]

/** |estimate - truth| in Monte Carlo standard errors. */
const away = (series: Float64Array, chains: number, truth: number): number =>
  Math.abs(series.reduce((sum, x) => sum + x / series.length, 0) - truth) /
  Diagnostics.mcseMean(series, chains)

describe.each(kernels)("%s", (_, kernel, draws) => {
  it.effect("has a Gaussian's first and second moments, within five standard errors", () =>
    Effect.gen(function* () {
      const { chains, evaluations } = yield* sample(normal, {
        kernel,
        key: key(7),
        chains: 4,
        draws,
        burnIn: 500
      })
      const [a, b] = [column(chains, 0), column(chains, 1)]
      assert.isBelow(away(a, 4, 1), 5)
      assert.isBelow(away(b, 4, -2), 5)
      assert.isBelow(
        away(
          a.map((x) => (x - 1) ** 2),
          4,
          2
        ),
        5
      )
      assert.isBelow(
        away(
          b.map((x) => (x + 2) ** 2),
          4,
          0.5
        ),
        5
      )
      assert.isBelow(
        away(
          a.map((x, i) => (x - 1) * (b[i] + 2)),
          4,
          0.6
        ),
        5
      )
      assert.isBelow(Diagnostics.rhat(a, 4), 1.03)
      assert.isAtLeast(evaluations, 4 * draws)
      // Scores and log densities belong to the draws they stand beside.
      const [values, scores] = [new Float64Array(1), new Float64Array(2)]
      normal.evaluate(chains.values.subarray(20, 22), 1, values, scores)
      assertClose(chains.scores.subarray(20, 22), scores, 1e-15)
      assertClose([chains.statistics.lp[10]], values, 1e-15)
    })
  )

  it.effect("keeps a skewed density invariant: draws started from it stay in it", () =>
    Effect.gen(function* () {
      // x = ln of an exponential: density exp(x - e^x); E e^x = 1, E x = -0.5772.
      const skewed = pointwise("log exponential", 1, ([x], score) => {
        score[0] = 1 - Math.exp(x)
        return x - Math.exp(x)
      })
      const { chains } = yield* sample(skewed, { kernel, key: key(11), chains: 4, draws, burnIn: 300 })
      const x = column(chains, 0)
      assert.isBelow(away(x.map(Math.exp), 4, 1), 5)
      assert.isBelow(away(x, 4, -0.5772156649015329), 5)
    })
  )

  it.effect("is a function of its state: steps give what a restored copy gives", () =>
    Effect.gen(function* () {
      const tuning = { stepSize: 0.3, inverseMass: Float64Array.of(1, 0.5) }
      let state = yield* init(normal, Float64Array.of(0, 0, 1, -1), key(3))
      for (let t = 0; t < 5; t++) state = (yield* step(normal, kernel, tuning, state))[0]
      const copy = JSON.parse(JSON.stringify(state), (_, value) =>
        value !== null && typeof value === "object" && "0" in value && !Array.isArray(value)
          ? Float64Array.from(Object.values(value as Record<string, number>))
          : value
      )
      for (let t = 0; t < 5; t++) state = (yield* step(normal, kernel, tuning, state))[0]
      let again = copy
      for (let t = 0; t < 5; t++) again = (yield* step(normal, kernel, tuning, again))[0]
      assert.deepStrictEqual(again, state)
      assert.strictEqual(state.iteration, 10)
    })
  )
})

describe("ULA", () => {
  it.effect("on N(0, 1) is an autoregression of coefficient 1 - step and variance 1 / (1 - step / 2)", () =>
    Effect.gen(function* () {
      const line = gaussian({ mean: [0], covariance: [[1]] })
      const { chains } = yield* sample(line, {
        kernel: unadjustedLangevin,
        stepSize: 0.4,
        key: key(2),
        draws: 20_000,
        burnIn: 100
      })
      const x = column(chains, 0)
      assert.isBelow(
        away(
          x.map((v) => v * v),
          4,
          1 / 0.8
        ),
        5
      )
      const products = x.slice(0, -1).map((v, t) => v * x[t + 1])
      assert.closeTo(products.reduce((a, b) => a + b) / products.length / (1 / 0.8), 0.6, 0.02)
    })
  )

  it.effect("needs a step size", () =>
    Effect.gen(function* () {
      const result = yield* Effect.result(
        sample(normal, { kernel: unadjustedLangevin, key: key(2), draws: 10 })
      )
      assert.isTrue(Result.isFailure(result) && /stepSize cannot be adapted/.test(result.failure.message))
    })
  )
})

describe("targets of the specification", () => {
  it.effect("the banana's second mean is zero, with a control variate of degree 2 beyond doubt", () =>
    Effect.gen(function* () {
      const target = banana({ dimensions: 3, spread: 4 })
      const { chains } = yield* sample(target, { kernel: noUTurn(), key: key(5), draws: 1500 })
      const variates = yield* ControlVariates
      const { estimates } = yield* variates.reduce(chains, coordinates(chains), { degree: 2 })
      const { meanCv, mcseCv, mcse } = estimates[1]
      assert.isBelow(Math.abs(meanCv), 4 * mcseCv)
      assert.isBelow(mcseCv, 0.5 * mcse)
    }).pipe(Effect.provide(ControlVariates.layer), Effect.provide(Layers.mock()))
  )

  it.effect("the mixture's E[x0^2] is 1.51656948647569, closer by ESVM than by the plain mean", () =>
    Effect.gen(function* () {
      const s = [
        [1.26656948647569, -0.888204956178805],
        [-0.888204956178805, 0.776263225917178]
      ]
      const target = gaussianMixture([
        { weight: 0.5, mean: [0.5, 0.5], covariance: s },
        { weight: 0.5, mean: [-0.5, -0.5], covariance: s }
      ])
      const { chains } = yield* sample(target, { kernel: adjustedLangevin, key: key(6), draws: 5000 })
      const square = functional(chains, "x0^2", ([x]) => x * x)
      const variates = yield* ControlVariates
      const { estimates } = yield* variates.reduce(chains, square, { degree: 2, objective: "esvm" })
      const [{ mean, mcse, meanCv, mcseCv }] = estimates
      assert.isBelow(Math.abs(mean - 1.51656948647569), 4 * mcse)
      assert.isBelow(Math.abs(meanCv - 1.51656948647569), 4 * mcseCv)
      assert.isBelow(mcseCv, 0.6 * mcse)
    }).pipe(Effect.provide(ControlVariates.layer), Effect.provide(Layers.mock()))
  )
})

describe("sampling", () => {
  it.effect("goes on from where it ended: two runs are one", () =>
    Effect.gen(function* () {
      const options = { kernel: noUTurn(), key: key(4), chains: 3, burnIn: 60 }
      const whole = yield* sample(normal, { ...options, draws: 40 })
      const first = yield* sample(normal, { ...options, draws: 15 })
      const second = yield* sample(normal, { ...options, draws: 25, from: first })
      for (let c = 0; c < 3; c++) {
        const of = ({ chains }: typeof whole) =>
          chains.values.subarray(2 * c * chains.draws, 2 * (c + 1) * chains.draws)
        assert.deepStrictEqual([...of(first), ...of(second)], [...of(whole)])
      }
      assert.deepStrictEqual(second.state, whole.state)
    })
  )

  it.effect("can be interrupted in the midst of a slow target, and says how far it is", () =>
    Effect.gen(function* () {
      const underWay = yield* Deferred.make<number>()
      let evaluations = 0
      const endless = pointwise("endless", 1, (x, score) => {
        evaluations++
        score[0] = -x[0]
        return -0.5 * x[0] * x[0]
      })
      const fiber = yield* Effect.forkChild(
        sample(endless, {
          kernel: noUTurn(),
          key: key(1),
          draws: 1_000_000,
          chains: 1,
          progress: (made) => Deferred.succeed(underWay, made)
        })
      )
      assert.isAbove(yield* Deferred.await(underWay), 0)
      yield* Fiber.interrupt(fiber)
      const stopped = evaluations
      yield* Effect.yieldNow
      assert.strictEqual(evaluations, stopped)
    })
  )

  it.effect("gives the same draws by autodiff as by analytic scores", () =>
    Effect.gen(function* () {
      const analytic = gaussian({
        mean: [0, 0],
        covariance: [
          [1, 0],
          [0, 1]
        ]
      })
      const automatic: Target = yield* autodiffTarget("normal", 2, (t, x) =>
        t.multiply(t.sum(t.multiply(x, x), { axes: [1] }), -0.5)
      )
      const options = { kernel: noUTurn(), key: key(9), chains: 3, draws: 30, burnIn: 40 }
      const a = yield* sample(analytic, options)
      const b = yield* sample(automatic, options)
      assertClose(b.chains.values, a.chains.values, 1e-9)
      assert.strictEqual(b.evaluations, a.evaluations)
    }).pipe(Effect.provide(Layers.mock()))
  )

  it.effect("says where a target cannot be begun, and that a chain never moved", () =>
    Effect.gen(function* () {
      const nowhere = pointwise("nowhere", 1, () => -Infinity)
      const refused = yield* Effect.result(sample(nowhere, { kernel: noUTurn(), key: key(1), draws: 10 }))
      assert.isTrue(Result.isFailure(refused) && /log density is -Infinity/.test(refused.failure.message))
      const stuck = yield* Effect.result(
        sample(normal, { kernel: randomWalk, stepSize: 1e9, key: key(1), draws: 10, burnIn: 0 })
      )
      assert.isTrue(Result.isFailure(stuck) && /never moved/.test(stuck.failure.message))
    })
  )
})
