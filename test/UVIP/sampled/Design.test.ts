import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { key, stream } from "../../../src/Random/index.ts"
import {
  actingAtRandom,
  type Design,
  Environments,
  envelopes,
  nearestDesign,
  simulator,
  uniformPoints,
  Uvip
} from "../../../src/UVIP/index.ts"

const locate = (design: Design, states: ReadonlyArray<number>, rows: number) => {
  const into = { points: new Int32Array(rows * design.neighbours), margins: new Float64Array(rows) }
  design.locate(Float64Array.from(states), rows, into)
  return into
}

describe("nearestDesign", () => {
  it.effect("finds the nearest points and their mean distance", () =>
    Effect.gen(function* () {
      const random = stream(key(1))
      const points = uniformPoints(
        [
          [0, 1],
          [-5, 5]
        ],
        50,
        key(2)
      )
      const design = yield* nearestDesign({
        points,
        stateSize: 2,
        scale: [1, 10],
        neighbours: 3,
        lipschitz: 2
      })
      const states = Array.from({ length: 40 }, () => random.uniform())
      const found = locate(design, states, 20)
      for (let row = 0; row < 20; row++) {
        const distances = Array.from({ length: 50 }, (_, p) =>
          Math.hypot(states[2 * row] - points[2 * p], (states[2 * row + 1] - points[2 * p + 1]) / 10)
        )
        const order = [...distances.keys()].toSorted((a, b) => distances[a] - distances[b]).slice(0, 3)
        assert.deepStrictEqual([...found.points.subarray(3 * row, 3 * row + 3)], order)
        const mean = order.reduce((sum, p) => sum + distances[p] / 3, 0)
        assert.closeTo(found.margins[row], 2 * mean, 1e-12)
      }
    })
  )

  it.effect("says what is guaranteed, and refuses what is no design", () =>
    Effect.gen(function* () {
      const points = Float64Array.of(0, 1)
      assert.strictEqual((yield* nearestDesign({ points, stateSize: 1 })).guarantee, "estimate")
      assert.strictEqual((yield* nearestDesign({ points, stateSize: 1, lipschitz: 1 })).guarantee, "bound")
      const wrong = [
        [
          { points, stateSize: 1, neighbours: 3 },
          /neighbours must be a whole number from 1 to the 2 design points/
        ],
        [
          { points: Float64Array.of(0, Number.NaN), stateSize: 1 },
          /point 1 of the design must be finite numbers, not NaN/
        ],
        [{ points, stateSize: 1, scale: [Infinity] }, /scale must be 1 positive numbers/],
        [{ points, stateSize: 1, lipschitz: -1 }, /lipschitz must be at least 0/],
        [{ points, stateSize: 3 }, /points must be a positive multiple of 3/]
      ] as const
      for (const [options, message] of wrong)
        assert.match((yield* Effect.flip(nearestDesign(options))).message, message)
    })
  )

  it.effect("must be for states of the simulator's size, and be given where states are not numbered", () =>
    Effect.gen(function* () {
      const uvip = yield* Uvip
      const design = yield* nearestDesign({ points: Float64Array.of(0, 1), stateSize: 1 })
      const source = Environments.cartPole()
      const error = yield* Effect.flip(uvip.sampled(source, { design, key: key(1) }))
      assert.match(error.message, /design must be for states of 4 numbers, as CartPole has them, not for 1/)
      const missing = yield* Effect.flip(uvip.certifyBySampling(source, actingAtRandom(2), { key: key(1) }))
      assert.match(missing.message, /design must be given for the simulator CartPole/)
    }).pipe(Effect.provide(Uvip.layer))
  )
})

describe("envelopes", () => {
  it("enclose a Lipschitz function and touch it at the points", () => {
    const points = uniformPoints([[-2, 2]], 30, key(3))
    const data = { points, values: points.map(Math.sin), stateSize: 1, constant: 1 }
    for (let x = -2; x <= 2; x += 0.05) {
      const { lower, upper, midpoint } = envelopes(data, [x])
      assert.isTrue(lower <= Math.sin(x) && Math.sin(x) <= upper)
      assert.closeTo(midpoint, (lower + upper) / 2, 1e-15)
    }
    assert.closeTo(envelopes(data, [points[4]]).upper, Math.sin(points[4]), 1e-15)
  })
})

// V* = a x + b of the walk below: a = 1 + a / 4 and b = 0.1 + b / 2.
const lineValue = (x: number) => (4 / 3) * x + 0.2

describe("continuous states", () => {
  it.effect("a walk on a line: the limit is above the true value, which is known", () =>
    Effect.gen(function* () {
      // x -> x / 2 +- noise; reward x, and 0.1 more for action 1.
      const source = simulator({
        name: "line",
        stateSize: 1,
        actions: 2,
        discount: 0.5,
        valueBounds: [0, 2.2],
        transition: ([x], action, random, next) => {
          next[0] = x / 2 + 0.1 * (random.uniform() - 0.5)
          return { reward: x + (action === 1 ? 0.1 : 0), terminated: false }
        }
      })
      const points = Float64Array.from({ length: 41 }, (_, i) => -0.2 + (1.4 * i) / 40)
      const uvip = yield* Uvip
      const { limit, guarantee } = yield* uvip.sampled(source, {
        draws: 2000,
        design: yield* nearestDesign({ points, stateSize: 1, lipschitz: 4 / 3, neighbours: 1 }),
        simultaneous: true,
        key: key("line")
      })
      assert.strictEqual(guarantee, "bound")
      points.forEach((x, i) => {
        assert.isAtLeast(limit[i], lineValue(x) - 1e-9)
        assert.isBelow(limit[i], lineValue(x) + 0.06)
      })
    }).pipe(Effect.provide(Uvip.layer))
  )

  it.effect("CartPole with its terminations: no limit above 1 / (1 - discount), labelled an estimate", () =>
    Effect.gen(function* () {
      const uvip = yield* Uvip
      const points = uniformPoints(
        [
          [-2.4, 2.4],
          [-2, 2],
          [-0.2, 0.2],
          [-2, 2]
        ],
        60,
        key(1)
      )
      const certificate = yield* uvip.certifyBySampling(Environments.cartPole(), actingAtRandom(2), {
        design: yield* nearestDesign({ points, stateSize: 4, scale: [2.4, 2, 0.2, 2], neighbours: 4 }),
        draws: 300,
        episodes: 50,
        key: key(2)
      })
      assert.strictEqual(certificate.guarantee, "estimate")
      certificate.upper.forEach((upper, i) => {
        assert.isAtMost(upper, 1 / (1 - 0.9))
        assert.isAtLeast(upper, certificate.lower[i])
      })
      assert.isAbove(certificate.maxGap, 0.1)
    }).pipe(Effect.provide(Uvip.layer))
  )
})
