import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import {
  barChart,
  boxMap,
  draw,
  type Figure,
  heatMap,
  lineChart,
  scatterChart
} from "../../src/Report/index.ts"
import { everything, parseXml, textsOf } from "./parseXml.ts"

const hostile = `</svg><script>alert("1")</script> & ' \0 \ud800 \u001b[31m ]]> <!--`
const shown = `</svg><script>alert("1")</script> & ' \ufffd \ufffd \ufffd[31m ]]> <!--`

const caption = { title: hostile, description: hostile }
const axis = { label: hostile }

const every: Readonly<Record<string, Figure>> = {
  lines: lineChart({
    ...caption,
    x: axis,
    y: axis,
    series: [hostile, "other"].map((name) => ({
      name,
      points: [
        { x: 1, y: 2, low: 1, high: 3 },
        { x: 2, y: 4 }
      ]
    }))
  }),
  points: scatterChart({
    ...caption,
    x: axis,
    y: axis,
    series: [hostile, "other"].map((name) => ({ name, points: [{ x: 1, y: 2, label: hostile }] }))
  }),
  bars: barChart({ ...caption, value: axis, bars: [{ name: hostile, value: 2, low: 1, high: 3 }] }),
  grid: heatMap({
    ...caption,
    rows: [hostile],
    columns: [hostile],
    cells: [{ row: hostile, column: hostile, value: 1, label: hostile }],
    value: axis
  }),
  boxes: boxMap({
    ...caption,
    boxes: [{ x: 0, y: 0, width: 1, height: 0.2, value: 1, lines: [hostile] }],
    value: axis
  })
}

/** Of all circles, from the top. */
const heights = (svg: string) =>
  everything(parseXml(svg))
    .filter(({ name }) => name === "circle")
    .map(({ attributes }) => Number(attributes.cy))

const steps = (values: ReadonlyArray<number>) => values.slice(1).map((value, i) => values[i] - value)

/** Relative luminance of WCAG 2, for "#rgb" and "rgb(r, g, b)". */
const luminance = (colour: string) => {
  const parts = colour.startsWith("#")
    ? colour
        .slice(1)
        .split("")
        .map((digit) => Number.parseInt(digit + digit, 16))
    : (colour.match(/\d+/g) ?? []).map(Number)
  const [r, g, b] = parts.map((part) => {
    const share = part / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

describe("draw", () => {
  it.effect("makes well-formed documents that stand alone, whatever the texts", () =>
    Effect.gen(function* () {
      for (const [name, figure] of Object.entries(every)) {
        const svg = parseXml(yield* draw(figure))
        const elements = everything(svg)
        assert.strictEqual(svg.name, "svg", name)
        assert.strictEqual(svg.attributes.xmlns, "http://www.w3.org/2000/svg", name)
        assert.isFalse(
          elements.some(({ name: tag }) => tag === "script" || tag === "image"),
          name
        )
        // Nothing points outside, and nothing can run.
        for (const { attributes } of elements)
          for (const [key, value] of Object.entries(attributes)) {
            assert.isFalse(/^(on|href|src)/.test(key) || /url\(/.test(value), `${name}: ${key}="${value}"`)
          }
        assert.notMatch(textsOf(svg, "style").join(""), /@import|url\(|@font-face/)
        assert.deepStrictEqual(textsOf(svg, "title"), [shown], name)
        assert.strictEqual(svg.attributes.role, "img")
        assert.include(svg.attributes["aria-label"], shown)
        assert.isTrue(
          textsOf(svg, "text").some((text) => text.includes(shown)),
          name
        )
      }
    })
  )

  it.effect("puts points where their axes say, linear and logarithmic", () =>
    Effect.gen(function* () {
      const points = [1, 10, 100, 1000].map((y, i) => ({ x: i, y }))
      const [linear, log] = yield* Effect.forEach(["linear", "log"] as const, (scale) =>
        draw(
          lineChart({
            title: "t",
            description: "d",
            x: { label: "x" },
            y: { label: "y", scale, domain: [1, 1000] },
            series: [{ name: "s", points }],
            marksPoints: true
          })
        )
      )
      const logSteps = steps(heights(log))
      assert.lengthOf(logSteps, 3)
      for (const step of logSteps) assert.closeTo(step, logSteps[0], 1e-6)
      const linearSteps = steps(heights(linear))
      assert.closeTo(linearSteps[1] / linearSteps[0], 10, 1e-6)
      assert.closeTo(linearSteps[2] / linearSteps[0], 100, 1e-6)
    })
  )

  it.effect("leaves out what has no place, and interrupts the line there", () =>
    Effect.gen(function* () {
      const ys = [1, 2, -1, Number.NaN, 3, 4, Number.POSITIVE_INFINITY, 5, 6]
      const svg = yield* draw(
        lineChart({
          title: "t",
          description: "d",
          x: { label: "x" },
          y: { label: "y", scale: "log" },
          series: [{ name: "s", points: ys.map((y, x) => ({ x, y })) }]
        })
      )
      assert.notInclude(svg, "NaN")
      assert.notInclude(svg, "Infinity")
      const group = everything(parseXml(svg)).find(({ attributes }) => attributes["aria-label"] === "line")
      const d = group?.children[0].attributes.d ?? ""
      assert.lengthOf(d.match(/M/g) ?? [], 3)
    })
  )

  it.effect("draws figures without data, without failing", () =>
    Effect.gen(function* () {
      const x = { label: "x" }
      const nothing = { title: "t", description: "d" }
      for (const figure of [
        lineChart({ ...nothing, x, y: { label: "y", scale: "log" }, series: [] }),
        scatterChart({ ...nothing, x, y: x, series: [{ name: "none", points: [] }] }),
        barChart({ ...nothing, value: x, bars: [] }),
        barChart({ ...nothing, value: x, bars: [{ name: "one", value: Number.NaN }] }),
        heatMap({ ...nothing, rows: [], columns: [], cells: [], value: x }),
        heatMap({
          ...nothing,
          rows: ["a"],
          columns: ["b"],
          cells: [{ row: "a", column: "b", value: Number.NaN }],
          value: x
        }),
        boxMap({ ...nothing, boxes: [], value: x })
      ]) {
        const svg = parseXml(yield* draw(figure))
        for (const { attributes } of everything(svg))
          for (const value of Object.values(attributes)) assert.notInclude(value, "NaN")
      }
    })
  )

  it.effect("gives greater values darker cells, and text that can be read on them", () =>
    Effect.gen(function* () {
      const values = [0, 0.25, 0.5, 0.75, 1]
      const svg = yield* draw(
        heatMap({
          title: "t",
          description: "d",
          rows: ["row"],
          columns: values.map(String),
          cells: values.map((value) => ({ row: "row", column: String(value), value })),
          value: { label: "value", domain: [0, 1] }
        })
      )
      const elements = everything(parseXml(svg))
      const cells = elements.flatMap(({ name, attributes }) =>
        name === "rect" && attributes.rx === "2" ? [luminance(attributes.fill)] : []
      )
      const inks = elements.flatMap(({ name, attributes }) =>
        name === "g" && /^#(111|fff)$/.test(attributes.fill ?? "") ? [luminance(attributes.fill)] : []
      )
      assert.lengthOf(cells, 5)
      assert.deepStrictEqual(
        cells.toSorted((a, b) => b - a),
        cells
      )
      cells.forEach((cell, i) => {
        const [light, dark] = [Math.max(cell, inks[i]), Math.min(cell, inks[i])]
        // WCAG 2's least contrast for text.
        assert.isAtLeast((light + 0.05) / (dark + 0.05), 4.5)
      })
    })
  )

  it.effect("moves labels apart that would lie on each other", () =>
    Effect.gen(function* () {
      const labels = ["first", "second", "third", "fourth"]
      const svg = yield* draw(
        scatterChart({
          title: "t",
          description: "d",
          x: { label: "x", domain: [0, 10] },
          y: { label: "y", domain: [0, 10] },
          series: [{ name: "s", points: labels.map((label, i) => ({ x: 5, y: 5 + i / 100, label })) }]
        })
      )
      const lines = everything(parseXml(svg))
        .filter(({ name, text }) => name === "text" && labels.includes(text))
        .map(({ attributes }) => Number(attributes.y))
        .toSorted((a, b) => a - b)
      assert.lengthOf(lines, 4)
      for (let i = 1; i < 4; i++) assert.isAtLeast(lines[i] - lines[i - 1], 11.5)
    })
  )
})
