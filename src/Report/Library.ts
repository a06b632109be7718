import type * as PlotModule from "@observablehq/plot"
import { Effect } from "effect"

/** What draws: Observable Plot over a document that is no browser's. Nothing outside the drawing files sees it. */
export interface Library {
  readonly plot: typeof PlotModule
  /** The marks as SVG markup, and the scales by which they were placed. */
  readonly render: (options: PlotModule.PlotOptions) => Rendered
}

export interface Rendered {
  readonly markup: string
  /** A value's place, in pixels, or its colour. */
  readonly apply: (scale: "x" | "y" | "color", value: number | string) => number | string
}

/** Loaded when something is drawn, so that nobody else waits for it. */
export const library: Effect.Effect<Library> = Effect.promise(async () => {
  const [plot, { parseHTML }] = await Promise.all([import("@observablehq/plot"), import("linkedom")])
  const { document } = parseHTML("<!doctype html><html><body></body></html>")
  const render = (options: PlotModule.PlotOptions): Rendered => {
    const drawn = plot.plot({ ...options, document, figure: false } as PlotModule.PlotOptions)
    // Its style belongs to the outermost element, which is made elsewhere.
    for (const style of drawn.querySelectorAll("style")) style.remove()
    return {
      markup: drawn.innerHTML,
      apply: (scale, value) => drawn.scale(scale)?.apply(value) as number | string
    }
  }
  return { plot, render }
})
