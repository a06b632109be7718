import { escaped } from "./Markup.ts"

/** One entry of a legend: a colour, and what it stands for. */
export interface LegendEntry {
  readonly name: string
  readonly colour: string
  /** "none": the name alone, as a heading of what follows. */
  readonly mark: "line" | "dashed-line" | "area" | "none" | { readonly path: string }
}

const lineHeight = 16
const swatch = 18
const gap = 16

/** About the width of a text in CSS pixels at this size of a sans-serif face. */
export const textWidth = (text: string, size = 10): number => text.length * size * 0.56

/** The entries in as many lines as the width calls for: SVG from the top left corner, and its height. */
export const legend = (entries: ReadonlyArray<LegendEntry>, width: number) => {
  let [x, y] = [0, 0]
  const drawn = entries.map((entry) => {
    const indent = entry.mark === "none" ? 0 : swatch
    const wanted = indent + textWidth(entry.name) + gap
    if (x > 0 && x + wanted > width) [x, y] = [0, y + lineHeight]
    const item = `<g transform="translate(${x.toFixed(1)},${y})">${markOf(entry)}<text x="${indent}" y="11">${escaped(entry.name)}</text></g>`
    x += wanted
    return item
  })
  return {
    markup: `<g text-anchor="start">${drawn.join("")}</g>`,
    height: entries.length === 0 ? 0 : y + lineHeight
  }
}

const markOf = ({ colour, mark }: LegendEntry): string => {
  if (mark === "none") return ""
  if (typeof mark === "object")
    return `<path d="${mark.path}" transform="translate(7,8)" fill="none" stroke="${colour}" stroke-width="1.5"/>`
  if (mark === "area") return `<rect y="3" width="14" height="10" fill="${colour}"/>`
  const dashes = mark === "dashed-line" ? ' stroke-dasharray="4,2.5"' : ""
  return `<path d="M0,8H14" stroke="${colour}" stroke-width="2"${dashes}/>`
}
