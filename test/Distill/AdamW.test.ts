import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { adamW } from "../../src/Distill/AdamW.ts"
import { onMock } from "../Layers/onMock.ts"
import { compute, Tensor } from "../../src/Tensor/index.ts"

interface Reference {
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  readonly decay: number
  readonly rate: number
}

/** Algorithm 2 of the paper, as it stands there, for f(w) = sum(c w^2) / 2 with gradient c w. */
const published = (weights: ReadonlyArray<number>, curvature: number, steps: number, settings: Reference) => {
  const { beta1, beta2, epsilon, decay, rate } = settings
  return weights.map((start) => {
    let [w, m, v] = [start, 0, 0]
    for (let step = 1; step <= steps; step++) {
      const g = curvature * w
      m = beta1 * m + (1 - beta1) * g
      v = beta2 * v + (1 - beta2) * g * g
      const [mHat, vHat] = [m / (1 - beta1 ** step), v / (1 - beta2 ** step)]
      w -= rate * (mHat / (Math.sqrt(vHat) + epsilon) + decay * w)
    }
    return w
  })
}

const matrix = [1, -2, 3, 0.5, -0.25, 4]
const vector = [1, -1]

const train = (optimizer: ReturnType<typeof adamW>, steps: number, rate: number) =>
  Effect.gen(function* () {
    const parameters = {
      "h.0.mlp.weight": yield* Tensor.fromArray(matrix, [2, 3]),
      "h.0.mlp.bias": yield* Tensor.fromArray(vector),
      "wpe.weight": yield* Tensor.fromArray(vector, [1, 2])
    }
    const moments = yield* compute((t) => optimizer.initialMoments(t, parameters))
    for (let step = 1; step <= steps; step++)
      yield* compute((t) => {
        const gradients = Object.fromEntries(
          Object.entries(parameters).map(([name, x]) => [name, t.multiply(x, 2)])
        )
        const scale = t.full([], 1)
        optimizer.update(t, { parameters, moments, gradients, scale, step, learningRate: rate })
      })
    const read = (name: keyof typeof parameters) =>
      Effect.map(Tensor.toArray(parameters[name]), Array.from<number>)
    return {
      matrix: yield* read("h.0.mlp.weight"),
      bias: yield* read("h.0.mlp.bias"),
      positions: yield* read("wpe.weight"),
      moments
    }
  }).pipe(onMock)

const assertClose = (actual: ReadonlyArray<number>, expected: ReadonlyArray<number>) => {
  assert.strictEqual(actual.length, expected.length)
  actual.forEach((value, i) => assert.closeTo(value, expected[i], 1e-13))
}

describe("AdamW", () => {
  const settings = { beta1: 0.8, beta2: 0.9, epsilon: 1e-6 }

  it.effect("takes the published steps, and decays matrices alone", () =>
    Effect.gen(function* () {
      const result = yield* train(adamW({ ...settings, weightDecay: 0.3 }), 3, 0.05)
      assertClose(result.matrix, published(matrix, 2, 3, { ...settings, decay: 0.3, rate: 0.05 }))
      assertClose(result.bias, published(vector, 2, 3, { ...settings, decay: 0, rate: 0.05 }))
      assertClose(result.positions, published(vector, 2, 3, { ...settings, decay: 0, rate: 0.05 }))
    })
  )

  it.effect("gives a group its own rate and decay", () =>
    Effect.gen(function* () {
      const groups = [
        { matches: (name: string) => name.endsWith(".bias"), learningRate: 4, weightDecay: 0.2 }
      ]
      const result = yield* train(adamW({ ...settings, weightDecay: 0, groups }), 3, 0.05)
      assertClose(result.matrix, published(matrix, 2, 3, { ...settings, decay: 0, rate: 0.05 }))
      assertClose(result.bias, published(vector, 2, 3, { ...settings, decay: 0.2, rate: 0.2 }))
    })
  )

  it.effect("finds the minimum of a quadratic", () =>
    Effect.gen(function* () {
      const result = yield* train(adamW({ ...settings, weightDecay: 0 }), 400, 0.02)
      for (const value of [...result.matrix, ...result.bias]) assert.closeTo(value, 0, 2e-2)
    })
  )

  it.effect("describes itself by what applies to each parameter", () =>
    Effect.gen(function* () {
      const parameters = { a: yield* Tensor.full([2, 2], 0), b: yield* Tensor.full([2], 0) }
      assert.deepStrictEqual(adamW().describe(parameters), {
        optimizer: "AdamW",
        beta1: 0.9,
        beta2: 0.95,
        epsilon: 1e-8,
        parameters: { a: [1, 0.1], b: [1, 0] }
      })
    }).pipe(onMock)
  )
})
