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

/** By budget: the decimal logarithm of how manieth best of all values a search has found. It does not depend on the scale of the losses. */
const logRanks = (table: Table, curve: ReadonlyArray<number>): ReadonlyArray<number> => {
  const sorted = table.values.toSorted()
  return budgets.map((budget) => {
    const value = curve[Math.min(budget, curve.length) - 1]
    return Math.log10(1 + sorted.findIndex((other) => other >= value))
  })
}

/**
 * All samplers on families of synthetic tables, and on disguises of the real ones where ../shared/data is there: 20 draws of each, every sampler
 * once on each. The rank among all values of the best after 50, 200 and 500 different settings, in the geometric mean, and the mean of the decimal
 * logarithm of `tetra`'s less that of `tpe`'s, with its standard error.
 */
export const hpoFamilies = Effect.fnUntraced(function* (_seconds: number) {
  const made: Record<string, (random: Stream) => Table> = { ...families }
  const real = { "like CIFAR-10": "nasbench201-cifar10.json", "like parkinsons": "hpolib-parkinsons.json" }
  for (const [family, name] of Object.entries(real)) {
    const path = join(shared, name)
    if (!existsSync(path)) continue
    const table = yield* readTable(path)
    made[family] = (random) => disguised(table, random)
  }
  const rows: Array<Record<string, string | number>> = []
  for (const [family, make] of Object.entries(made)) {
    const runs: Record<SamplerName, Array<ReadonlyArray<number>>> = {
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
          logRanks(table, yield* searchTable(table, samplers[name], Math.max(...budgets), draw, best))
        )
    }
    budgets.forEach((budget, b) => {
      const row: Record<string, string | number> = { family, budget }
      for (const [name, found] of Object.entries(runs))
        row[name] = 10 ** meanOf(found.map((ranks) => ranks[b]))
      const differences = runs.tetra.map((ranks, i) => ranks[b] - runs.tpe[i][b])
      row["log10, tetra less tpe"] = meanOf(differences)
      row["standard error"] = standardErrorOf(differences)
      rows.push(row)
    })
    yield* Console.error(`${family} done`)
  }
  return {
    name: "hpo-families",
    versions: [`${process.version}; ${draws} draws; rank of the best value found, 1: the best there is`],
    rows
  } satisfies Report
})
