import type { Markish } from "@observablehq/plot"
import { colourOf, type Drawing } from "./Drawing.ts"
import type { Axis, BarChart, LineChart, Point, ScatterChart, Series } from "./Figure.ts"
import { placeLabels } from "./Labels.ts"
import { textWidth } from "./Legend.ts"
import type { Library } from "./Library.ts"
import { allowed } from "./Markup.ts"
import { shortNumber } from "./NumberText.ts"
import { hasPlace, plotScale, scaleOf } from "./Scale.ts"

type PointChart = LineChart | ScatterChart

const isShown =
  ({ x, y }: PointChart) =>
  (point: Point): boolean =>
    hasPlace(x, point.x) && hasPlace(y, point.y)

const hasBand = (chart: PointChart) => (point: Point) =>
  hasPlace(chart.x, point.x) &&
  point.low !== undefined &&
  point.high !== undefined &&
  hasPlace(chart.y, point.low) &&
  hasPlace(chart.y, point.high)

// Points on the edge would be cut, and their labels with them.
const widened = (axis: Axis, values: ReadonlyArray<number>): ReadonlyArray<number> => {
  if (axis.scale === "log" || values.length === 0) return values
  const [least, greatest] = [Math.min(...values), Math.max(...values)]
  const margin = (greatest - least) / 20
  return [least - margin, greatest + margin]
}

const scalesOf = (chart: PointChart) => {
  const points = chart.series.flatMap((series) => series.points)
  const ends = points.filter(hasBand(chart)).flatMap(({ low, high }) => [low ?? 0, high ?? 0])
  const shown = points.filter(isShown(chart))
  const xs = shown.map((point) => point.x)
  const ys = [...shown.map((point) => point.y), ...ends]
  return chart._tag === "scatter-chart"
    ? { x: scaleOf(chart.x, widened(chart.x, xs)), y: scaleOf(chart.y, widened(chart.y, ys), 5) }
    : { x: scaleOf(chart.x, xs), y: scaleOf(chart.y, ys, 5) }
}

const [marginTop, marginBottom] = [24, 34]

// Of this width and height, with room for the numbers beside the vertical axis.
const frame = (library: Library, chart: PointChart, marks: Array<Markish>) => {
  const { width = 520, height = 280 } = chart
  const scales = scalesOf(chart)
  const numbers = Math.max(...scales.y.ticks.map((tick) => textWidth(shortNumber(tick))), 0)
  const rendered = library.render({
    width,
    height,
    marginLeft: Math.max(36, Math.ceil(numbers) + 18),
    marginRight: 24,
    marginTop,
    marginBottom,
    grid: true,
    x: plotScale({ ...chart.x, label: allowed(chart.x.label) }, scales.x),
    y: plotScale({ ...chart.y, label: allowed(chart.y.label) }, scales.y),
    marks: [library.plot.ruleY([scales.y.domain[0]], { strokeOpacity: 0.4 }), ...marks]
  })
  return { ...rendered, width, height }
}

export const drawLines = (library: Library, chart: LineChart): Drawing => {
  const { plot } = library
  const marks = chart.series.flatMap((series, i): Array<Markish> => {
    const colour = colourOf(i)
    const banded = series.points.filter(hasBand(chart))
    const shown = series.points.filter(isShown(chart))
    // Where a point has no place, a line must not go on as if it were not missing.
    const line = series.points.map((point) => (isShown(chart)(point) ? point : { x: point.x, y: Number.NaN }))
    return [
      ...(banded.length === 0
        ? []
        : [plot.areaY(banded, { x: "x", y1: "low", y2: "high", fill: colour, fillOpacity: 0.18 })]),
      plot.lineY(line, {
        x: "x",
        y: "y",
        stroke: colour,
        strokeWidth: 1.75,
        ...(series.isDashed === true && { strokeDasharray: "5,3" })
      }),
      ...(chart.marksPoints === true || shown.length === 1
        ? [plot.dot(shown, { x: "x", y: "y", fill: colour, r: 2.5 })]
        : [])
    ]
  })
  const legend = chart.series.map((series, i) => ({
    name: allowed(series.name),
    colour: colourOf(i),
    mark: series.isDashed === true ? ("dashed-line" as const) : ("line" as const)
  }))
  return { ...frame(library, chart, marks), legend: legend.length > 1 ? legend : [] }
}

/** Circle, cross, diamond, square, triangle, star: told apart without colour too. */
const symbols = ["circle", "times", "diamond2", "square2", "triangle2", "asterisk"] as const
const symbolPaths = [
  "M4,0A4,4,0,1,1,-4,0A4,4,0,1,1,4,0",
  "M-3.5,-3.5L3.5,3.5M-3.5,3.5L3.5,-3.5",
  "M0,-4.5L4.5,0L0,4.5L-4.5,0Z",
  "M-3.5,-3.5H3.5V3.5H-3.5Z",
  "M0,-4.5L4,3L-4,3Z",
  "M0,-4.5V4.5M-4,-2.2L4,2.2M-4,2.2L4,-2.2"
] as const

export const drawPoints = (library: Library, chart: ScatterChart): Drawing => {
  const { plot } = library
  const shownOf = (series: Series) => series.points.filter(isShown(chart))
  const marks = chart.series.flatMap((series, i): Array<Markish> => {
    const stroke = colourOf(i)
    const barred = series.points.filter(hasBand(chart))
    return [
      ...(barred.length === 0
        ? []
        : [plot.ruleX(barred, { x: "x", y1: "low", y2: "high", stroke, strokeWidth: 1.25 })]),
      plot.dot(shownOf(series), {
        x: "x",
        y: "y",
        stroke,
        strokeWidth: 1.5,
        r: 4,
        symbol: symbols[i % symbols.length]
      })
    ]
  })
  const { apply, ...drawn } = frame(library, chart, marks)
  const labelled = chart.series.flatMap((series) =>
    shownOf(series).flatMap(({ x, y, label }) =>
      label === undefined ? [] : [{ x: Number(apply("x", x)), y: Number(apply("y", y)), text: label }]
    )
  )
  const legend = chart.series.map((series, i) => ({
    name: allowed(series.name),
    colour: colourOf(i),
    mark: { path: symbolPaths[i % symbolPaths.length] }
  }))
  return {
    ...drawn,
    markup:
      drawn.markup +
      placeLabels(labelled, {
        left: 0,
        right: drawn.width,
        top: marginTop,
        bottom: drawn.height - marginBottom
      }),
    legend: legend.length > 1 ? legend : []
  }
}

export const drawBars = (library: Library, chart: BarChart): Drawing => {
  const { plot } = library
  // Names are drawn once each, also where two bars have the same one.
  const bars = chart.bars.map((bar, i) => ({ ...bar, key: String(i) }))
  const shown = bars.filter((bar) => Number.isFinite(bar.value))
  const ended = shown.filter((bar) => Number.isFinite(bar.low) && Number.isFinite(bar.high))
  const { width = 520, height = 26 * bars.length + 48 } = chart
  const reach = [
    0,
    ...shown.map((bar) => bar.value),
    ...ended.flatMap(({ low, high }) => [low ?? 0, high ?? 0])
  ]
  const scale = scaleOf(chart.value, reach)
  const names = Math.max(0, ...bars.map((bar) => textWidth(bar.name)))
  const marginLeft = Math.min(Math.ceil(names) + 14, Math.floor(width / 2))
  const rendered = library.render({
    width,
    height,
    marginLeft,
    marginRight: 52,
    marginBottom: 34,
    x: { ...plotScale({ ...chart.value, label: allowed(chart.value.label) }, scale), grid: true },
    y: {
      domain: bars.map((bar) => bar.key),
      tickFormat: (key: string) => allowed(bars[Number(key)].name),
      tickSize: 0,
      label: null
    },
    marks: [
      plot.barX(shown, { x: "value", y: "key", fill: colourOf(0), insetTop: 2, insetBottom: 2 }),
      plot.ruleY(ended, { y: "key", x1: "low", x2: "high", stroke: "currentColor", strokeWidth: 1.25 }),
      plot.text(shown, {
        x: (bar: (typeof shown)[number]) =>
          Math.max(bar.value, Number.isFinite(bar.high) ? (bar.high ?? 0) : 0),
        y: "key",
        text: (bar: (typeof shown)[number]) => shortNumber(bar.value),
        textAnchor: "start",
        dx: 4
      }),
      plot.ruleX([0])
    ]
  })
  return { markup: rendered.markup, width, height, legend: [] }
}
