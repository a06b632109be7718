import { Diagnostics } from "../../src/ControlVariates/index.ts"
import {
  type Figure,
  figures,
  lineChart,
  type Page,
  prose,
  scatterChart,
  table
} from "../../src/Report/index.ts"
import { columns, headline, type Reduced } from "./Summary.ts"

/** Figures of traces and ranks are drawn for at most this many functionals: those that mixed worst. */
const mostTraced = 6

const mostPoints = 300

const chainsOf = (series: Float64Array, chains: number): ReadonlyArray<Float64Array> => {
  const draws = series.length / chains
  return Array.from({ length: chains }, (_, c) => series.subarray(c * draws, (c + 1) * draws))
}

const trace = (name: string, series: Float64Array, chains: number): Figure =>
  lineChart({
    title: `${name}: trace`,
    description: `Draws of ${name} by chain; chains that mix look alike and have no trend.`,
    width: 420,
    height: 200,
    x: { label: "draw" },
    y: { label: name },
    series: chainsOf(series, chains).map((values, c) => {
      const every = Math.max(1, Math.ceil(values.length / mostPoints))
      return {
        name: `chain ${c + 1}`,
        points: Array.from({ length: Math.floor((values.length - 1) / every) + 1 }, (_, k) => ({
          x: k * every,
          y: values[k * every]
        }))
      }
    })
  })

const bins = 20

/** How many of a chain's draws have ranks, among all chains' draws, in each twentieth; as a share of what equal chains have (Vehtari et al. 2021). */
const ranks = (name: string, series: Float64Array, chains: number): Figure => {
  const shares = Diagnostics.rankHistogram(series, chains, bins)
  return lineChart({
    title: `${name}: ranks`,
    description: `Ranks of each chain's draws of ${name} in ${bins} bins; 1 everywhere where the chains agree.`,
    width: 420,
    height: 200,
    x: { label: "rank, share of all draws", domain: [0, 1] },
    y: { label: "share of the expected count" },
    series: Array.from({ length: chains }, (_, c) => ({
      name: `chain ${c + 1}`,
      points: Array.from({ length: bins }, (__, k) => ({ x: (k + 0.5) / bins, y: shares[c * bins + k] }))
    }))
  })
}

/** Means with and without, with two standard errors, in units of the error before. */
const errorBars = ({ rows }: Reduced): Figure => {
  const shown = rows.filter(({ mcse }) => mcse > 0)
  return scatterChart({
    title: "Error bars side by side",
    description:
      "For each functional the mean before and after, with two standard errors, both less the mean after and in units of the standard error before.",
    width: 640,
    height: 300,
    x: { label: "functional, in the order of the table", domain: [0.5, rows.length + 0.5] },
    y: { label: "standard errors before" },
    series: [
      {
        name: "without control variate",
        points: shown.map(({ mean, meanCv, mcse }, i) => {
          const y = (mean - meanCv) / mcse
          return { x: i + 0.9, y, low: y - 2, high: y + 2 }
        })
      },
      {
        name: "with control variate",
        points: shown.map(({ mcse, mcseCv }, i) => ({
          x: i + 1.1,
          y: 0,
          low: (-2 * mcseCv) / mcse,
          high: (2 * mcseCv) / mcse
        }))
      }
    ]
  })
}

const errors = ({ rows }: Reduced): Figure =>
  scatterChart({
    title: "Standard errors",
    description: "Monte Carlo standard errors before and after, on a logarithmic scale.",
    width: 640,
    height: 300,
    x: { label: "functional, in the order of the table", domain: [0.5, rows.length + 0.5] },
    y: { label: "standard error", scale: "log" },
    series: [
      { name: "without control variate", points: rows.map(({ mcse }, i) => ({ x: i + 1, y: mcse })) },
      { name: "with control variate", points: rows.map(({ mcseCv }, i) => ({ x: i + 1, y: mcseCv })) }
    ]
  })

/** The page of a run: a table, error bars, what is to be said against them, traces and ranks of each set of chains. */
export const page = (title: string, summary: string, all: ReadonlyArray<Reduced>): Page => ({
  title,
  summary,
  sections: all.flatMap((reduced) => {
    const { source, rows, warnings } = reduced
    const { chains } = source.chains
    const worst = rows
      .map((row, index) => ({ ...row, index }))
      .toSorted((a, b) => a.essBulk - b.essBulk)
      .slice(0, mostTraced)
    return [
      {
        title: `Means, ${source.name}`,
        blocks: [
          prose(headline(reduced)),
          table(
            "Means and Monte Carlo standard errors without and with control variate; VRF: how many times fewer draws would have done",
            columns.map(({ heading, align }) => ({ heading, align: align ?? "right" })),
            rows.map((row) => columns.map(({ cell }) => cell(row)))
          ),
          figures(errorBars(reduced), errors(reduced)),
          ...(warnings.length === 0
            ? [prose("No warnings.")]
            : [prose(`Warnings:\n\n${warnings.join("\n\n")}`)])
        ]
      },
      {
        title: `Traces and ranks, ${source.name}`,
        blocks: [
          ...(worst.length < rows.length
            ? [prose(`The ${worst.length} functionals with the least bulk effective sample size.`)]
            : []),
          figures(
            ...worst.flatMap(({ name, index }) => {
              const series = source.functionals.values[index]
              return [trace(name, series, chains), ranks(name, series, chains)]
            })
          )
        ]
      }
    ]
  })
})
