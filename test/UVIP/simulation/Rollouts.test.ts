import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { run } from "../../../src/Iteration/index.ts"
import { fold, key } from "../../../src/Random/index.ts"
import {
  acting,
  actingAtRandom,
  Environments,
  exactValue,
  Policy,
  policyValue,
  reinforce,
  rollouts,
  simulatorOf,
  startAt,
  Uvip
} from "../../../src/UVIP/index.ts"

describe("rollouts", () => {
  it.effect("cover V^pi as often as they say: 400 limits of 95 %, 5 standard deviations", () =>
    Effect.gen(function* () {
      const mdp = yield* Environments.chain()
      const policy = Policy.uniform(mdp)
      const value = (yield* policyValue(mdp, policy)).subarray(1, 14)
      const points = Float64Array.from({ length: 13 }, (_, i) => i + 1)
      const covered = { lower: new Float64Array(13), upper: new Float64Array(13) }
      for (let n = 0; n < 400; n++) {
        const found = yield* rollouts(simulatorOf(mdp), acting(policy), {
          points,
          episodes: 200,
          key: fold(key("rollouts"), n)
        })
        value.forEach((v, x) => {
          if (found.lower[x] <= v) covered.lower[x] += 1 / 400
          if (found.upper[x] >= v) covered.upper[x] += 1 / 400
        })
      }
      const least = 0.95 - 5 * Math.sqrt((0.95 * 0.05) / 400)
      assert.isAbove(Math.min(...covered.lower, ...covered.upper), least)
    })
  )

  it.effect("ends episodes on termination and counts its calls", () =>
    Effect.gen(function* () {
      const mdp = yield* Environments.cliffWalking()
      const { values } = yield* exactValue(mdp)
      const found = yield* rollouts(simulatorOf(mdp), acting(Policy.greedy(mdp, values)), {
        points: Float64Array.of(36, 47),
        episodes: 3,
        key: key(1)
      })
      assert.closeTo(found.mean[0], values[36], 1e-8)
      assert.strictEqual(found.mean[1], 0)
      assert.strictEqual(found.simulatorCalls, 3 * 13 + 3)
    })
  )

  it.effect("of a random player on CartPole last as long as is known, about 22 steps", () =>
    Effect.gen(function* () {
      const source = Environments.cartPole({ discount: 0.999999, noise: 0 })
      const found = yield* rollouts(source, actingAtRandom(2), {
        points: Float64Array.of(0, 0, 0, 0),
        episodes: 2000,
        horizon: 1000,
        key: key(1)
      })
      assert.closeTo(found.mean[0], 22.3, 1.2)
    })
  )
})

describe("Uvip.certifyBySampling", () => {
  it.effect("brackets V^pi and V*, and narrows with better policies", () =>
    Effect.gen(function* () {
      const uvip = yield* Uvip
      const mdp = yield* Environments.frozenLake({ discount: 0.9 })
      const { values } = yield* exactValue(mdp, { tolerance: 1e-12 })
      const certificates = yield* Effect.forEach(
        [Policy.uniform(mdp), Policy.greedy(mdp, values)],
        (policy) =>
          Effect.gen(function* () {
            const value = yield* policyValue(mdp, policy)
            const certificate = yield* uvip.certifyBySampling(simulatorOf(mdp), acting(policy), {
              draws: 4000,
              episodes: 400,
              simultaneous: true,
              key: key("bracket")
            })
            certificate.points.forEach((state, i) => {
              assert.isAtMost(certificate.lower[i], value[state] + 1e-9)
              assert.isAtLeast(certificate.upper[i], values[state] - 1e-9)
            })
            return certificate
          })
      )
      assert.isBelow(certificates[1].maxGap, 0.6 * certificates[0].maxGap)
    }).pipe(Effect.provide(Uvip.layer))
  )
})

describe("reinforce", () => {
  it.effect("learns to cross the ice", () =>
    Effect.gen(function* () {
      const mdp = yield* Environments.frozenLake({ discount: 0.9, slippery: false })
      const training = yield* reinforce(simulatorOf(mdp), {
        initialState: startAt(0),
        updates: 150,
        stepSize: 40,
        key: key(5)
      })
      const state = yield* run(training)
      const value = yield* policyValue(mdp, Policy.softmax(state.logits, 4))
      const uniform = yield* policyValue(mdp, Policy.uniform(mdp))
      assert.isAbove(value[0], 0.5)
      assert.isBelow(uniform[0], 0.01)
    })
  )

  it.effect("follows the gradient: the mean step of many episodes is that of central differences", () =>
    Effect.gen(function* () {
      const mdp = yield* Environments.chain({ states: 5, discount: 0.7 })
      const episodes = 40_000
      const training = yield* reinforce(simulatorOf(mdp), {
        initialState: startAt(2),
        updates: 1,
        episodes,
        stepSize: 1,
        horizon: 60,
        key: key("gradient")
      })
      const start = yield* training.init
      const logits = start.logits.map((_, i) => 0.3 * Math.sin(i))
      const [after] = yield* training.step({ ...start, logits })
      const valueAt = (change: number, i: number) =>
        Effect.map(
          policyValue(
            mdp,
            Policy.softmax(
              logits.map((v, j) => (j === i ? v + change : v)),
              2
            )
          ),
          (value) => value[2]
        )
      for (let i = 2; i < 8; i++) {
        const gradient = ((yield* valueAt(1e-4, i)) - (yield* valueAt(-1e-4, i))) / 2e-4
        // Single episodes' steps scatter by about 5; five standard deviations of their mean.
        assert.closeTo(after.logits[i] - logits[i], gradient, (5 * 5) / Math.sqrt(episodes))
      }
    })
  )
})
