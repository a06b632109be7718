import {
  figures,
  type Figure,
  lineChart,
  type Page,
  prose,
  table as tableBlock
} from "../../src/Report/index.ts"
import type { Column } from "../console/Table.ts"
import type { Result } from "./Results.ts"

/** A method at a budget, over its seeds. */
export interface Summary {
  readonly method: string
  readonly budget: number
  readonly storedParameters: number
  readonly seeds: number
  readonly perplexity: Spread
  readonly distilled: Spread
  readonly seconds: number
}

/** Over seeds: the mean, and the sample standard deviation, 0 for one seed. */
interface Spread {
  readonly mean: number
  readonly deviation: number
}

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

const spread = (values: ReadonlyArray<number>): Spread => {
  const middle = mean(values)
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0)
  return { mean: middle, deviation: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0 }
}

/** In the order of the rows. */
export const summaries = (rows: ReadonlyArray<Result>): ReadonlyArray<Summary> =>
  [...Map.groupBy(rows, ({ method, budget }) => `${budget} ${method}`).values()].map((own) => ({
    method: own[0].method,
    budget: own[0].budget,
    storedParameters: Math.round(mean(own.map((row) => row.storedParameters))),
    seeds: own.length,
    perplexity: spread(own.map((row) => row.perplexity)),
    distilled: spread(own.map((row) => row.perplexityDistilled)),
    seconds: mean(own.map((row) => row.seconds))
  }))

const spreadText = ({ mean: middle, deviation }: Spread): string =>
  deviation < 0.005 ? middle.toFixed(2) : `${middle.toFixed(2)} ± ${deviation.toFixed(2)}`

export const columns: ReadonlyArray<Column<Summary>> = [
  { heading: "budget", cell: (row) => row.budget.toFixed(2) },
  { heading: "method", cell: (row) => row.method, align: "left" },
  { heading: "stored parameters", cell: (row) => row.storedParameters.toLocaleString("en") },
  { heading: "perplexity", cell: (row) => spreadText(row.perplexity) },
  { heading: "distilled", cell: (row) => spreadText(row.distilled) },
  { heading: "seconds", cell: (row) => row.seconds.toFixed(0) }
]

/** Perplexity against stored parameters, a line for each method and a dashed one for the original. */
export const figure = (
  shown: ReadonlyArray<Summary>,
  part: "perplexity" | "distilled",
  original: { readonly storedParameters: number; readonly perplexity: number }
): Figure => {
  const lines = [...Map.groupBy(shown, ({ method }) => method)].map(([name, own]) => ({
    name,
    points: own
      .toSorted((a, b) => a.storedParameters - b.storedParameters)
      .map((row) => {
        const { mean: y, deviation } = row[part]
        return { x: row.storedParameters, y, low: y - deviation, high: y + deviation }
      })
  }))
  const least = Math.min(...shown.map((row) => row.storedParameters))
  const across = [least, original.storedParameters].map((x) => ({ x, y: original.perplexity }))
  return lineChart({
    title: part === "perplexity" ? "Nothing trained" : "After the same short distillation",
    description: shown
      .map((row) => `${row.method} at ${row.budget}: ${row[part].mean.toFixed(2)}`)
      .join("; "),
    x: { label: "stored parameters" },
    y: { label: "perplexity on held-out text", scale: "log" },
    series: [...lines, { name: "original", points: across, isDashed: true }],
    marksPoints: true,
    width: 760,
    height: 420
  })
}

/** The comparison as a page. */
export const page = (
  shown: ReadonlyArray<Summary>,
  original: { readonly storedParameters: number; readonly perplexity: number },
  settings: string
): Page => ({
  title: "Ways to compress a GPT-2",
  sections: [
    {
      title: "Perplexity against stored parameters",
      blocks: [
        prose(settings),
        figures(figure(shown, "perplexity", original), figure(shown, "distilled", original))
      ]
    },
    {
      title: "All rows",
      blocks: [
        tableBlock(
          "Mean and standard deviation over the seeds",
          columns.map(({ heading, align }) => ({ heading, align: align ?? "right" })),
          shown.map((row) => columns.map(({ cell }) => cell(row)))
        )
      ]
    }
  ]
})
