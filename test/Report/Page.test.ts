import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { parseHTML } from "linkedom"
import { figures, lineChart, preformatted, prose, render, sideBySide, table } from "../../src/Report/index.ts"

const hostile = `<img src=x onerror=alert(1)> </pre></style><script>alert("1")</script> & 'quoted' &lt; \0 \ud800`
const shown = hostile.replace("\0", "\ufffd").replace("\ud800", "\ufffd")

const chart = lineChart({
  title: hostile,
  description: hostile,
  x: { label: "x" },
  y: { label: "y" },
  series: [{ name: "s", points: [{ x: 0, y: 1 }] }]
})

const page = (text: string) =>
  render({
    title: text,
    summary: text,
    sections: [
      { title: text, blocks: [prose(`${text}\n\nsecond`), preformatted(text, text)] },
      {
        title: "numbers",
        blocks: [table(text, [{ heading: text }, { heading: "n", align: "right" }], [[text, "1"]])]
      },
      { title: "pictures", blocks: [figures(chart, chart), sideBySide({ heading: text, text })] }
    ]
  })

describe("render", () => {
  it.effect("shows every text as text, and lets none of it act", () =>
    Effect.gen(function* () {
      const { document } = parseHTML(yield* page(hostile))
      assert.lengthOf(document.querySelectorAll("script, img, iframe, object, link"), 0)
      for (const element of document.querySelectorAll("*"))
        for (const { name } of element.attributes) assert.notMatch(name, /^on/)
      for (const selector of [
        "title",
        "h1",
        "h2",
        "h3",
        "header p",
        "pre",
        "caption",
        "thead th",
        "tbody th",
        "blockquote",
        "figcaption"
      ])
        assert.strictEqual(document.querySelector(selector)?.textContent, shown, selector)
    })
  )

  it.effect("needs nothing from anywhere", () =>
    Effect.gen(function* () {
      const { document } = parseHTML(yield* page("text"))
      const policy = document
        .querySelector("meta[http-equiv=Content-Security-Policy]")
        ?.getAttribute("content")
      assert.include(policy ?? "", "default-src 'none'")
      for (const element of document.querySelectorAll("[src], [href]"))
        assert.match(element.getAttribute("href") ?? "", /^#/)
      for (const style of document.querySelectorAll("style"))
        assert.notMatch(style.textContent ?? "", /@import|url\(|@font-face/)
    })
  )

  it.effect("is built so that it can be read aloud", () =>
    Effect.gen(function* () {
      const { document } = parseHTML(yield* page("text"))
      assert.strictEqual(document.documentElement.getAttribute("lang"), "en")
      assert.lengthOf(document.querySelectorAll("h1"), 1)
      for (const section of document.querySelectorAll("section"))
        assert.isNotNull(document.getElementById(section.getAttribute("aria-labelledby") ?? ""))
      for (const link of document.querySelectorAll("nav a"))
        assert.isNotNull(document.getElementById((link.getAttribute("href") ?? "").slice(1)))
      assert.strictEqual(document.querySelector("thead th")?.getAttribute("scope"), "col")
      assert.strictEqual(document.querySelector("tbody th")?.getAttribute("scope"), "row")
      for (const svg of document.querySelectorAll("svg")) {
        assert.strictEqual(svg.getAttribute("role"), "img")
        assert.isAbove((svg.getAttribute("aria-label") ?? "").length, 0)
      }
      const ids = [...document.querySelectorAll("[id]")].map((element) => element.getAttribute("id"))
      assert.strictEqual(new Set(ids).size, ids.length)
    })
  )

  it.effect("divides prose at blank lines", () =>
    Effect.gen(function* () {
      const { document } = parseHTML(
        yield* render({ title: "t", sections: [{ title: "s", blocks: [prose("a\nb\n\n\nc")] }] })
      )
      assert.deepStrictEqual(
        [...document.querySelectorAll("section p")].map((one) => one.textContent),
        ["a\nb", "c"]
      )
    })
  )
})
