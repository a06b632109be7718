import { Effect } from "effect"
import {
  ControlVariates,
  type FitOptions,
  type Kernel,
  noUTurn,
  randomWalk
} from "../../src/ControlVariates/index.ts"
import { cpu } from "../../src/Layers/index.ts"
import { fold, type Key, key, stream } from "../../src/Random/index.ts"
import type { Report } from "../Report.ts"
import { type Posterior, posteriors } from "./Posteriors.ts"

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

/** Reductions of the asymptotic variance by each objective, [functionals], and what the automatic choice took. */
interface Compared {
  readonly names: ReadonlyArray<string>
  readonly EVM: ReadonlyArray<number>
  readonly ESVM: ReadonlyArray<number>
  readonly auto: ReadonlyArray<number>
  readonly chosen: ReadonlyArray<string>
}

/** Fitted on 2 chains, judged on 8 fresh ones. */
const compare = Effect.fnUntraced(function* (
  { target, functionals, around }: Posterior,
  kernel: Kernel,
  draws: number,
  root: Key
) {
  const variates = yield* ControlVariates
  const chainsOf = (what: string, chains: number) =>
    variates.sample(target, {
      kernel,
      draws,
      chains,
      key: fold(root, what),
      start: around === undefined ? undefined : startNear(around, chains, fold(root, `start ${what}`))
    })
  const training = (yield* chainsOf("training", 2)).chains
  const fresh = (yield* chainsOf("fresh", 8)).chains
  const f = functionals(fresh)
  const by = Effect.fnUntraced(function* (options: FitOptions) {
    const variate = yield* variates.fit(training, functionals(training), options)
    const { estimates } = yield* variates.evaluate(variate, fresh, f)
    return {
      factors: estimates.map((one) => Math.min(mostMeant, one.varianceReduction)),
      chosen: variate.functionals.map((one) => `${one.objective} ${one.degree}`)
    }
  })
  const evm = yield* by({ objective: "evm" })
  const esvm = yield* by({ objective: "esvm" })
  const auto = yield* by({})
  return {
    names: f.names,
    EVM: evm.factors,
    ESVM: esvm.factors,
    auto: auto.factors,
    chosen: auto.chosen
  } satisfies Compared
})

/**
 * On every target, by a sampler whose draws hang together little and by one whose draws hang together much: the reduction of the asymptotic variance by EVM, by ESVM and
 * by the automatic choice between them, degree, window and ridge chosen by each. Every seed has chains of its own.
 */
export const choice = Effect.fn("bench.controlVariatesChoice")(
  function* (_seconds: number, seeds: number) {
    const rows: Array<Record<string, string | number>> = []
    for (const posterior of yield* posteriors)
      for (const [sampler, kernel, draws] of samplers) {
        const root = fold(fold(key("choice"), posterior.name), sampler)
        const compared = yield* Effect.forEach(
          Array.from({ length: seeds }, (_, seed) => (seed === 0 ? root : fold(root, seed))),
          (at) => compare(posterior, kernel, draws, at)
        )
        const overBetter = compared.flatMap(({ names, EVM, ESVM, auto }, seed) =>
          auto.map((factor, q) => ({
            ratio: factor / Math.max(EVM[q], ESVM[q]),
            where: `${names[q]}, seed ${seed}`
          }))
        )
        const least = overBetter.reduce((a, b) => (b.ratio < a.ratio ? b : a))
        rows.push({
          target: posterior.name,
          sampler,
          functionals: compared[0].names.length,
          EVM: logMean(compared.flatMap(({ EVM }) => EVM)),
          ESVM: logMean(compared.flatMap(({ ESVM }) => ESVM)),
          auto: logMean(compared.flatMap(({ auto }) => auto)),
          "auto over the better": logMean(overBetter.map(({ ratio }) => ratio)),
          "least of these": least.ratio,
          where: least.where,
          chosen: [...new Set(compared.flatMap(({ chosen }) => chosen))].join(", ")
        })
      }
    return {
      name: "control-variates-choice",
      versions: [
        `variance reduction factors, ${seeds} seed${seeds === 1 ? "" : "s"}, geometric means over the functionals and seeds; above 1e12 they count as 1e12`
      ],
      rows
    } satisfies Report
  },
  (effect) => effect.pipe(Effect.provide(ControlVariates.layer), Effect.provide(cpu()), Effect.scoped)
)
