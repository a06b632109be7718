import {
  barChart,
  type Block,
  type Figure,
  figures,
  lineChart,
  type Page,
  preformatted,
  prose,
  scatterChart,
  table as tableBlock
} from "../../src/Report/index.ts"
import type { Importance, Trial } from "../../src/TetraOpt/index.ts"
import type { Column } from "../console/Table.ts"

type AnyTrial = Trial<object>

/** What a run of examples/tune.ts found. */
export interface Tuned {
  readonly title: string
  readonly command: string
  readonly trials: ReadonlyArray<AnyTrial>
  readonly best: AnyTrial
  readonly sampler: string
  readonly importance: ReadonlyArray<Importance>
  readonly seconds: number
  /** Perplexities on text that the search never saw, of the settings found and of those that one would begin with. */
  readonly test: { readonly best: number; readonly usual: number } | undefined
  readonly usual: object
}

const value = ({ outcome }: AnyTrial): number =>
  outcome === undefined || outcome.status === "failed" ? Number.NaN : outcome.value

export const valueText = (x: unknown): string =>
  typeof x === "number" && !Number.isInteger(x) ? String(Number(x.toPrecision(3))) : String(x)

const outcomeText = (trial: AnyTrial): string => {
  const { outcome } = trial
  if (outcome === undefined) return "unfinished"
  if (outcome.status === "failed") return `failed: ${outcome.reason}`
  return outcome.status === "pruned" ? `given up at step ${outcome.step}` : "complete"
}

/** Settings as they are said in a line. */
export const settingsText = (settings: object): string =>
  Object.entries(settings)
    .map(([name, x]) => `${name} ${valueText(x)}`)
    .join(", ")

/** One row a trial. */
export const columnsOf = (trials: ReadonlyArray<AnyTrial>): ReadonlyArray<Column<AnyTrial>> => [
  { heading: "trial", cell: ({ number }) => String(number) },
  ...[...new Set(trials.flatMap(({ configuration }) => Object.keys(configuration)))].map((name) => ({
    heading: name,
    cell: ({ configuration }: AnyTrial) =>
      valueText((configuration as Readonly<Record<string, unknown>>)[name] ?? "")
  })),
  { heading: "perplexity", cell: (trial) => (Number.isNaN(value(trial)) ? "" : value(trial).toFixed(2)) },
  { heading: "seconds", cell: ({ seconds }) => seconds?.toFixed(1) ?? "" },
  { heading: "outcome", cell: outcomeText, align: "left" }
]

/** Every trial as one line of JSON. */
export const trialLines = (trials: ReadonlyArray<AnyTrial>): string =>
  trials
    .map(({ number, configuration, outcome, reports, seconds }) =>
      JSON.stringify({ number, configuration, outcome, reports, seconds })
    )
    .map((line) => `${line}\n`)
    .join("")

const progress = ({ trials, best }: Tuned): Figure => {
  const finished = trials.filter((trial) => trial.outcome !== undefined)
  let lowest = Number.POSITIVE_INFINITY
  const bestSoFar = finished.map((trial, i) => {
    if (trial.outcome?.status === "complete") lowest = Math.min(lowest, value(trial))
    return { x: i + 1, y: Number.isFinite(lowest) ? lowest : Number.NaN }
  })
  return lineChart({
    title: "Best so far",
    description: `The best of ${finished.length} trials, number ${best.number}, has ${value(best).toFixed(2)}.`,
    x: { label: "trials" },
    y: { label: "perplexity", scale: "log" },
    series: [{ name: "best so far", points: bestSoFar }],
    marksPoints: true,
    width: 480,
    height: 320
  })
}

const statuses = [
  { name: "complete", status: "complete" },
  { name: "given up", status: "pruned" }
] as const

const everyTrial = ({ trials }: Tuned): Figure =>
  scatterChart({
    title: "Every trial",
    description: "The perplexity of each trial; of one that was given up, that of its last look.",
    x: { label: "trial" },
    y: { label: "perplexity", scale: "log" },
    series: statuses
      .map(({ name, status }) => ({
        name,
        points: trials
          .filter(({ outcome }) => outcome?.status === status)
          .map((trial) => ({ x: trial.number, y: value(trial) }))
      }))
      .filter(({ points }) => points.length > 0),
    width: 480,
    height: 320
  })

const mattered = ({ importance }: Tuned): Figure => {
  const shares = importance.toSorted((a, b) => b.total - a.total)
  return barChart({
    title: "Which parameters mattered",
    description: shares.map(({ name, total }) => `${name} ${(100 * total).toFixed(0)} %`).join(", "),
    value: { label: "share of the variance, with all in which the parameter takes part", domain: [0, 1] },
    bars: shares.map(({ name, total }) => ({ name, value: total })),
    width: 760
  })
}

/** How the value goes with each parameter, one figure each. */
const sections = ({ trials }: Tuned): ReadonlyArray<Figure> => {
  const names = [...new Set(trials.flatMap(({ configuration }) => Object.keys(configuration)))]
  return names.flatMap((name) => {
    const points = (status: string) =>
      trials.flatMap((trial) => {
        const x = (trial.configuration as Readonly<Record<string, unknown>>)[name]
        const y = value(trial)
        return trial.outcome?.status === status && typeof x === "number" && Number.isFinite(y)
          ? [{ x, y }]
          : []
      })
    const series = statuses
      .map(({ name, status }) => ({ name, points: points(status) }))
      .filter((one) => one.points.length > 0)
    if (series.length === 0) return []
    const xs = series.flatMap((one) => one.points.map(({ x }) => x))
    const isWide = Math.min(...xs) > 0 && Math.max(...xs) / Math.min(...xs) > 20
    return [
      scatterChart({
        title: name,
        description: `Perplexity against ${name}, one point a trial.`,
        x: { label: name, scale: isWide ? "log" : "linear" },
        y: { label: "perplexity", scale: "log" },
        series,
        width: 360,
        height: 260
      })
    ]
  })
}

const comparison = ({ test, best, usual }: Tuned): ReadonlyArray<Block> =>
  test === undefined
    ? []
    : [
        tableBlock(
          "Perplexity on text that the search never saw",
          [{ heading: "settings" }, { heading: "perplexity", align: "right" }, { heading: "what they are" }],
          [
            ["found", test.best.toFixed(2), settingsText(best.configuration)],
            ["usual", test.usual.toFixed(2), settingsText(usual)]
          ]
        )
      ]

/** The study as a page. */
export const page = (tuned: Tuned): Page => {
  const { trials, best, sampler, seconds } = tuned
  const count = (status: string) => trials.filter(({ outcome }) => outcome?.status === status).length
  const columns = columnsOf(trials)
  return {
    title: tuned.title,
    summary:
      `${trials.length} trials by ${sampler} in ${seconds.toFixed(0)} s: ${count("complete")} complete, ${count("pruned")} given up ` +
      `early, ${count("failed")} failed. The best, number ${best.number}, has perplexity ${value(best).toFixed(2)}.`,
    sections: [
      { title: "The search", blocks: [figures(progress(tuned), everyTrial(tuned)), ...comparison(tuned)] },
      {
        title: "The parameters",
        blocks: [
          figures(mattered(tuned)),
          prose(
            "Estimated by a surrogate of the trials: with few of them, roughly. Below, one point a trial; trials that were given up have the value of their last look."
          ),
          figures(...sections(tuned))
        ]
      },
      {
        title: "All trials",
        blocks: [
          tableBlock(
            "In the order in which they were asked for",
            columns.map(({ heading, align }) => ({ heading, align: align ?? "right" })),
            trials
              .toSorted((a, b) => a.number - b.number)
              .map((trial) => columns.map(({ cell }) => cell(trial)))
          ),
          preformatted(tuned.command, "The command")
        ]
      }
    ]
  }
}
