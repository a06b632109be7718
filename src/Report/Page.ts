import { Effect } from "effect"
import { draw } from "./Draw.ts"
import type { Figure } from "./Figure.ts"
import { allowed, escaped } from "./Markup.ts"
import { pageStyle } from "./PageStyle.ts"

export interface TableColumn {
  readonly heading: string
  /** Default left; numbers stand better on the right. */
  readonly align?: "left" | "right" | undefined
}

/** What a section is made of; all of it is text, none of it markup. */
export type Block =
  | { readonly _tag: "prose"; readonly text: string }
  | { readonly _tag: "preformatted"; readonly text: string; readonly heading?: string | undefined }
  | {
      readonly _tag: "table"
      readonly caption: string
      readonly columns: ReadonlyArray<TableColumn>
      readonly rows: ReadonlyArray<ReadonlyArray<string>>
    }
  | { readonly _tag: "figures"; readonly figures: ReadonlyArray<Figure> }
  | {
      readonly _tag: "side-by-side"
      readonly texts: ReadonlyArray<{ readonly heading: string; readonly text: string }>
    }

/** Paragraphs, divided by blank lines. */
export const prose = (text: string): Block => ({ _tag: "prose", text })

/** Text whose spaces and line breaks count. */
export const preformatted = (text: string, heading?: string): Block => ({
  _tag: "preformatted",
  text,
  heading
})

/** Rows under headings; the first cell of a row is its name. */
export const table = (
  caption: string,
  columns: ReadonlyArray<TableColumn>,
  rows: ReadonlyArray<ReadonlyArray<string>>
): Block => ({ _tag: "table", caption, columns, rows })

/** Figures one after the other, several in a line where they are small. */
export const figures = (...shown: ReadonlyArray<Figure>): Block => ({ _tag: "figures", figures: shown })

/** Texts to compare, beside each other where there is room. */
export const sideBySide = (
  ...texts: ReadonlyArray<{ readonly heading: string; readonly text: string }>
): Block => ({ _tag: "side-by-side", texts })

export interface Section {
  readonly title: string
  readonly blocks: ReadonlyArray<Block>
}

export interface Page {
  readonly title: string
  /** A sentence or two under the title. */
  readonly summary?: string | undefined
  readonly sections: ReadonlyArray<Section>
  /** The language of the page's own words, as HTML names it; default "en". */
  readonly language?: string | undefined
}

// Nothing may be fetched and nothing run, whatever the page may hold.
const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

/**
 * A page as one HTML document that can be opened from the disk, in light or dark as its reader has it set: no scripts, nothing
 * fetched, everything given as text shown as text.
 *
 * @example
 *   const html = yield* render({ title: "A run", sections: [{ title: "Loss", blocks: [prose("..."), figures(chart)] }] })
 */
export const render = Effect.fn("Report.render")(function* (page: Page): Effect.fn.Return<string> {
  const sections: Array<string> = []
  for (const [index, { title, blocks }] of page.sections.entries()) {
    const parts: Array<string> = []
    for (const block of blocks) parts.push(yield* markupOf(block))
    sections.push(
      `<section id="section-${index + 1}" aria-labelledby="heading-${index + 1}">\n<h2 id="heading-${index + 1}">${escaped(title)}</h2>\n${parts.join("\n")}\n</section>`
    )
  }
  const contents = page.sections.map(
    ({ title }, index) => `<li><a href="#section-${index + 1}">${escaped(title)}</a></li>`
  )
  return `<!doctype html>
<html lang="${escaped(page.language ?? "en")}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(page.title)}</title>
<style>${pageStyle}</style>
</head>
<body>
<header>
<h1>${escaped(page.title)}</h1>
${page.summary === undefined ? "" : paragraphs(page.summary)}
</header>
${contents.length > 2 ? `<nav aria-label="Contents"><ul>${contents.join("")}</ul></nav>` : ""}
<main>
${sections.join("\n")}
</main>
</body>
</html>
`
})

const markupOf = (block: Block): Effect.Effect<string> => {
  switch (block._tag) {
    case "prose":
      return Effect.succeed(paragraphs(block.text))
    case "preformatted": {
      const heading = block.heading === undefined ? "" : `<h3>${escaped(block.heading)}</h3>`
      return Effect.succeed(`${heading}<pre tabindex="0">${escaped(block.text)}</pre>`)
    }
    case "table":
      return Effect.succeed(tableMarkup(block))
    case "figures":
      return Effect.map(
        Effect.forEach(block.figures, (figure) =>
          Effect.map(
            draw(figure),
            (svg) => `<figure><figcaption>${escaped(figure.title)}</figcaption>${svg}</figure>`
          )
        ),
        (drawn) => `<div class="figures">${drawn.join("\n")}</div>`
      )
    case "side-by-side":
      return Effect.succeed(
        `<div class="side-by-side">${block.texts
          .map(
            ({ heading, text }) =>
              `<div><h3>${escaped(heading)}</h3><blockquote>${escaped(text)}</blockquote></div>`
          )
          .join("")}</div>`
      )
  }
}

const paragraphs = (text: string): string =>
  allowed(text)
    .split(/\n\s*\n/)
    .filter((paragraph) => paragraph.trim() !== "")
    .map((paragraph) => `<p>${escaped(paragraph.trim())}</p>`)
    .join("\n")

const tableMarkup = ({ caption, columns, rows }: Extract<Block, { readonly _tag: "table" }>): string => {
  const side = (j: number) => (columns[j]?.align === "right" ? ' class="right"' : "")
  const heading = columns.map((column, j) => `<th scope="col"${side(j)}>${escaped(column.heading)}</th>`)
  const body = rows.map(
    (row) =>
      `<tr>${row
        .map((cell, j) =>
          j === 0 ? `<th scope="row"${side(j)}>${escaped(cell)}</th>` : `<td${side(j)}>${escaped(cell)}</td>`
        )
        .join("")}</tr>`
  )
  return (
    `<div class="table" tabindex="0" role="region" aria-label="${escaped(caption)}"><table><caption>${escaped(caption)}</caption>` +
    `<thead><tr>${heading.join("")}</tr></thead><tbody>\n${body.join("\n")}\n</tbody></table></div>`
  )
}
