import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import {
  bellmanSweep,
  exactValue,
  optimalPolicy,
  Policy,
  policyValue,
  upperProblem,
  upperSweep,
  Uvip
} from "../../src/UVIP/index.ts"
import { distance, fixture, fixtureNames, hasFixtures } from "./fixtures.ts"

const why = hasFixtures ? "" : " (skipped: no ../shared/data/mdp here)"

describe.skipIf(!hasFixtures).each(fixtureNames)(`reference values of %s${why}`, (name) => {
  it.effect("V* by value iteration and by policy iteration", () =>
    Effect.gen(function* () {
      const { file, mdp } = yield* fixture(name)
      const expected = file.Vstar ?? []
      const { values } = yield* exactValue(mdp, { tolerance: 1e-13 })
      const scale = Math.max(...expected)
      assert.isBelow(distance(values, expected), 1e-12 * Math.max(scale, 1))
      assert.isBelow(distance((yield* optimalPolicy(mdp)).values, expected), 1e-13 * Math.max(scale, 1))
    })
  )

  it.effect("V^pi, V^up under both couplings and MacQueen's bound, for five policies", () =>
    Effect.gen(function* () {
      const { file, mdp } = yield* fixture(name)
      const factor = mdp.discount / (1 - mdp.discount)
      for (const [policy, entry] of Object.entries(file.policies ?? {})) {
        const value = yield* policyValue(mdp, yield* Policy.make(entry.pi))
        const scale = Math.max(...value)
        assert.isBelow(distance(value, entry.Vpi ?? []), 1e-12 * Math.max(scale, 1), `${policy}: V^pi`)
        // The reference iterated until a sweep changed less than 1e-12: that is what a sweep must find too.
        const independent = Float64Array.from(entry.Vup_indep ?? [])
        const swept = upperSweep(upperProblem(mdp, value, "independent"), independent)
        assert.isBelow(distance(swept, independent), 1e-12, `${policy}: independent`)
        // The chain's reference has other outcomes first than its file; the Chain environment has them right.
        if (name !== "chain15") {
          const shared = Float64Array.from(entry.Vup_shared ?? [])
          const sharedSwept = upperSweep(upperProblem(mdp, value, "shared"), shared)
          assert.isBelow(distance(sharedSwept, shared), 1e-12, `${policy}: shared`)
        }
        const improved = bellmanSweep(mdp, value)
        const most = improved.reduce((d, v, x) => Math.max(d, v - value[x]), 0)
        const bound = improved.map((v) => v + factor * most)
        assert.isBelow(distance(bound, entry.macqueen_up ?? []), 1e-11, `${policy}: MacQueen`)
      }
    })
  )

  it.effect("the fixed points of the couplings, as far as the reference was iterated", () =>
    Effect.gen(function* () {
      const uvip = yield* Uvip
      const { file, mdp } = yield* fixture(name)
      for (const [policy, entry] of Object.entries(file.policies ?? {})) {
        const value = yield* policyValue(mdp, yield* Policy.make(entry.pi))
        const { values } = yield* uvip.exact(mdp, value, { coupling: "independent", tolerance: 1e-13 })
        assert.isBelow(distance(values, entry.Vup_indep ?? []), 1e-12 / (1 - mdp.discount), policy)
      }
    }).pipe(Effect.provide(Uvip.layer))
  )
})
