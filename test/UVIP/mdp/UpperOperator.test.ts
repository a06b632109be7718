import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { fold, key, stream } from "../../../src/Random/index.ts"
import type { Mdp } from "../../../src/UVIP/mdp/Mdp.ts"
import {
  bellmanSweep,
  type Coupling,
  exactValue,
  optimalPolicy,
  upperProblem,
  upperStart,
  upperStep,
  upperSweep,
  Uvip
} from "../../../src/UVIP/index.ts"
import { distance } from "../fixtures.ts"
import { randomMdp } from "../randomMdp.ts"

const couplings: ReadonlyArray<Coupling> = ["independent", "shared", "comonotone"]

/** Z_a of a state: values and probabilities, by the definition. */
const variables = (mdp: Mdp, f: Float64Array, values: Float64Array, x: number) =>
  Array.from({ length: mdp.actions }, (_, a) => {
    const pair = x * mdp.actions + a
    const at = Array.from(
      { length: mdp.offsets[pair + 1] - mdp.offsets[pair] },
      (_, j) => mdp.offsets[pair] + j
    )
    const valueOf = (v: Float64Array, e: number) =>
      mdp.terminal[mdp.successors[e]] === 1 ? 0 : v[mdp.successors[e]]
    const mean = at.reduce((sum, e) => sum + mdp.probabilities[e] * valueOf(f, e), 0)
    return at.map((e) => ({
      p: mdp.probabilities[e],
      z: mdp.rewards[pair] + mdp.discount * (valueOf(values, e) - valueOf(f, e) + mean)
    }))
  })

type Variable = ReturnType<typeof variables>[number]

/** E max by going through all combinations. */
const independentMean = (all: ReadonlyArray<Variable>): number =>
  all
    .reduce(
      (seen, outcomes) =>
        seen.flatMap(({ p, z }) => outcomes.map((o) => ({ p: p * o.p, z: Math.max(z, o.z) }))),
      [{ p: 1, z: -Infinity }]
    )
    .reduce((sum, { p, z }) => sum + p * z, 0)

/** E max of the inverse distribution functions at one uniform number, the outcomes in the order given. */
const quantileMean = (all: ReadonlyArray<Variable>): number => {
  const cumulative = all.map((outcomes) => {
    let sum = 0
    return outcomes.map(({ p, z }) => ({ until: (sum += p), z }))
  })
  const cuts = [0, ...cumulative.flat().map(({ until }) => until)].toSorted((a, b) => a - b)
  return cuts.reduce((sum, from, k) => {
    const to = cuts[k + 1] ?? 1
    const middle = (from + to) / 2
    if (to - from < 1e-12) return sum
    const best = Math.max(
      ...cumulative.map((row) => (row.find(({ until }) => middle < until) ?? row[row.length - 1]).z)
    )
    return sum + (to - from) * best
  }, 0)
}

describe("upperSweep", () => {
  it("is E max over the joint law of each coupling, by enumeration", () => {
    for (let n = 0; n < 300; n++) {
      const mdp = randomMdp(fold(key("enumeration"), n))
      const random = stream(fold(key("values"), n))
      const values = new Float64Array(mdp.states).map((_, x) => (mdp.terminal[x] === 1 ? 0 : random.normal()))
      const f = values.map(() => random.normal())
      const swept = couplings.map((coupling) => upperSweep(upperProblem(mdp, f, coupling), values))
      for (let x = 0; x < mdp.states; x++) {
        if (mdp.terminal[x] === 1) {
          assert.deepStrictEqual(
            swept.map((v) => v[x]),
            [0, 0, 0]
          )
          continue
        }
        const all = variables(mdp, f, values, x)
        const expected = [
          independentMean(all),
          quantileMean(all),
          quantileMean(all.map((outcomes) => outcomes.toSorted((a, b) => a.z - b.z)))
        ]
        couplings.forEach((coupling, c) => {
          assert.closeTo(swept[c][x], expected[c], 1e-12, `${coupling}, problem ${n}, state ${x}`)
        })
      }
    }
  })

  it("with f = V* finds V* under every coupling, and one sweep of f is Bellman's", () => {
    for (let n = 0; n < 50; n++) {
      const mdp = randomMdp(fold(key("reference"), n))
      const f = new Float64Array(mdp.states).map((_, x) => (mdp.terminal[x] === 1 ? 0 : Math.sin(x + n)))
      for (const coupling of couplings)
        assert.isBelow(distance(upperSweep(upperProblem(mdp, f, coupling), f), bellmanSweep(mdp, f)), 1e-13)
    }
  })

  it("does not depend on the sweeps before", () => {
    for (let n = 0; n < 50; n++) {
      const mdp = randomMdp(fold(key("history"), n))
      const f = new Float64Array(mdp.states)
      for (const coupling of couplings) {
        const used = upperProblem(mdp, f, coupling)
        const random = stream(key(n))
        for (let k = 0; k < 5; k++) {
          const values = f.map(() => Math.round(2 * random.normal()))
          assert.deepStrictEqual(upperSweep(used, values), upperSweep(upperProblem(mdp, f, coupling), values))
        }
      }
    }
  })
})

describe("V^up", () => {
  it.effect(
    "of the comonotone coupling lies above V* and below those of the other two, on 3,000 random MDPs",
    () =>
      Effect.gen(function* () {
        const uvip = yield* Uvip
        let strictly = 0
        for (let n = 0; n < 3000; n++) {
          const mdp = randomMdp(fold(key("couplings"), n))
          const random = stream(fold(key("guess"), n))
          const f = new Float64Array(mdp.states).map(() => random.normal())
          const { values: best } = yield* optimalPolicy(mdp)
          const upper = yield* Effect.forEach(couplings, (coupling) =>
            uvip.exact(mdp, f, { coupling, tolerance: 1e-10 })
          )
          const [independent, shared, comonotone] = upper
          for (let x = 0; x < mdp.states; x++) {
            const where = `problem ${n}, state ${x}`
            assert.isAtLeast(comonotone.upper[x], best[x] - 1e-12, where)
            assert.isAtMost(comonotone.lower[x], independent.upper[x] + 1e-12, where)
            assert.isAtMost(comonotone.lower[x], shared.upper[x] + 1e-12, where)
            if (Math.min(independent.lower[x], shared.lower[x]) > comonotone.upper[x] + 1e-6) strictly++
          }
        }
        assert.isAbove(strictly, 1000)
      }).pipe(Effect.provide(Uvip.layer))
  )

  it.effect("is approached from above by every iterate, so that sweeps may stop at any time", () =>
    Effect.gen(function* () {
      for (let n = 0; n < 200; n++) {
        const mdp = randomMdp(fold(key("from above"), n))
        const f = new Float64Array(mdp.states).map((_, x) => Math.cos(x * n))
        const { values: best } = yield* exactValue(mdp, { tolerance: 1e-13 })
        for (const coupling of couplings) {
          const problem = upperProblem(mdp, f, coupling)
          let state = upperStart(problem)
          for (let k = 0; k < 10; k++) {
            const before = state.values
            ;[state] = upperStep(problem, state)
            for (let x = 0; x < mdp.states; x++) {
              assert.isAtMost(state.values[x], before[x] + 1e-12)
              assert.isAtLeast(state.values[x], best[x] - 1e-12)
              if (mdp.terminal[x] === 0) assert.isAtLeast(state.values[x] + state.upper, best[x] - 1e-12)
            }
          }
        }
      }
    })
  )
})
