/** What a benchmark found: one row a measurement, and what was compared. */
export interface Report {
  readonly name: string
  readonly versions: ReadonlyArray<string>
  readonly rows: ReadonlyArray<Readonly<Record<string, string | number>>>
}

const cell = (value: string | number | undefined): string =>
  value === undefined
    ? ""
    : typeof value === "string"
      ? value
      : Number.isInteger(value)
        ? String(value)
        : value.toPrecision(4)

/** The report as a Markdown table. */
export const table = (report: Report): string => {
  const columns = [...new Set(report.rows.flatMap((row) => Object.keys(row)))]
  const lines = [
    columns,
    columns.map(() => "---"),
    ...report.rows.map((row) => columns.map((c) => cell(row[c])))
  ]
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i].length)))
  const body = lines.map((line) => `| ${line.map((text, i) => text.padEnd(widths[i])).join(" | ")} |`)
  return [...report.versions, "", ...body].join("\n")
}
