/** A column of a printed table: its heading, and what stands in it for a row. */
export interface Column<Row> {
  readonly heading: string
  readonly cell: (row: Row) => string
  readonly align?: "left" | "right"
}

/** Rows as lines of equal columns. */
export const table = <Row>(rows: ReadonlyArray<Row>, columns: ReadonlyArray<Column<Row>>): string => {
  const lines = [
    columns.map((column) => column.heading),
    ...rows.map((row) => columns.map((c) => c.cell(row)))
  ]
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i].length)))
  const format = (line: ReadonlyArray<string>) =>
    line
      .map((text, i) => (columns[i].align === "left" ? text.padEnd(widths[i]) : text.padStart(widths[i])))
      .join("  ")
      .trimEnd()
  const [heading, ...body] = lines.map(format)
  return [heading, "-".repeat(heading.length), ...body].join("\n")
}

/** The same as a Markdown table. */
export const markdown = <Row>(rows: ReadonlyArray<Row>, columns: ReadonlyArray<Column<Row>>): string =>
  [
    columns.map((column) => column.heading),
    columns.map((column) => (column.align === "left" ? ":---" : "---:")),
    ...rows.map((row) => columns.map((column) => column.cell(row)))
  ]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n")
