import { Effect } from "effect"
import { fold, key } from "../../src/Random/index.ts"
import {
  type Observation,
  Parameter,
  random,
  type Sampler,
  sobol,
  Space,
  tetra,
  tpe
} from "../../src/TetraOpt/index.ts"
import { timeSlice } from "../../src/Iteration/TimeSlice.ts"
import { Progress } from "../console/Progress.ts"
import { valueText } from "./Summary.ts"
import { readTable, type Table } from "./Table.ts"

export const samplers = { tetra, random, sobol, tpe } satisfies Record<string, Sampler>
export type SamplerName = keyof typeof samplers

/**
 * The best value after each of `budget` different settings, fewer where the table has fewer or where the value is `enough`; NaN while all failed.
 * One setting at a time.
 */
export const searchTable = Effect.fnUntraced(function* (
  { shape, goal, values }: Table,
  sampler: Sampler,
  budget: number,
  seed: number,
  enough?: number
) {
  const space = yield* Space.make(
    Object.fromEntries(
      shape.map((size, k) => [`p${k}`, Parameter.categorical(Array.from({ length: size }, (_, i) => i))])
    )
  )
  const proposer = sampler.start({ space, key: fold(key(seed), sampler.name), trials: budget })
  const pause = timeSlice()
  const told: Array<Observation> = []
  const best: Array<number> = []
  while (told.length < budget) {
    const [row] = proposer.propose({ told, pending: [] }, 1)
    if (row === undefined) break
    const value = values[row.reduce((index, level, k) => index * shape[k] + level, 0)]
    const loss = Number.isNaN(value) ? Number.POSITIVE_INFINITY : goal === "minimize" ? value : -value
    told.push({ row, loss })
    const last = best.at(-1) ?? Number.NaN
    const isBetter = Number.isNaN(last) || (goal === "minimize" ? value < last : value > last)
    best.push(isBetter ? value : last)
    if (best.at(-1) === enough) break
    yield* pause
  }
  return best
})

/** Also of values whose sum is larger than any number. */
export const meanOf = (values: ReadonlyArray<number>): number => {
  const sum = values.reduce((sum, value) => sum + value, 0)
  return Number.isFinite(sum)
    ? sum / values.length
    : values.reduce((mean, value) => mean + value / values.length, 0)
}

/** Of the mean of independent values; NaN for fewer than two. */
export const standardErrorOf = (values: ReadonlyArray<number>): number => {
  const mean = meanOf(values)
  return Math.hypot(...values.map((value) => value - mean)) / Math.sqrt((values.length - 1) * values.length)
}

export interface TableRun {
  readonly table: string
  readonly budget: number
  readonly sampler: SamplerName
  /** One a seed: the best value after `budget` different settings. */
  readonly best: ReadonlyArray<number>
  readonly mean: number
  /** Of the mean; null for one seed. */
  readonly standardError: number | null
  /** Of all seeds together. */
  readonly seconds: number
}

/** Searches a table of results in a file (see `readTable`) once a seed, the seeds being 0, 1, ... */
export const runTable = Effect.fn("runTable")(function* (options: {
  readonly path: string
  readonly budget: number
  readonly seeds: number
  readonly sampler: SamplerName
}) {
  const { path, budget, seeds, sampler } = options
  const table = yield* readTable(path)
  const progress = yield* Progress
  const start = performance.now()
  const best: Array<number> = []
  for (let seed = 0; seed < seeds; seed++) {
    yield* progress.show(`seed ${seed + 1} of ${seeds}`, seed / seeds)
    const curve = yield* searchTable(table, samplers[sampler], budget, seed)
    best.push(curve[curve.length - 1])
  }
  return {
    table: path,
    budget,
    sampler,
    best,
    mean: meanOf(best),
    standardError: seeds > 1 ? standardErrorOf(best) : null,
    seconds: (performance.now() - start) / 1000
  } satisfies TableRun
})

/** For people to read. */
export const runText = ({ table, budget, sampler, best, mean, standardError, seconds }: TableRun): string => {
  const searches = best.length === 1 ? "one search" : `${best.length} searches`
  const failed = best.filter(Number.isNaN).length
  return [
    `${table}: the best of ${budget} settings by ${sampler}, ${searches} in ${seconds.toFixed(1)} s`,
    `  ${best.map((value) => (Number.isNaN(value) ? "none" : String(Number(value.toPrecision(6))))).join(" ")}`,
    failed > 0
      ? `no mean: in ${failed} of ${searches} every setting failed`
      : `mean ${mean}${standardError === null ? "" : `, standard error ${valueText(standardError)}`}`
  ].join("\n")
}
