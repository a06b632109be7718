import { existsSync } from "node:fs"
import { join } from "node:path"
import { Console, Effect } from "effect"
import {
  meanOf,
  type SamplerName,
  samplers,
  searchTable,
  standardErrorOf
} from "../examples/tuning/TableRun.ts"
import { readTable, type Table } from "../examples/tuning/Table.ts"
import { key, type Stream } from "../src/Random/index.ts"
import { shared } from "./hpo.ts"
import { disguised, drawTable, families } from "./hpo/Families.ts"
import type { Report } from "./Report.ts"

const budgets = [50, 200, 500]
const draws = 20

/** Where a search stands: 0 at the table's best value, 1 at its best tenth; and the decimal logarithm of how manieth best of all values it is. */
interface Standing {
  readonly regret: number
  readonly rank: number
}

/** By budget. */
const standings = (table: Table, curve: ReadonlyArray<number>): ReadonlyArray<Standing> => {
  const sorted = table.values.toSorted()
  const best = sorted[0]
  const tenth = sorted[Math.floor(0.1 * (sorted.length - 1))]
  return budgets.map((budget) => {
    const value = curve[Math.min(budget, curve.length) - 1]
    const better = sorted.findIndex((other) => other >= value)
    return { regret: (value - best) / (tenth - best), rank: Math.log10(1 + better) }
  })
}

/**
 * All samplers on families of synthetic tables, and on disguises of the real ones where ../shared/data is there: 20 draws of each, every sampler
 * once on each. The mean regret after 50, 200 and 500 different settings, that of `tetra` less that of `tpe` with its standard error, and the same
 * of the logarithm of ranks, which does not depend on the scale of the losses.
 */
export const hpoFamilies = Effect.fnUntraced(function* (_seconds: number) {
  const made: Record<string, (random: Stream) => Table> = { ...families }
  for (const name of ["nasbench201-cifar10", "hpolib-parkinsons"]) {
    const path = join(shared, `${name}.json`)
    if (!existsSync(path)) continue
    const table = yield* readTable(path)
    made[`like ${name}`] = (random) => disguised(table, random)
  }
  const rows: Array<Record<string, string | number>> = []
  for (const [family, make] of Object.entries(made)) {
    const runs: Record<SamplerName, Array<ReadonlyArray<Standing>>> = {
      tetra: [],
      random: [],
      sobol: [],
      tpe: []
    }
    for (let draw = 0; draw < draws; draw++) {
      const table = drawTable(family, make, key("tables"), draw)
      // A search that has found the best there is need not go on.
      const best = table.values.reduce((a, b) => Math.min(a, b))
      for (const name of Object.keys(samplers) as ReadonlyArray<SamplerName>)
        runs[name].push(
          standings(table, yield* searchTable(table, samplers[name], Math.max(...budgets), draw, best))
        )
    }
    budgets.forEach((budget, b) => {
      const row: Record<string, string | number> = { family, budget }
      for (const [name, found] of Object.entries(runs))
        row[`regret, ${name}`] = meanOf(found.map((standing) => standing[b].regret))
      for (const measure of ["regret", "rank"] as const) {
        const differences = runs.tetra.map((standing, i) => standing[b][measure] - runs.tpe[i][b][measure])
        row[`${measure}, tetra less tpe`] = meanOf(differences)
        row[`standard error, ${measure}`] = standardErrorOf(differences)
      }
      rows.push(row)
    })
    yield* Console.error(`${family} done`)
  }
  return {
    name: "hpo-families",
    versions: [`${process.version}; ${draws} draws; regret: 0 at the best value, 1 at the best tenth`],
    rows
  } satisfies Report
})
