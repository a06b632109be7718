import { escaped } from "./Markup.ts"
import type { Caption } from "./Figure.ts"
import { legend, type LegendEntry } from "./Legend.ts"

/** What stands in a figure's frame. */
export interface Drawing {
  /** SVG from the top left corner. */
  readonly markup: string
  readonly width: number
  readonly height: number
  readonly legend: ReadonlyArray<LegendEntry>
}

/** Colours that can be told apart on white and on black. */
export const palette = [
  "#4269d0",
  "#e8590c",
  "#2b9a48",
  "#a463f2",
  "#c98a00",
  "#12a5a5",
  "#e64980",
  "#9c6b4e",
  "#6b8fd6",
  "#868e96"
] as const

export const colourOf = (index: number): string => palette[index % palette.length]

/** Text and lines in the colour of the page, or in that of the reader's own setting where the file stands alone. */
const style =
  ".tesserae-figure{color:#1f2328;max-width:100%;height:auto}" +
  "@media(prefers-color-scheme:dark){.tesserae-figure{color:#d1d7e0}}"

/** The whole SVG document: it needs no other file, and says in words what it shows. */
export const framed = ({ title, description }: Caption, drawing: Drawing): string => {
  const { width } = drawing
  const top = legend(drawing.legend, width)
  const offset = top.height === 0 ? 0 : top.height + 4
  const height = Math.ceil(drawing.height + offset)
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" class="tesserae-figure" role="img" ` +
    `aria-label="${escaped(`${title}. ${description}`)}" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
    `font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif" font-size="10" fill="currentColor">` +
    `<title>${escaped(title)}</title><desc>${escaped(description)}</desc><style>${style}</style>` +
    `${top.markup}<g text-anchor="middle" transform="translate(0,${offset})">${drawing.markup}</g></svg>`
  )
}
