import type { Drawing } from "./Drawing.ts"
import type { Axis, Box, BoxMap, HeatMap } from "./Figure.ts"
import { type LegendEntry, textWidth } from "./Legend.ts"
import type { Library } from "./Library.ts"
import { escaped } from "./Markup.ts"
import { shortNumber } from "./NumberText.ts"
import { hasPlace, type Scale, scaleOf } from "./Scale.ts"

interface Colours {
  /** Undefined where the value has no place on the scale. */
  readonly of: (value: number | undefined) => string | undefined
  readonly legend: ReadonlyArray<LegendEntry>
}

const samples = 5

/** From light for the least to dark for the greatest value. */
const coloursOf = (library: Library, axis: Axis, values: ReadonlyArray<number | undefined>): Colours => {
  const present = values.filter((value): value is number => value !== undefined && hasPlace(axis, value))
  const scale: Scale = scaleOf(axis, present)
  const [least, greatest] = scale.domain
  const drawn = library.plot.scale({
    color: { type: scale.type, domain: [least, greatest], scheme: "ylgnbu", clamp: true }
  })
  const of = (value: number | undefined) =>
    value !== undefined && hasPlace(axis, value) ? String(drawn.apply(value)) : undefined
  const sampled = Array.from({ length: samples }, (_, i) => {
    const share = i / (samples - 1)
    return scale.type === "log" ? least * (greatest / least) ** share : least + (greatest - least) * share
  })
  const heading: LegendEntry = { name: axis.label, colour: "none", mark: "none" }
  const steps = sampled.map(
    (value): LegendEntry => ({ name: shortNumber(value), colour: of(value) ?? "none", mark: "area" })
  )
  return { of, legend: present.length === 0 ? [] : [heading, ...steps] }
}

/** Black or white, whichever can be read on a colour "rgb(r, g, b)" (relative luminance of WCAG 2). */
const inkOn = (colour: string): string => {
  const [red, green, blue] = (colour.match(/[\d.]+/g) ?? ["255", "255", "255"]).map((part) => {
    const share = Number(part) / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 ? "#111" : "#fff"
}

const lineHeight = 13

interface Placed {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

// The lines in the middle of the rectangle, as many as it has room for.
const filled = (at: Placed, colour: string | undefined, lines: ReadonlyArray<string>): string => {
  const room = Math.floor((at.height - 4) / lineHeight)
  const fitting = lines.filter((line) => textWidth(line) <= at.width - 4).slice(0, room)
  const middle = at.top + at.height / 2 + 3.5
  const texts = fitting.map(
    (line, i) =>
      `<text x="${(at.left + at.width / 2).toFixed(1)}" y="${(middle + (i - (fitting.length - 1) / 2) * lineHeight).toFixed(1)}">${escaped(line)}</text>`
  )
  const shape =
    `<rect x="${at.left.toFixed(1)}" y="${at.top.toFixed(1)}" width="${at.width.toFixed(1)}" height="${at.height.toFixed(1)}" rx="2" ` +
    (colour === undefined
      ? 'fill="none" stroke="currentColor" stroke-opacity="0.35"/>'
      : `fill="${colour}" stroke="#888" stroke-opacity="0.4"/>`)
  return `${shape}<g fill="${colour === undefined ? "currentColor" : inkOn(colour)}">${texts.join("")}</g>`
}

export const drawHeatMap = (library: Library, chart: HeatMap): Drawing => {
  const colours = coloursOf(
    library,
    chart.value,
    chart.cells.map((cell) => cell.value)
  )
  const left = Math.ceil(Math.max(0, ...chart.rows.map((row) => textWidth(row)))) + 8
  const widest = Math.max(
    44,
    ...chart.columns.map((column) => textWidth(column) + 8),
    ...chart.cells.map((cell) => textWidth(cell.label ?? shortNumber(cell.value)) + 10)
  )
  const {
    width = Math.max(400, Math.ceil(left + widest * chart.columns.length)),
    height = 20 + 24 * chart.rows.length
  } = chart
  const cellWidth = (width - left) / Math.max(1, chart.columns.length)
  const cellHeight = (height - 20) / Math.max(1, chart.rows.length)
  const headings = chart.columns.map(
    (column, j) => `<text x="${(left + (j + 0.5) * cellWidth).toFixed(1)}" y="12">${escaped(column)}</text>`
  )
  const names = chart.rows.map(
    (row, i) =>
      `<text x="${left - 6}" y="${(20 + (i + 0.5) * cellHeight + 3.5).toFixed(1)}" text-anchor="end">${escaped(row)}</text>`
  )
  const cells = chart.cells.flatMap((cell) => {
    const [i, j] = [chart.rows.indexOf(cell.row), chart.columns.indexOf(cell.column)]
    if (i < 0 || j < 0) return []
    const at = {
      left: left + j * cellWidth + 1,
      top: 20 + i * cellHeight + 1,
      width: cellWidth - 2,
      height: cellHeight - 2
    }
    return [filled(at, colours.of(cell.value), [cell.label ?? shortNumber(cell.value)])]
  })
  return { markup: [...headings, ...names, ...cells].join(""), width, height, legend: colours.legend }
}

export const drawBoxes = (library: Library, chart: BoxMap): Drawing => {
  const colours = coloursOf(
    library,
    chart.value,
    chart.boxes.map((box) => box.value)
  )
  const ends = (of: (box: Box) => number) => Math.max(0, ...chart.boxes.map(of))
  const [across, down] = [ends((box) => box.x + box.width), ends((box) => box.y + box.height)]
  const { width = 640 } = chart
  const { height = across === 0 ? 0 : (width * down) / across } = chart
  const [sx, sy] = [across === 0 ? 0 : width / across, down === 0 ? 0 : height / down]
  const boxes = chart.boxes.map((box) => {
    const at = {
      left: box.x * sx + 1,
      top: box.y * sy + 1,
      width: Math.max(1, box.width * sx - 2),
      height: Math.max(1, box.height * sy - 2)
    }
    return filled(at, colours.of(box.value), box.lines)
  })
  return { markup: boxes.join(""), width, height, legend: colours.legend }
}
