import { type Chains, checkedChains } from "../Chains.ts"
import { SampleFileError } from "../Errors.ts"
import { type NumericTable, parseTable, tableColumn, tableColumns } from "./NumericTable.ts"
import { isIndexColumn, scoreColumns } from "./ScoreColumns.ts"
import type { NamedText } from "./StanCsv.ts"

export interface PlainOptions {
  /** Chains that follow each other in the rows, where no column "chain" says so; default 1. */
  readonly chains?: number | undefined
  /** Columns that are functionals rather than coordinates: they become statistics. */
  readonly functionalColumns?: ReadonlyArray<string> | undefined
}

/** Rows by chain, in order; chains must be equally long. */
const orderOfRows = (table: NumericTable, path: string, asked: number | undefined) => {
  const at = table.names.findIndex((name) => /^\.?chain$/i.test(name))
  if (at < 0) {
    const chains = asked ?? 1
    if (table.rows % chains !== 0)
      throw new SampleFileError({ path, reason: `${table.rows} rows are not ${chains} equally long chains` })
    return { at, chains, order: Array.from({ length: table.rows }, (_, row) => row) }
  }
  const groups = Map.groupBy(
    Array.from(tableColumn(table, at), (chain, row) => ({ row, chain })),
    ({ chain }) => chain
  )
  const lengths = [...groups].map(([chain, rows]) => `${rows.length} rows of chain ${chain}`)
  const first = table.rows / groups.size
  if ([...groups.values()].some((rows) => rows.length !== first))
    throw new SampleFileError({ path, reason: `chains must be equally long: ${lengths.join(", ")}` })
  return {
    at,
    chains: groups.size,
    order: [...groups.values()].flatMap((rows) => rows.map(({ row }) => row))
  }
}

/** Throws a `SampleFileError` where a column that says which draw a row is differs between samples and scores. */
const requireSameRows = (samples: NumericTable, scores: NumericTable, path: string): void => {
  samples.names.forEach((name, a) => {
    const b = scores.names.indexOf(name)
    if (!isIndexColumn(name) || b < 0) return
    for (let row = 0; row < samples.rows; row++) {
      const [left, right] = [
        samples.values[row * samples.names.length + a],
        scores.values[row * scores.names.length + b]
      ]
      if (left !== right)
        throw new SampleFileError({
          path,
          line: scores.lines[row],
          reason: `${name} is ${right} where the samples' is ${left} (line ${samples.lines[row]}): rows must be in the same order`
        })
    }
  })
}

/**
 * Chains from a plain CSV of draws, one row a draw and one column a coordinate, and one of their scores with the same rows and columns, which are
 * matched by name, or by place where no name is the same. Columns named chain, draw or iteration are no coordinates; the first says which chain a row
 * belongs to.
 * Throws `SampleFileError` and `ChainError`.
 */
export const chainsOfCsv = (
  samples: NamedText,
  scores: NamedText | undefined,
  options: PlainOptions = {}
): Chains => {
  const table = parseTable(samples.text, samples.path)
  const { at, chains, order } = orderOfRows(table, samples.path, options.chains)
  const functionals = options.functionalColumns ?? []
  for (const name of functionals)
    if (!table.names.includes(name))
      throw new SampleFileError({
        path: samples.path,
        reason: `it has no column "${name}"; its columns are ${table.names.join(", ")}`
      })
  const other = scores === undefined ? undefined : parseTable(scores.text, scores.path)
  const scored = other?.names.filter((name) => !isIndexColumn(name)).length ?? 0
  const coordinates = table.names.flatMap((name, k) => (k === at || isIndexColumn(name) ? [] : [k]))
  // A functional that has a score is a coordinate too.
  const isScored = functionals.length > 0 && scored === coordinates.length
  const parameters = coordinates.filter((k) => isScored || !functionals.includes(table.names[k]))
  const ordered = (x: Float64Array, width: number): Float64Array => {
    const result = new Float64Array(x.length)
    order.forEach((row, to) => result.set(x.subarray(row * width, (row + 1) * width), to * width))
    return result
  }
  const scoreValues = (file: NumericTable, filePath: string): Float64Array => {
    if (file.rows !== table.rows || scored !== parameters.length)
      throw new SampleFileError({
        path: filePath,
        reason: `scores of ${file.rows} draws and ${scored} coordinates, and samples of ${table.rows} and ${parameters.length} in ${samples.path}`
      })
    requireSameRows(table, file, filePath)
    const columns = scoreColumns(
      file,
      filePath,
      parameters.map((k) => [table.names[k]])
    )
    return ordered(tableColumns(file, columns), columns.length)
  }
  return checkedChains({
    chains,
    draws: table.rows / chains,
    dimensions: parameters.length,
    names: parameters.map((k) => table.names[k]),
    values: ordered(tableColumns(table, parameters), parameters.length),
    scores: other === undefined || scores === undefined ? undefined : scoreValues(other, scores.path),
    statistics: Object.fromEntries(
      functionals
        .filter(() => !isScored)
        .map((name) => [name, ordered(tableColumn(table, table.names.indexOf(name)), 1)])
    )
  })
}
