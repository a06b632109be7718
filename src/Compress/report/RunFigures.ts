import { type Figure, heatMap, lineChart, scatterChart } from "../../Report/index.ts"
import type { Curve } from "../Curve.ts"
import { placeOf } from "./NetworkPicture.ts"
import { percent, type RunRecord } from "./RunRecord.ts"
import type { WeightFacts } from "./WeightFacts.ts"

/** Values whose greatest is more than so many times the least are shown on a logarithmic axis. */
const wide = 4

const scaleFor = (values: ReadonlyArray<number>): "linear" | "log" => {
  const positive = values.filter((value) => value > 0)
  return Math.max(...positive) > wide * Math.min(...positive) ? "log" : "linear"
}

/** Every row of the comparison: what it stores, and how well it predicts. */
export const perplexityFigure = ({ rows, curves }: RunRecord): Figure => {
  const isDistilled = (name: string) => curves.some((curve) => curve.row === name)
  const groups = [
    { name: "not trained", own: rows.filter(({ name }) => !isDistilled(name)) },
    { name: "distilled", own: rows.filter(({ name }) => isDistilled(name)) }
  ]
  return scatterChart({
    title: "Perplexity against stored parameters",
    description: rows
      .map(
        ({ name, storedParameters, perplexity }) => `${name}: ${storedParameters}, ${perplexity.toFixed(2)}`
      )
      .join("; "),
    x: { label: "stored parameters" },
    y: { label: "perplexity", scale: scaleFor(rows.map((row) => row.perplexity)) },
    series: groups
      .filter(({ own }) => own.length > 0)
      .map(({ name, own }) => ({
        name,
        points: own.map((row) => ({ x: row.storedParameters, y: row.perplexity, label: row.name }))
      })),
    width: 680,
    height: 340
  })
}

const layerName = (weight: string): string => {
  const { layer } = placeOf(weight)
  return layer === undefined ? "outside the layers" : `layer ${layer}`
}

const distinct = (names: ReadonlyArray<string>): ReadonlyArray<string> => [...new Set(names)]

/** How far each replaced weight is from what it was, layer by layer. */
export const errorFigure = (weights: ReadonlyArray<WeightFacts>): Figure => {
  const replaced = weights.filter(({ spectrum }) => spectrum.length > 0)
  return heatMap({
    title: "Relative error of each weight",
    description: replaced.map(({ name, relativeError }) => `${name}: ${relativeError.toFixed(4)}`).join("; "),
    rows: distinct(replaced.map(({ name }) => layerName(name))),
    columns: distinct(replaced.map(({ name }) => placeOf(name).part)),
    cells: replaced.map(({ name, relativeError }) => ({
      row: layerName(name),
      column: placeOf(name).part,
      value: relativeError,
      label: relativeError.toFixed(3)
    })),
    value: { label: "‖W − W′‖ / ‖W‖", domain: [0, Math.max(0.1, ...replaced.map((w) => w.relativeError))] }
  })
}

/** The singular values of a weight's matrix, and those that its format keeps. */
export const spectrumFigure = ({ name, description, relativeError, spectrum }: WeightFacts): Figure =>
  lineChart({
    title: `${name}: ${description}`,
    description: `Singular values before and after; the relative error is ${relativeError.toFixed(4)}.`,
    x: { label: "place" },
    y: { label: "singular value", scale: "log" },
    series: [
      { name: "original", points: spectrum.map(({ place, original }) => ({ x: place, y: original })) },
      {
        name: `kept, error ${percent(relativeError)}`,
        isDashed: true,
        points: spectrum.map(({ place, kept }) => ({ x: place, y: kept }))
      }
    ],
    width: 330,
    height: 190
  })

/** The loss of a distillation, each stage in its own colour. */
export const curveFigure = ({ row, points }: Curve): Figure => {
  const stages = [...new Set(points.map(({ stage }) => stage))]
  const last = points.at(-1)
  return lineChart({
    title: `Distillation of ${row}`,
    description:
      last === undefined ? "No updates." : `The loss after ${last.step} updates is ${last.loss.toFixed(4)}.`,
    x: { label: "update" },
    y: { label: "loss", scale: scaleFor(points.map(({ loss }) => loss)) },
    series: stages.map((stage) => ({
      name: stage,
      points: points.filter((point) => point.stage === stage).map(({ step, loss }) => ({ x: step, y: loss }))
    }))
  })
}
