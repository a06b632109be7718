import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { key, stream } from "../../../../src/Random/index.ts"
import { Parameter, Space } from "../../../../src/TetraOpt/index.ts"
import { expectedImprovement, thompson } from "../../../../src/TetraOpt/samplers/tetra/Acquisition.ts"
import { logEvidence } from "../../../../src/TetraOpt/samplers/tetra/Evidence.ts"
import { dot } from "../../../../src/TetraOpt/samplers/tetra/GrowingCholesky.ts"
import { type Hyperparameters, Locations } from "../../../../src/TetraOpt/samplers/tetra/Kernel.ts"
import { Posterior } from "../../../../src/TetraOpt/samplers/tetra/Posterior.ts"
import { PriorSample } from "../../../../src/TetraOpt/samplers/tetra/PriorSample.ts"
import { uniformRow } from "../../../../src/TetraOpt/samplers/UniformRow.ts"

const { categorical, conditional, float } = Parameter

const hyperparameters: Hyperparameters = {
  weights: Float64Array.of(0.7, 2.1, 1.3),
  amplitude: 1.4,
  noise: 0.05
}

const problem = Effect.gen(function* () {
  const space = yield* Space.make({
    kind: categorical(["a", "b", "c"]),
    x: float(0, 1),
    y: conditional(float(0, 1), { kind: ["b", "c"] })
  })
  const locations = new Locations(space)
  const random = stream(key("posterior"))
  const points = Array.from({ length: 14 }, () => locations.of(uniformRow(space, random)))
  const targets = Float64Array.from(points, () => random.normal())
  return { locations, points, targets, random }
})

const posteriorOf = (locations: Locations, points: ReadonlyArray<Float64Array>, targets: Float64Array) => {
  const posterior = new Posterior(locations, hyperparameters)
  for (const point of points) posterior.append(point)
  posterior.setTargets(targets)
  return posterior
}

/** Gaussian elimination without pivots, for a small positive definite matrix. */
const solved = (
  matrix: ReadonlyArray<ReadonlyArray<number>>,
  right: ReadonlyArray<number>
): Array<number> => {
  const rows = matrix.map((row, i) => [...row, right[i]])
  const n = rows.length
  for (let k = 0; k < n; k++)
    for (let i = 0; i < n; i++) {
      if (i === k) continue
      const factor = rows[i][k] / rows[k][k]
      for (let j = k; j <= n; j++) rows[i][j] -= factor * rows[k][j]
    }
  return rows.map((row, i) => row[n] / row[i])
}

describe("Posterior", () => {
  it.effect("has the mean and the variance of the textbook", () =>
    Effect.gen(function* () {
      const { locations, points, targets } = yield* problem
      const posterior = posteriorOf(locations, points, targets)
      const matrix = points.map((point, i) =>
        Array.from(posterior.covariances(point), (value, j) => value + (i === j ? hyperparameters.noise : 0))
      )
      const expected = solved(matrix, [...targets])
      posterior.coefficients.forEach((c, i) => assert.closeTo(c, expected[i], 1e-9))
      const place = Float64Array.of(1, 0.31, 0.77)
      const covariances = posterior.covariances(place)
      const explained = solved(matrix, [...covariances]).reduce((sum, v, i) => sum + v * covariances[i], 0)
      const half = covariances.slice()
      posterior.factor.solveLower(half, 0, 5)
      posterior.factor.solveLower(half, 5, half.length)
      assert.closeTo(dot(half, 0, half, half.length), explained, 1e-9)
    })
  )

  it.effect("forgets points, and goes on as if they had never been", () =>
    Effect.gen(function* () {
      const { locations, points, targets } = yield* problem
      const posterior = posteriorOf(locations, points, targets)
      posterior.truncate(6)
      for (const point of points.slice(6)) posterior.append(point)
      posterior.setTargets(targets)
      assert.deepStrictEqual(posterior.coefficients, posteriorOf(locations, points, targets).coefficients)
    })
  )

  it.effect("has an evidence whose gradient agrees with central differences", () =>
    Effect.gen(function* () {
      const { locations, points, targets } = yield* problem
      const logs = Float64Array.of(
        ...hyperparameters.weights,
        hyperparameters.amplitude,
        hyperparameters.noise
      ).map(Math.log)
      const at = (logs: Float64Array) =>
        logEvidence(locations, points, targets, {
          weights: logs.slice(0, 3).map(Math.exp),
          amplitude: Math.exp(logs[3]),
          noise: Math.exp(logs[4])
        })
      const { gradient } = at(logs)
      const step = 1e-5
      for (let p = 0; p < 5; p++) {
        const [up, down] = [logs.slice(), logs.slice()]
        up[p] += step
        down[p] -= step
        assert.closeTo(gradient[p], (at(up).evidence - at(down).evidence) / (2 * step), 1e-5)
      }
    })
  )
})

describe("PriorSample", () => {
  it.effect(
    "has the covariance of the process, over categories, scales and parameters that do not exist",
    () =>
      Effect.gen(function* () {
        const { locations, random } = yield* problem
        const posterior = new Posterior(locations, hyperparameters)
        const places = [
          Float64Array.of(0, 0.2, -1),
          Float64Array.of(1, 0.3, 0.6),
          Float64Array.of(1, 0.2, 0.9),
          Float64Array.of(2, 0.8, 0.1)
        ]
        for (const place of places) posterior.append(place)
        const draws = 3000
        const products = new Float64Array(16)
        for (let i = 0; i < draws; i++) {
          const sample = new PriorSample(locations, hyperparameters, random)
          const values = places.map((place) => sample.value(sample.phases(place)))
          values.forEach((a, p) => values.forEach((b, q) => (products[p * 4 + q] += (a * b) / draws)))
        }
        // 5 standard errors; the variance of a product is at most twice the square of the amplitude.
        const tolerance = 5 * Math.sqrt(2 / draws) * hyperparameters.amplitude
        places.forEach((place, p) => {
          const expected = posterior.covariances(place)
          for (let q = 0; q < 4; q++) assert.closeTo(products[p * 4 + q], expected[q], tolerance)
        })
      })
  )

  it.effect("changes by a coordinate as if it were evaluated anew", () =>
    Effect.gen(function* () {
      const { locations, random } = yield* problem
      const sample = new PriorSample(locations, hyperparameters, random)
      const from = Float64Array.of(1, 0.3, 0.6)
      const phases = sample.phases(from)
      const terms = sample.terms(phases)
      for (const [k, to] of [
        [0, 2],
        [1, 0.9],
        [2, 0.1],
        [2, -1]
      ] as const) {
        const there = from.slice()
        there[k] = to
        assert.closeTo(
          sample.valueAfter(terms, phases, k, from[k], to),
          sample.value(sample.phases(there)),
          1e-9
        )
      }
    })
  )
})

describe("acquisitions", () => {
  it.effect("draw functions whose mean and variance are the posterior's", () =>
    Effect.gen(function* () {
      const { locations, points, targets, random } = yield* problem
      const posterior = posteriorOf(locations, points, targets)
      const place = Float64Array.of(2, 0.4, 0.5)
      const covariances = posterior.covariances(place)
      const mean = dot(covariances, 0, posterior.coefficients, points.length)
      const half = covariances.slice()
      posterior.factor.solveLower(half, 0, half.length)
      const variance = hyperparameters.amplitude - dot(half, 0, half, half.length)
      const draws = 3000
      const values = Float64Array.from({ length: draws }, () => {
        const sample = thompson(posterior, random)
        const prior = sample.prior === undefined ? 0 : sample.prior.value(sample.prior.phases(place))
        return -sample.score(covariances, prior, Number.NEGATIVE_INFINITY)
      })
      const sampleMean = values.reduce((sum, v) => sum + v, 0) / draws
      const sampleVariance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / draws
      assert.closeTo(sampleMean, mean, 5 * Math.sqrt(variance / draws))
      assert.closeTo(sampleVariance, variance, 5 * variance * Math.sqrt(2 / draws))
    })
  )

  it.effect("stop early only where there is no more hope than the threshold", () =>
    Effect.gen(function* () {
      const { locations, points, targets, random } = yield* problem
      const posterior = posteriorOf(locations, points, targets)
      const acquisition = expectedImprovement(posterior)
      for (let i = 0; i < 50; i++) {
        const covariances = posterior.covariances(
          Float64Array.of(1 + random.integer(2), random.uniform(), random.uniform())
        )
        const exact = acquisition.score(covariances, 0, Number.NEGATIVE_INFINITY)
        assert.strictEqual(acquisition.score(covariances, 0, exact - 0.1), exact)
        assert.isAtMost(acquisition.score(covariances, 0, exact + 0.1), exact + 0.1)
      }
    })
  )
})
