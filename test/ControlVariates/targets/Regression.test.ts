import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import {
  Diagnostics,
  column,
  logisticPrediction,
  logisticRegression,
  makeDesign,
  noUTurn,
  probitRegression,
  sample
} from "../../../src/ControlVariates/index.ts"
import * as Layers from "../../../src/Layers/index.ts"
import { key, stream } from "../../../src/Random/index.ts"
import { assertClose } from "../../assertClose.ts"

const dataOf = (rows: number, inputs: number) => {
  const random = stream(key(`data ${rows} ${inputs}`))
  return {
    x: Array.from({ length: rows }, () => Array.from({ length: inputs }, () => random.normal())),
    // Never all of one kind.
    y: Array.from({ length: rows }, (_, i) => (i < 2 ? i : random.bernoulli(0.4) ? 1 : 0))
  }
}

/** The log posterior of logistic regression and its gradient, as the formula says. */
const direct = (x: ReadonlyArray<ReadonlyArray<number>>, y: ReadonlyArray<number>, theta: Float64Array) => {
  let value = 0
  const score = Float64Array.from(theta, (t) => -t / 100)
  for (const t of theta) value -= (t * t) / 200
  x.forEach((row, i) => {
    const eta = row.reduce((sum, x_ij, j) => sum + x_ij * theta[j], 0)
    value += y[i] * eta - Math.max(eta, 0) - Math.log1p(Math.exp(-Math.abs(eta)))
    const rest = y[i] - 1 / (1 + Math.exp(-eta))
    row.forEach((x_ij, j) => {
      score[j] += rest * x_ij
    })
  })
  return { value, score }
}

describe("standardised columns", () => {
  it.effect("do not depend on their units, be these enormous", () =>
    Effect.gen(function* () {
      const { x, y } = dataOf(50, 3)
      const units = [1e180, 1, 1e-180]
      const plain = yield* makeDesign(x, y, { scale: "standardise" })
      const scaled = yield* makeDesign(
        x.map((row) => row.map((one, j) => one * units[j])),
        y,
        { scale: "standardise" }
      )
      assertClose(scaled.values, plain.values, 1e-12)
    }).pipe(Effect.provide(Layers.mock()))
  )
})

describe("logistic regression", () => {
  it.effect("has the log density and score of its formula, whatever rows and columns are left over", () =>
    Effect.gen(function* () {
      for (const [rows, inputs] of [
        [2, 1],
        [12, 2],
        [7, 3],
        [128, 4],
        [129, 5],
        [2345, 9],
        [300, 13]
      ]) {
        const { x, y } = dataOf(rows, inputs)
        const target = logisticRegression(yield* makeDesign(x, y, { intercept: false }))
        const random = stream(key("theta"))
        const positions = new Float64Array(2 * inputs).map(() => 2 * random.normal())
        const [values, scores] = [new Float64Array(2), new Float64Array(2 * inputs)]
        target.evaluate(positions, 2, values, scores)
        for (const c of [0, 1]) {
          const expected = direct(x, y, positions.slice(c * inputs, (c + 1) * inputs))
          assert.closeTo(values[c] / expected.value, 1, 1e-13)
          assertClose(scores.slice(c * inputs, (c + 1) * inputs), expected.score, 1e-11)
        }
      }
    }).pipe(Effect.provide(Layers.mock()))
  )

  it.effect("is as exact where predictors are tiny, beyond 29 and beyond 700", () =>
    Effect.gen(function* () {
      const { x, y } = dataOf(200, 4)
      const target = logisticRegression(yield* makeDesign(x, y, { intercept: false }))
      const random = stream(key("sizes"))
      for (const size of [0, 1e-9, 0.1, 3, 6, 12, 40, 150, 500, 1e5]) {
        const theta = new Float64Array(4).map(() => size * random.normal())
        const [value, score] = [new Float64Array(1), new Float64Array(4)]
        target.evaluate(theta, 1, value, score)
        const expected = direct(x, y, theta)
        assert.closeTo(value[0] / expected.value, 1, 1e-14, `value at ${size}`)
        for (let j = 0; j < 4; j++) {
          // The sum of 200 terms of about 1, and the prior's.
          const magnitude = 200 + Math.abs(theta[j]) / 100
          assert.isBelow(Math.abs(score[j] - expected.score[j]) / magnitude, 1e-15, `score at ${size}`)
        }
      }
    }).pipe(Effect.provide(Layers.mock()))
  )

  it.effect("stays finite where predictors are enormous, and says NaN of NaN", () =>
    Effect.gen(function* () {
      const target = logisticRegression(yield* makeDesign([[1], [-1], [2]], [1, 0, 0], { intercept: false }))
      const [value, score] = [new Float64Array(1), new Float64Array(1)]
      target.evaluate(Float64Array.of(1e6), 1, value, score)
      // The third row is misjudged by 2e6; the prior takes 1e12 / 200.
      assert.closeTo(value[0] / (-2e6 - 5e9), 1, 1e-12)
      assert.closeTo(score[0], -2 - 1e4, 1e-9)
      target.evaluate(Float64Array.of(NaN), 1, value, score)
      assert.isNaN(value[0])
    }).pipe(Effect.provide(Layers.mock()))
  )

  it.effect("of two targets keeps each its own data", () =>
    Effect.gen(function* () {
      const [a, b] = [dataOf(20, 2), dataOf(30, 2)]
      const first = logisticRegression(yield* makeDesign(a.x, a.y, { intercept: false }))
      const second = logisticRegression(yield* makeDesign(b.x, b.y, { intercept: false }))
      const theta = Float64Array.of(0.3, -0.4)
      const [value, score] = [new Float64Array(1), new Float64Array(2)]
      second.evaluate(theta, 1, value, score)
      first.evaluate(theta, 1, value, score)
      assert.closeTo(value[0], direct(a.x, a.y, theta).value, 1e-12)
    }).pipe(Effect.provide(Layers.mock()))
  )
})

describe("separable data", () => {
  it.effect("have a posterior by their prior, which NUTS samples", () =>
    Effect.gen(function* () {
      const x = Array.from({ length: 20 }, (_, i) => [i - 9.5])
      const y = x.map(([value]) => (value > 0 ? 1 : 0))
      for (const of of [logisticRegression, probitRegression]) {
        const target = of(yield* makeDesign(x, y, { scale: "standardise" }), { priorVariance: 4 })
        const { chains } = yield* sample(target, { kernel: noUTurn(), key: key(3), draws: 500 })
        const slope = column(chains, 1)
        assert.isBelow(Diagnostics.rhat(slope, 4), 1.03)
        assert.isAbove(Math.min(...slope), 0)
      }
    }).pipe(Effect.provide(Layers.mock()))
  )

  it.effect("with one label are refused", () =>
    Effect.gen(function* () {
      const result = yield* Effect.result(makeDesign([[1], [2]], [1, 1]))
      assert.isTrue(Result.isFailure(result) && /all 2 labels are 1/.test(result.failure.message))
    }).pipe(Effect.provide(Layers.mock()))
  )
})

describe("a design like another", () => {
  it.effect("scales new rows as the first was scaled", () =>
    Effect.gen(function* () {
      const { x, y } = dataOf(50, 3)
      for (const scale of ["standardise", "whiten", "none"] as const) {
        const design = yield* makeDesign(x, y, { scale })
        const some = yield* makeDesign(x.slice(10, 14), [1, 1, 1, 1], { like: design })
        for (let j = 0; j < 4; j++)
          assertClose(
            some.values.slice(4 * j, 4 * j + 4),
            design.values.slice(50 * j + 10, 50 * j + 14),
            1e-14
          )
        const theta = Float64Array.of(0.1, 0.5, -1, 2)
        const direct = [10, 11, 12, 13].map((i) => {
          const eta = theta.reduce((sum, t, j) => sum + t * design.values[50 * j + i], 0)
          return 1 / (1 + Math.exp(-eta))
        })
        assert.closeTo(logisticPrediction(some)(theta), direct.reduce((a, b) => a + b) / 4, 1e-14)
      }
      const narrow = yield* makeDesign(
        x.map((row) => row.slice(0, 2)),
        y
      )
      const result = yield* Effect.result(makeDesign(x, y, { like: narrow }))
      assert.isTrue(
        Result.isFailure(result) &&
          /4 columns, and 3 in the design to scale like/.test(result.failure.message)
      )
    }).pipe(Effect.provide(Layers.mock()))
  )
})
