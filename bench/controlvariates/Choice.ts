import { Effect } from "effect"
import { ControlVariates, type FitOptions, noUTurn, randomWalk } from "../../src/ControlVariates/index.ts"
import { cpu } from "../../src/Layers/index.ts"
import { fold, type Key, key, stream } from "../../src/Random/index.ts"
import type { Report } from "../Report.ts"
import { posteriors } from "./Posteriors.ts"

const objectives: ReadonlyArray<readonly [name: "EVM" | "ESVM" | "auto", options: FitOptions]> = [
  ["EVM", { objective: "evm" }],
  ["ESVM", { objective: "esvm" }],
  ["auto", {}]
]

const startNear = (around: ReadonlyArray<number>, chains: number, at: Key): Float64Array => {
  const random = stream(at)
  return Float64Array.from(
    Array.from({ length: chains }, () => around.map((x) => x + 0.02 * random.normal())).flat()
  )
}

const samplers = [
  ["NUTS", noUTurn(), 2000],
  ["RWM", randomWalk, 20_000]
] as const

/** Larger factors are exact control variates, and what rounding left of them. */
const mostMeant = 1e12

const logMean = (values: ReadonlyArray<number>): number =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value) / values.length, 0))

/**
 * On every target, by a sampler whose draws hang together little and by one whose draws hang together much: the reduction of the asymptotic variance by EVM, by ESVM and
 * by the automatic choice between them, degree, window and ridge chosen by each. Fitted on 2 chains, judged on 8 fresh ones.
 */
export const choice = Effect.fn("bench.controlVariatesChoice")(
  function* (_seconds: number) {
    const variates = yield* ControlVariates
    const rows: Array<Record<string, string | number>> = []
    for (const { name, target, functionals, around } of yield* posteriors)
      for (const [sampler, kernel, draws] of samplers) {
        const root = fold(fold(key("choice"), name), sampler)
        const of = (what: string, chains: number) =>
          variates.sample(target, {
            kernel,
            draws,
            chains,
            key: fold(root, what),
            start: around === undefined ? undefined : startNear(around, chains, fold(root, `start ${what}`))
          })
        const training = (yield* of("training", 2)).chains
        const fresh = (yield* of("fresh", 8)).chains
        const f = functionals(fresh)
        const found = new Map<string, ReadonlyArray<number>>()
        let said = ""
        for (const [objective, options] of objectives) {
          const variate = yield* variates.fit(training, functionals(training), options)
          const { estimates } = yield* variates.evaluate(variate, fresh, f)
          found.set(
            objective,
            estimates.map((one) => Math.min(mostMeant, one.varianceReduction))
          )
          if (objective === "auto")
            said = [...new Set(variate.functionals.map((one) => `${one.objective} ${one.degree}`))].join(", ")
        }
        const [evm, esvm, auto] = ["EVM", "ESVM", "auto"].map((id) => found.get(id) ?? [])
        const overBetter = auto.map((value, q) => value / Math.max(evm[q], esvm[q]))
        rows.push({
          target: name,
          sampler,
          functionals: f.names.length,
          EVM: logMean(evm),
          ESVM: logMean(esvm),
          auto: logMean(auto),
          "auto over the better": logMean(overBetter),
          "least of these": Math.min(...overBetter),
          chosen: said
        })
      }
    return {
      name: "control-variates-choice",
      versions: [
        "variance reduction factors, geometric means over the functionals; above 1e12 they count as 1e12"
      ],
      rows
    } satisfies Report
  },
  (effect) => effect.pipe(Effect.provide(ControlVariates.layer), Effect.provide(cpu()), Effect.scoped)
)
