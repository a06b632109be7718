import { checkedChains, type Chains } from "../Chains.ts"
import { SampleFileError } from "../Errors.ts"
import { type NumericTable, parseTable, tableColumn, tableColumns } from "./NumericTable.ts"

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
  of: (table: NumericTable) => Float64Array
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

/**
 * Chains from the output CSV files of Stan, one a chain; columns that end in __ become statistics. Diagnostic files
 * (`diagnostic_file`) have the unconstrained draws and g_ columns, the gradients of -log density: from these come draws with scores.
 * Throws `SampleFileError` and `ChainError`.
 */
export const chainsOfStan = (files: ReadonlyArray<NamedText>): Chains => {
  const tables = tablesOfChains(files)
  const { names } = tables[0]
  const all = names.map((_, k) => k)
  const statistics = all.filter((k) => isStatistic(names[k]))
  const gradientOf = (k: number): number => names.indexOf(`g_${names[k]}`)
  const momentumOf = (k: number): number => names.indexOf(`p_${names[k]}`)
  const diagnostic = all.some((k) => gradientOf(k) >= 0 && momentumOf(k) >= 0)
  const parameters = all.filter(
    (k) => !isStatistic(names[k]) && (!diagnostic || (gradientOf(k) >= 0 && momentumOf(k) >= 0))
  )
  if (parameters.length === 0)
    throw new SampleFileError({ path: files[0].path, reason: "no column is a parameter: all end in __" })
  return checkedChains({
    chains: tables.length,
    draws: tables[0].rows,
    dimensions: parameters.length,
    names: parameters.map((k) => bracketed(names[k])),
    values: ofAllChains(tables, (table) => tableColumns(table, parameters)),
    scores: diagnostic
      ? ofAllChains(tables, (table) => tableColumns(table, parameters.map(gradientOf)).map((g) => -g))
      : undefined,
    statistics: Object.fromEntries(
      statistics.map((k) => [
        names[k].replace(/__$/, ""),
        ofAllChains(tables, (table) => tableColumn(table, k))
      ])
    )
  })
}
