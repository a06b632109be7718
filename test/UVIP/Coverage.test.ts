import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { fold, key } from "../../src/Random/index.ts"
import {
  Environments,
  exactValue,
  type Method,
  type SamplingPlan,
  simulatorOf,
  Uvip
} from "../../src/UVIP/index.ts"

const repetitions = 1000
const confidence = 0.9

// A limit of exactly its nominal level would fall below this at one given state with probability 1e-4.
const least = confidence - 3.7 * Math.sqrt((confidence * (1 - confidence)) / repetitions)

// Small samples, and for the methods that take a control variate the hardest there is: V* itself, which leaves no bias beside that of noise.
const plans: Readonly<Record<Method, Partial<SamplingPlan>>> = {
  paper: { referenceDraws: 10, sweepDraws: 1, sweeps: 2, replications: 4 },
  sorted: { referenceDraws: 10, sweepDraws: 2, sweeps: 2, replications: 4 },
  "max-of-means": { referenceDraws: 10, sweepDraws: 2, sweeps: 2, replications: 4 },
  piloted: { pilotDraws: 20, referenceDraws: 10, sweepDraws: 2, sweeps: 2, replications: 4 }
}

const problems = {
  FrozenLake: Environments.frozenLake({ discount: 0.6 }),
  Garnet: Environments.garnet({ states: 8, actions: 3, branching: 2, discount: 0.6, key: key(1) })
}

const small = 500

/** As `least`, of fewer repetitions. */
const leastOfSmall = confidence - 3.7 * Math.sqrt((confidence * (1 - confidence)) / small)

describe.each(Object.keys(problems) as ReadonlyArray<keyof typeof problems>)(
  "1,000 limits on %s, 90 % confidence",
  (name) => {
    it.effect.each(Object.keys(plans) as ReadonlyArray<Method>)("%s covers V* in every state", (method) =>
      Effect.gen(function* () {
        const uvip = yield* Uvip
        const mdp = yield* problems[name]
        const { values } = yield* exactValue(mdp, { tolerance: 1e-12 })
        const best = values.filter((_, state) => mdp.terminal[state] === 0)
        const covered = new Int32Array(best.length)
        for (let n = 0; n < repetitions; n++) {
          const { limit } = yield* uvip.sampled(simulatorOf(mdp), {
            method,
            plan: plans[method],
            confidence,
            key: fold(key("coverage"), n),
            ...(method === "piloted" ? {} : { reference: best })
          })
          limit.forEach((value, x) => {
            if (value >= best[x] - 1e-12) covered[x]++
          })
        }
        assert.isAtLeast(Math.min(...covered) / repetitions, least)
      }).pipe(Effect.provide(Uvip.layer))
    )

    it.effect.each(Object.keys(plans) as ReadonlyArray<Method>)(
      "%s covers all states at once, of 500, where that is asked for",
      (method) =>
        Effect.gen(function* () {
          const uvip = yield* Uvip
          const mdp = yield* problems[name]
          const { values } = yield* exactValue(mdp, { tolerance: 1e-12 })
          const best = values.filter((_, state) => mdp.terminal[state] === 0)
          let covered = 0
          for (let n = 0; n < small; n++) {
            const { limit } = yield* uvip.sampled(simulatorOf(mdp), {
              method,
              plan: plans[method],
              confidence,
              simultaneous: true,
              key: fold(key("simultaneous"), n),
              ...(method === "piloted" ? {} : { reference: best })
            })
            if (limit.every((value, x) => value >= best[x] - 1e-12)) covered++
          }
          assert.isAtLeast(covered / small, leastOfSmall)
        }).pipe(Effect.provide(Uvip.layer))
    )
  }
)
