import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { fold, key } from "../../../src/Random/index.ts"
import {
  acting,
  actingAtRandom,
  type ActingPolicy,
  Environments,
  exactValue,
  improvementOver,
  linearActing,
  nearestDesign,
  Policy,
  policyValue,
  simulator,
  simulatorOf,
  Uvip,
  visitedPoints
} from "../../../src/UVIP/index.ts"

const ofLinear = (lipschitz?: number) =>
  certificates(Environments.cartPole(), Environments.cartPoleStart, [2.4, 2, 0.2, 2], [linear], lipschitz)

describe("improvementOver", () => {
  it.effect("a policy has the optimal value V* - V^pi, which the limits cover", () =>
    Effect.gen(function* () {
      const uvip = yield* Uvip
      const mdp = yield* Environments.garnet({
        states: 8,
        actions: 3,
        branching: 2,
        discount: 0.7,
        key: key(1)
      })
      const policy = Policy.uniform(mdp)
      const { values } = yield* exactValue(mdp, { tolerance: 1e-12 })
      const value = yield* policyValue(mdp, policy)
      const improvement = improvementOver(simulatorOf(mdp), acting(policy), 60)
      const { limit, simulatorCalls } = yield* uvip.sampled(improvement, {
        draws: 4000,
        confidence: 0.999,
        simultaneous: true,
        key: key(2)
      })
      limit.forEach((upper, state) => {
        assert.isAtLeast(upper, values[state] - value[state])
        assert.isBelow(upper, values[state] - value[state] + 0.15)
      })
      // Two episodes for each draw of a reward.
      assert.isAbove(simulatorCalls, 50 * 4000 * 3 * 8)
      assert.strictEqual(simulatorCalls, improvement.callsBeneath?.())
    }).pipe(Effect.provide(Uvip.layer))
  )

  it.effect("an optimal policy has none", () =>
    Effect.gen(function* () {
      const uvip = yield* Uvip
      const mdp = yield* Environments.cliffWalking({ discount: 0.5 })
      const { values } = yield* exactValue(mdp)
      const best = acting(Policy.greedy(mdp, values))
      const { limit } = yield* uvip.sampled(improvementOver(simulatorOf(mdp), best, 80), {
        draws: 20,
        key: key(1)
      })
      limit.forEach((upper) => assert.closeTo(upper, 0, 1e-8))
    }).pipe(Effect.provide(Uvip.layer))
  )
})

// Leans against the pole's fall and the cart's way.
const linear = linearActing({
  stateSize: 4,
  actions: 2,
  weights: Float64Array.of(0, 0, 0, 0, 0, 0.1, 0.2, 1, 0.3, 0),
  scale: Float64Array.of(1, 1, 1, 1)
})

/** Everything but the pole's lean is ignored. */
const pushing: ActingPolicy = {
  act: (states, rows, _, into) => {
    for (let row = 0; row < rows; row++) into[row] = states[4 * row + 2] > 0 ? 1 : 0
  }
}

/** Accelerates the way it goes already. */
const pump = (size: number, velocity: number): ActingPolicy => ({
  act: (states, rows, _, into) => {
    for (let row = 0; row < rows; row++) into[row] = states[row * size + velocity] > 0 ? 2 : 0
  }
})

/** On the line: rewards alone depend on actions, so the best is to take the nearer one at once. */
const nearer: ActingPolicy = {
  act: (states, rows, _, into) => {
    for (let row = 0; row < rows; row++) into[row] = states[row] > 0.5 ? 1 : 0
  }
}

const alwaysOne: ActingPolicy = { act: (_, rows, __, into) => into.fill(1, 0, rows) }

const certificates = Effect.fnUntraced(function* (
  source: ReturnType<typeof Environments.cartPole>,
  initialState: typeof Environments.cartPoleStart,
  scale: ReadonlyArray<number>,
  policies: ReadonlyArray<ActingPolicy>,
  lipschitz?: number
) {
  const uvip = yield* Uvip
  const parts = yield* Effect.forEach(policies, (policy, i) =>
    visitedPoints(source, policy, { initialState, count: 30, key: fold(key("points"), i) })
  )
  const points = Float64Array.from(parts.flatMap((part) => [...part]))
  const design = yield* nearestDesign({
    points,
    stateSize: source.stateSize,
    scale,
    neighbours: 2,
    lipschitz
  })
  return yield* Effect.forEach(policies, (policy) =>
    uvip.certifyBySampling(source, policy, {
      design,
      baseline: policy,
      draws: 40,
      episodes: 30,
      key: key("certificates")
    })
  )
})

const mean = (values: Float64Array) => values.reduce((a, b) => a + b, 0) / values.length

describe("certificates in continuous states", () => {
  it.effect("CartPole: never above 1 / (1 - discount), and closing from a random to a good controller", () =>
    Effect.gen(function* () {
      const found = yield* certificates(
        Environments.cartPole(),
        Environments.cartPoleStart,
        [2.4, 2, 0.2, 2],
        [actingAtRandom(2), pushing, linear]
      )
      for (const { upper, lower, guarantee } of found) {
        assert.strictEqual(guarantee, "estimate")
        upper.forEach((limit, point) => {
          assert.isAtMost(limit, 10 + 1e-12)
          assert.isAtLeast(limit, lower[point])
        })
      }
      const gaps = found.map(({ gap }) => mean(gap))
      assert.isAbove(gaps[0], 2 * gaps[2])
      assert.isAbove(gaps[1], gaps[2])
    }).pipe(Effect.provide(Uvip.layer))
  )

  it.effect("CartPole: with a Lipschitz constant they are bounds, and not below the estimates", () =>
    Effect.gen(function* () {
      const [[estimate], [bound]] = [yield* ofLinear(), yield* ofLinear(1)]
      assert.strictEqual(bound.guarantee, "bound")
      assert.isAtLeast(mean(bound.upper), mean(estimate.upper))
      bound.upper.forEach((limit) => assert.isAtMost(limit, 10 + 1e-12))
    }).pipe(Effect.provide(Uvip.layer))
  )

  it.effect("a bound covers the true value where V* - V is as smooth as was said", () =>
    Effect.gen(function* () {
      // x -> x / 2 + noise, reward -|x - action|: V* - V of action 1 always rises by at most 2 / (1 - 1 / 4).
      const source = simulator({
        name: "line",
        stateSize: 1,
        actions: 2,
        discount: 0.5,
        valueBounds: [-4, 0],
        transition: ([x], action, random, next) => {
          next[0] = x / 2 + 0.2 * (random.uniform() - 0.5)
          return { reward: -Math.abs(x - action), terminated: false }
        }
      })
      const points = Float64Array.from({ length: 21 }, (_, i) => -0.2 + (1.4 * i) / 20)
      const uvip = yield* Uvip
      const options = {
        design: yield* nearestDesign({ points, stateSize: 1, lipschitz: 2.7 }),
        draws: 200,
        simultaneous: true,
        episodes: 100,
        key: key(1)
      }
      const best = yield* uvip.certifyBySampling(source, nearer, { ...options, baseline: nearer })
      const bad = yield* uvip.certifyBySampling(source, alwaysOne, { ...options, baseline: alwaysOne })
      bad.upper.forEach((limit, point) => assert.isAtLeast(limit, best.lower[point]))
      best.upper.forEach((limit, point) => assert.isAtLeast(limit, best.lower[point]))
      assert.isAbove(bad.maxGap, best.maxGap)
    }).pipe(Effect.provide(Uvip.layer))
  )

  it.effect("MountainCar and Acrobot: closing, below the trivial bound", () =>
    Effect.gen(function* () {
      const car = yield* certificates(
        Environments.mountainCar({ discount: 0.9 }),
        Environments.mountainCarStart,
        [0.6, 0.07],
        [actingAtRandom(3), pump(2, 1)]
      )
      const robot = yield* certificates(
        Environments.acrobot({ discount: 0.8, noise: 0 }),
        Environments.acrobotStart,
        [3, 3, 12, 28],
        [actingAtRandom(3), pump(4, 2)]
      )
      for (const { upper } of [...car, ...robot]) upper.forEach((limit) => assert.isAtMost(limit, 0))
      assert.isBelow(mean(car[1].gap), mean(car[0].gap))
    }).pipe(Effect.provide(Uvip.layer))
  )
})
