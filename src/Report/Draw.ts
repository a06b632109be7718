import { Effect } from "effect"
import { drawBars, drawLines, drawPoints } from "./AxisCharts.ts"
import { drawBoxes, drawHeatMap } from "./ColourMaps.ts"
import { type Drawing, framed } from "./Drawing.ts"
import type { Figure } from "./Figure.ts"
import { type Library, library } from "./Library.ts"

const drawingOf = (tools: Library, figure: Figure): Drawing => {
  switch (figure._tag) {
    case "line-chart":
      return drawLines(tools, figure)
    case "scatter-chart":
      return drawPoints(tools, figure)
    case "bar-chart":
      return drawBars(tools, figure)
    case "heat-map":
      return drawHeatMap(tools, figure)
    case "box-map":
      return drawBoxes(tools, figure)
  }
}

/**
 * A figure as one SVG document: self-contained, for light and for dark pages, its title and description readable by those who do not
 * see it. Values that are not finite, or not positive on a logarithmic axis, are left out.
 *
 * @example
 *   yield* fileSystem.writeFileString("loss.svg", yield* draw(lineChart({ ... })))
 */
export const draw = (figure: Figure): Effect.Effect<string> =>
  Effect.map(library, (tools) => framed(figure, drawingOf(tools, figure)))
