import { Effect } from "effect"
import {
  adjustedLangevin,
  ChainError,
  type Chains,
  column,
  ControlVariates,
  coordinates,
  functional,
  type Functionals,
  hamiltonian,
  type Kernel,
  logisticPrediction,
  logisticRegression,
  makeDesign,
  noUTurn,
  probitPrediction,
  probitRegression,
  randomWalk,
  readChains,
  squares,
  unadjustedLangevin,
  unidentifiedBy
} from "../../src/ControlVariates/index.ts"
import { fold, key } from "../../src/Random/index.ts"
import { Progress } from "../console/Progress.ts"
import type { LabelledRows } from "./LabelledRows.ts"

export const samplerNames = ["nuts", "mala", "hmc", "rwm", "ula"] as const
export type SamplerName = (typeof samplerNames)[number]

const kernels: Readonly<Record<SamplerName, Kernel>> = {
  nuts: noUTurn(),
  mala: adjustedLangevin,
  hmc: hamiltonian({ steps: 8 }),
  rwm: randomWalk,
  ula: unadjustedLangevin
}

export const functionalNames = ["coordinates", "squares", "predictive"] as const
export type FunctionalName = (typeof functionalNames)[number]

/** Chains, and what is asked of them. */
export interface Source {
  /** The sampler, or "given" for somebody else's draws. */
  readonly name: string
  readonly chains: Chains
  readonly functionals: Functionals
  /** Evaluations of the target, burn-in included; undefined for draws from files. */
  readonly evaluations?: number | undefined
  /** What is to be said against the data. */
  readonly notes: ReadonlyArray<string>
  /** Of making or reading the draws. */
  readonly seconds: number
}

export interface SamplingOptions {
  readonly target: "logistic" | "probit"
  readonly samplers: ReadonlyArray<SamplerName>
  readonly step: number | undefined
  readonly chains: number
  readonly draws: number
  readonly burnIn: number
  readonly functional: FunctionalName
}

/** Chains of a regression's posterior, columns standardised, by each of the samplers. */
export const sampledSources = Effect.fnUntraced(function* (data: LabelledRows, options: SamplingOptions) {
  const progress = yield* Progress
  const variates = yield* ControlVariates
  const design = yield* makeDesign(data.rows, data.labels, { names: data.names, scale: "standardise" })
  const notes = (yield* unidentifiedBy(design)).map(({ message }) => message)
  const [target, predict] =
    options.target === "logistic"
      ? [logisticRegression(design), logisticPrediction(design)]
      : [probitRegression(design), probitPrediction(design)]
  return yield* Effect.forEach(
    options.samplers,
    Effect.fnUntraced(function* (name) {
      const start = performance.now()
      const { chains, evaluations } = yield* variates.sample(target, {
        kernel: kernels[name],
        key: fold(key("reduce-variance"), name),
        chains: options.chains,
        draws: options.draws,
        burnIn: options.burnIn,
        stepSize: options.step,
        progress: (made, all) =>
          progress.show(`${name}: ${made} of ${all} transitions of ${options.chains} chains`, made / all)
      })
      const seconds = (performance.now() - start) / 1000
      const functionals =
        options.functional === "predictive"
          ? functional(chains, `mean P(${data.label})`, predict)
          : options.functional === "squares"
            ? squares(chains)
            : coordinates(chains)
      return { name, chains, functionals, evaluations, notes, seconds } satisfies Source
    })
  )
})

export interface FileOptions {
  readonly samples: ReadonlyArray<string>
  readonly scores: ReadonlyArray<string>
  readonly chains: number | undefined
  /** A column or statistic that is the functional; else `functional` says. */
  readonly column: string | undefined
  readonly functional: "coordinates" | "squares"
}

const columnNamed = (chains: Chains, name: string): Effect.Effect<Functionals, ChainError> => {
  const at = chains.names.indexOf(name)
  if (at >= 0) return Effect.succeed({ names: [name], values: [column(chains, at)] })
  const found = chains.statistics[name]
  return found === undefined
    ? Effect.fail(
        new ChainError({
          where: `functional column "${name}"`,
          reason: `there is none; there are ${[...chains.names, ...Object.keys(chains.statistics)].join(", ")}`
        })
      )
    : Effect.succeed({ names: [name], values: [found] })
}

/** Somebody else's draws and scores. */
export const fileSource = Effect.fnUntraced(function* (options: FileOptions) {
  const start = performance.now()
  const { samples, scores, column: name } = options
  // Only in a plain table is it known beforehand that a column is no coordinate.
  const isPlain = name !== undefined && samples.length === 1 && samples[0].endsWith(".csv")
  const chains = yield* readChains(samples, {
    scores,
    chains: options.chains,
    ...(isPlain ? { functionalColumns: [name] } : {})
  })
  const seconds = (performance.now() - start) / 1000
  const functionals =
    name !== undefined
      ? yield* columnNamed(chains, name)
      : options.functional === "squares"
        ? squares(chains)
        : coordinates(chains)
  return { name: "given", chains, functionals, notes: [], seconds } satisfies Source
})
