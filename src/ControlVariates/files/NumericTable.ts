import { SampleFileError } from "../Errors.ts"

/** A table of numbers with named columns. */
export interface NumericTable {
  readonly names: ReadonlyArray<string>
  readonly rows: number
  /** [rows, columns] */
  readonly values: Float64Array
  /** The line of the file that each row was read from, counted from 1. */
  readonly lines: ReadonlyArray<number>
}

const unquoted = (cell: string): string => cell.trim().replace(/^"(.*)"$/, "$1")

// Number("") is 0 and Number("0x10") is 16; neither is a number in a table of draws. NaN and infinities are read, and judged later.
const special: Readonly<Record<string, number>> = {
  nan: NaN,
  "-nan": NaN,
  na: NaN,
  inf: Infinity,
  "+inf": Infinity,
  "-inf": -Infinity,
  infinity: Infinity,
  "-infinity": -Infinity
}

const numberOf = (cell: string): number | undefined => {
  const text = unquoted(cell)
  if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) return Number(text)
  return special[text.toLowerCase()]
}

const isNumber = (cell: string): boolean => numberOf(cell) !== undefined

/**
 * Reads comma-separated numbers: lines that start with # and empty lines are left out; the first line that remains names the columns
 * where it has a cell that is no number, else they are column0, column1, ... Throws a `SampleFileError` with the line.
 */
export const parseTable = (text: string, path: string): NumericTable => {
  const fail = (line: number, reason: string): never => {
    throw new SampleFileError({ path, line, reason })
  }
  if (text.includes("\0"))
    throw new SampleFileError({
      path,
      reason: text.startsWith("PK")
        ? "it is an archive (.npz, .zip): save each array in a .npy file of its own"
        : "it is no text; arrays of numpy are read from files that end in .npy"
    })
  let names: ReadonlyArray<string> | undefined
  const numbers: Array<number> = []
  const lines: Array<number> = []
  let line = 0
  for (let start = text.startsWith("\ufeff") ? 1 : 0; start < text.length; ) {
    const found = text.indexOf("\n", start)
    const end = found < 0 ? text.length : found
    const content = text.slice(start, end).trim()
    start = end + 1
    line++
    if (content === "" || content.startsWith("#")) continue
    const cells = content.split(",")
    if (names === undefined) {
      if (cells.length === 1 && numberOf(content) === undefined) {
        const between = /[;\t]/.exec(content)?.[0] ?? (content.split(/\s+/).every(isNumber) ? " " : undefined)
        if (between !== undefined)
          fail(line, `its cells are separated by "${between === "\t" ? "\\t" : between}"; commas are needed`)
      }
      const header = cells.some((cell) => numberOf(cell) === undefined)
      names = header ? cells.map(unquoted) : cells.map((_, k) => `column${k}`)
      const twice = names.find((name, k) => (names as ReadonlyArray<string>).indexOf(name) !== k)
      if (twice !== undefined) fail(line, `two columns are named "${twice}"`)
      if (header) continue
    }
    if (cells.length !== names.length)
      fail(line, `${cells.length} cells where the first line has ${names.length}; the file may be cut off`)
    cells.forEach((cell, k) => {
      const value = numberOf(cell)
      numbers.push(
        value ?? fail(line, `"${cell}" in column ${(names as ReadonlyArray<string>)[k]} is no number`)
      )
    })
    lines.push(line)
  }
  if (names === undefined || lines.length === 0)
    throw new SampleFileError({ path, reason: "it has no rows of numbers" })
  return { names, rows: lines.length, values: Float64Array.from(numbers), lines }
}

/** One column: [rows]. */
export const tableColumn = ({ names, rows, values }: NumericTable, index: number): Float64Array =>
  Float64Array.from({ length: rows }, (_, row) => values[row * names.length + index])

/** The columns with the given indices, [rows, indices], row after row. */
export const tableColumns = (
  { names, rows, values }: NumericTable,
  indices: ReadonlyArray<number>
): Float64Array => {
  const result = new Float64Array(rows * indices.length)
  for (let row = 0, at = 0; row < rows; row++)
    for (const index of indices) result[at++] = values[row * names.length + index]
  return result
}
