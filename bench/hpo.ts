import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { fileURLToPath } from "node:url"
import { Console, Effect } from "effect"
import { meanOf, samplers, searchTable, standardErrorOf } from "../examples/tuning/TableRun.ts"
import { readTable, type Table } from "../examples/tuning/Table.ts"
import { key } from "../src/Random/index.ts"
import { drawTable, families } from "./hpo/Families.ts"
import { isAbsent, runPeer } from "./Peer.ts"
import type { Report } from "./Report.ts"

const budgets = [50, 200, 500]
const seeds = 20

interface PeerResult {
  readonly versions: ReadonlyArray<string>
  /** In the order of the tables: by sampler. */
  readonly tables: ReadonlyArray<
    Readonly<
      Record<
        string,
        { readonly seconds: number; readonly best: Readonly<Record<string, ReadonlyArray<number>>> }
      >
    >
  >
}

/** Where the tables of trained networks are. */
export const shared = fileURLToPath(new URL("../../shared/data", import.meta.url))

/** The tables of the directory `TESSERAE_TABLES`, or of ../shared/data beside the repository, else synthetic ones in a temporary directory, which is removed at the end. */
const tableFiles = Effect.acquireRelease(
  Effect.sync(() => {
    const directory = process.env["TESSERAE_TABLES"] ?? (existsSync(shared) ? shared : undefined)
    if (directory !== undefined) {
      const names = readdirSync(directory).filter((name) => /^(nasbench|hpolib).*\.json$/.test(name))
      return {
        paths: names.map((name) => join(directory, name)),
        remove: undefined,
        from: `tables of ${directory}`
      }
    }
    const made = mkdtempSync(join(tmpdir(), "tesserae-tables-"))
    const paths = ["products, 5^6", "products, 9 parameters"].map((family) => {
      const { goal, shape, values } = drawTable(family, families[family], key("tables"), 0)
      const path = join(made, `${family}.json`)
      writeFileSync(path, JSON.stringify({ goal, shape, values: Array.from(values) }))
      return path
    })
    return {
      paths,
      remove: made,
      from: "synthetic tables, made by a seed: TESSERAE_TABLES names no directory"
    }
  }),
  ({ remove }) => Effect.sync(() => remove !== undefined && rmSync(remove, { recursive: true }))
)

/** A table by its values at the budgets, one a seed. */
interface Runs {
  readonly sampler: string
  readonly seconds: number
  readonly best: ReadonlyArray<ReadonlyArray<number>>
}

const ours = Effect.fnUntraced(function* (table: Table) {
  const result: Array<Runs> = []
  for (const [name, sampler] of Object.entries(samplers)) {
    const start = process.cpuUsage()
    const curves: Array<ReadonlyArray<number>> = []
    for (let seed = 0; seed < seeds; seed++)
      curves.push(yield* searchTable(table, sampler, Math.max(...budgets), seed))
    const { user, system } = process.cpuUsage(start)
    const best = budgets.map((budget) => curves.map((curve) => curve[Math.min(budget, curve.length) - 1]))
    result.push({ sampler: name, seconds: (user + system) / 1e6 / seeds, best })
    yield* Console.error(`${basename(table.name)}: ${name} done`)
  }
  return result
})

/**
 * All samplers and Optuna's on tables of results: the mean of the best values after 50, 200 and 500 different settings over 20 seeds, its standard
 * error, and processor seconds of one search of 500. `TESSERAE_TABLES` names a directory of nasbench*.json and hpolib*.json; without it, and without
 * ../shared/data, the tables are synthetic.
 */
export const hpo = Effect.fnUntraced(function* (_seconds: number) {
  const { paths, from } = yield* tableFiles
  const versions = [`${process.version}; ${seeds} seeds; ${from}`]
  const peer = runPeer<PeerResult>("hpo", { tables: paths, budgets, seeds }, 7200)
  versions.push(...(isAbsent(peer) ? [`no Optuna: ${peer.absent}`] : peer.versions))
  const rows: Array<Record<string, string | number>> = []
  for (const [i, path] of paths.entries()) {
    const runs = yield* ours(yield* readTable(path))
    if (!isAbsent(peer))
      for (const [sampler, { seconds, best }] of Object.entries(peer.tables[i]))
        runs.push({ sampler, seconds, best: budgets.map((budget) => best[budget]) })
    for (const { sampler, seconds, best } of runs) {
      const row: Record<string, string | number> = { table: basename(path, ".json"), sampler }
      budgets.forEach((budget, b) => {
        row[`mean after ${budget}`] = meanOf(best[b])
        row[`standard error, ${budget}`] = standardErrorOf(best[b])
      })
      rows.push({ ...row, seconds })
    }
  }
  return { name: "hpo", versions, rows } satisfies Report
}, Effect.scoped)
