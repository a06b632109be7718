/** What an axis or a colour shows. */
export interface Axis {
  readonly label: string
  /** Default linear; values that are not positive have no place on a logarithmic one, and are left out. */
  readonly scale?: "linear" | "log" | undefined
  /** From the least to the greatest value; default: what the data call for. */
  readonly domain?: readonly [number, number] | undefined
}

/** What every figure has. */
export interface Caption {
  readonly title: string
  /** What a reader who does not see the figure should know. */
  readonly description: string
  /** In CSS pixels; a page shrinks what does not fit. */
  readonly width?: number | undefined
  readonly height?: number | undefined
}

export interface Point {
  readonly x: number
  readonly y: number
  /** Both ends of a band around a line, or of an error bar at a point. */
  readonly low?: number | undefined
  readonly high?: number | undefined
  /** Written beside the point in a scatter chart. */
  readonly label?: string | undefined
}

export interface Series {
  readonly name: string
  /** A point that is not finite interrupts the line. */
  readonly points: ReadonlyArray<Point>
  readonly isDashed?: boolean | undefined
}

/** Lines, with bands where points have ends, and marks where they are asked for. */
export interface LineChart extends Caption {
  readonly _tag: "line-chart"
  readonly x: Axis
  readonly y: Axis
  readonly series: ReadonlyArray<Series>
  /** Whether to mark the points themselves; default false. */
  readonly marksPoints?: boolean | undefined
}

/** Points, each series with a colour and a shape of its own. */
export interface ScatterChart extends Caption {
  readonly _tag: "scatter-chart"
  readonly x: Axis
  readonly y: Axis
  readonly series: ReadonlyArray<Series>
}

export interface Bar {
  readonly name: string
  readonly value: number
  readonly low?: number | undefined
  readonly high?: number | undefined
}

/** Lying bars from 0, one below the other, with their values. */
export interface BarChart extends Caption {
  readonly _tag: "bar-chart"
  readonly value: Omit<Axis, "scale">
  readonly bars: ReadonlyArray<Bar>
}

export interface Cell {
  readonly row: string
  readonly column: string
  readonly value: number
  /** Default: the value. */
  readonly label?: string | undefined
}

/** A grid whose cells are coloured by their values; where there is no cell, the grid is empty. */
export interface HeatMap extends Caption {
  readonly _tag: "heat-map"
  readonly rows: ReadonlyArray<string>
  readonly columns: ReadonlyArray<string>
  readonly cells: ReadonlyArray<Cell>
  readonly value: Axis
}

/** A rectangle in units of the reader's choice, y downwards. */
export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  /** Decides the colour; without one the box is only outlined. */
  readonly value?: number | undefined
  /** Lines of text, from the top; those that do not fit are left out. */
  readonly lines: ReadonlyArray<string>
}

/** Rectangles that together make a picture of something, coloured by their values. */
export interface BoxMap extends Caption {
  readonly _tag: "box-map"
  readonly boxes: ReadonlyArray<Box>
  readonly value: Axis
}

/** A figure as data: nothing is drawn until `draw`. */
export type Figure = LineChart | ScatterChart | BarChart | HeatMap | BoxMap

/**
 * Values against values as lines.
 *
 * @example
 *   const figure = lineChart({ title: "Loss", description: "...", x: { label: "step" }, y: { label: "loss", scale: "log" }, series })
 */
export const lineChart = (chart: Omit<LineChart, "_tag">): Figure => ({ _tag: "line-chart", ...chart })

/** Values against values as points. */
export const scatterChart = (chart: Omit<ScatterChart, "_tag">): Figure => ({
  _tag: "scatter-chart",
  ...chart
})

/** Named values as bars. */
export const barChart = (chart: Omit<BarChart, "_tag">): Figure => ({ _tag: "bar-chart", ...chart })

/** Values in rows and columns as colours. */
export const heatMap = (chart: Omit<HeatMap, "_tag">): Figure => ({ _tag: "heat-map", ...chart })

/** Values at places as coloured rectangles. */
export const boxMap = (chart: Omit<BoxMap, "_tag">): Figure => ({ _tag: "box-map", ...chart })
