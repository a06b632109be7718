import { checkedChains, type Chains } from "../Chains.ts"
import { SampleFileError } from "../Errors.ts"
import { type NumericTable, parseTable, tableColumn, tableColumns } from "./NumericTable.ts"
import { isIndexColumn, scoreColumns } from "./ScoreColumns.ts"

/** Text of a file, and the name to use in messages. */
export interface NamedText {
  readonly path: string
  readonly text: string
}

/** theta.1.2 -> theta[1,2], as Stan's tools print it. */
const bracketed = (name: string): string => {
  const [base, ...indices] = name.split(".")
  return indices.length === 0 ? base : `${base}[${indices.join(",")}]`
}

const isStatistic = (name: string): boolean => name.endsWith("__")

const ofAllChains = (
  tables: ReadonlyArray<NumericTable>,
  of: (table: NumericTable, chain: number) => Float64Array
): Float64Array => {
  const parts = tables.map(of)
  const all = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

/** Tables of equal columns and rows, one a chain. Throws a `SampleFileError` where they differ. */
export const tablesOfChains = (files: ReadonlyArray<NamedText>): ReadonlyArray<NumericTable> => {
  if (files.length === 0) throw new SampleFileError({ path: "(no file)", reason: "at least one is needed" })
  const tables = files.map(({ path, text }) => parseTable(text, path))
  tables.forEach(({ names, rows }, c) => {
    if (names.join() !== tables[0].names.join())
      throw new SampleFileError({
        path: files[c].path,
        reason: `its columns [${names.slice(0, 6).join(", ")}, ...] are not those of ${files[0].path}`
      })
    if (rows !== tables[0].rows)
      throw new SampleFileError({
        path: files[c].path,
        reason: `${rows} draws, and ${tables[0].rows} in ${files[0].path}: chains must be equally long`
      })
  })
  return tables
}

/** Stan's divergent__ under the name that ArviZ has for it, which is what warnings look for. */
const statisticName = (column: string): string => {
  const name = column.replace(/__$/, "")
  return name === "divergent" ? "diverging" : name
}

/** Scores from files of their own, one for all chains or one a chain: [chains, draws, parameters]. */
const scoresFrom = (
  files: ReadonlyArray<NamedText>,
  parameters: ReadonlyArray<string>,
  chains: number,
  draws: number
): Float64Array => {
  if (files.length !== 1 && files.length !== chains)
    throw new SampleFileError({
      path: files[0].path,
      reason: `${files.length} files of scores for ${chains} of samples; one for each, or one for all, is needed`
    })
  const tables = files.map(({ path, text }) => parseTable(text, path))
  const wanted = (chains * draws) / files.length
  tables.forEach(({ rows }, k) => {
    if (rows !== wanted)
      throw new SampleFileError({
        path: files[k].path,
        reason: `scores of ${rows} draws, and ${wanted} in the samples`
      })
  })
  const known = parameters.map((name) => [name, bracketed(name)])
  const columns = tables.map((table, k) => scoreColumns(table, files[k].path, known))
  return ofAllChains(tables, (table, k) => tableColumns(table, columns[k]))
}

/**
 * Chains from the output CSV files of Stan, one a chain; columns that end in __ become statistics. Diagnostic files
 * (`diagnostic_file`) have the unconstrained draws and g_ columns, the gradients of -log density: from these come draws with scores. Else scores may come from
 * files of their own, in the coordinates of the draws.
 * Throws `SampleFileError` and `ChainError`.
 */
export const chainsOfStan = (
  files: ReadonlyArray<NamedText>,
  scores: ReadonlyArray<NamedText> = []
): Chains => {
  const tables = tablesOfChains(files)
  const { names } = tables[0]
  const all = names.map((_, k) => k)
  const statistics = all.filter((k) => isStatistic(names[k]))
  const gradientOf = (k: number): number => names.indexOf(`g_${names[k]}`)
  const momentumOf = (k: number): number => names.indexOf(`p_${names[k]}`)
  const diagnostic = all.some((k) => gradientOf(k) >= 0 && momentumOf(k) >= 0)
  const parameters = all.filter(
    (k) =>
      !isStatistic(names[k]) &&
      !isIndexColumn(names[k]) &&
      (!diagnostic || (gradientOf(k) >= 0 && momentumOf(k) >= 0))
  )
  if (parameters.length === 0)
    throw new SampleFileError({ path: files[0].path, reason: "no column is a parameter: all end in __" })
  if (diagnostic && scores.length > 0)
    throw new SampleFileError({
      path: scores[0].path,
      reason: `scores beside ${files[0].path}, which has scores of its own (g_ columns); leave one of them out`
    })
  return checkedChains({
    chains: tables.length,
    draws: tables[0].rows,
    dimensions: parameters.length,
    names: parameters.map((k) => bracketed(names[k])),
    values: ofAllChains(tables, (table) => tableColumns(table, parameters)),
    scores: diagnostic
      ? ofAllChains(tables, (table) => tableColumns(table, parameters.map(gradientOf)).map((g) => -g))
      : scores.length > 0
        ? scoresFrom(
            scores,
            parameters.map((k) => names[k]),
            tables.length,
            tables[0].rows
          )
        : undefined,
    statistics: Object.fromEntries(
      statistics.map((k) => [statisticName(names[k]), ofAllChains(tables, (table) => tableColumn(table, k))])
    )
  })
}
