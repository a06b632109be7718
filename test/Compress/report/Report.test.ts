import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { parseHTML } from "linkedom"
import { compressionReport } from "../../../src/Compress/report/Report.ts"
import { RunRecord } from "../../../src/Compress/report/RunRecord.ts"
import { hostile, runExample } from "./RunExample.ts"

const parsed = Effect.map(compressionReport(runExample), (html) => parseHTML(html).document)

const tables = Effect.map(parsed, (document) =>
  [...document.querySelectorAll("table")].map((table) =>
    [...table.querySelectorAll("tbody tr")].map((row) =>
      [...row.querySelectorAll("th, td")].map((cell) => cell.textContent ?? "")
    )
  )
)

const numbers = (cells: ReadonlyArray<string>) => cells.map((cell) => Number(cell.replaceAll(/[,%]/g, "")))

describe("compressionReport", () => {
  it.effect("has the numbers of the run, row by row", () =>
    Effect.gen(function* () {
      const [rows, weights, measures] = yield* tables
      assert.deepStrictEqual(
        rows.map(([name, ...cells]) => [name, ...numbers(cells)]),
        runExample.rows.map((row) => [
          row.name,
          row.storedParameters,
          row.storedBytes,
          row.relativeError,
          row.perplexity,
          row.tokensPerSecond
        ])
      )
      assert.deepStrictEqual(
        weights.map(([name, , format, stored, , error]) => [name, format, ...numbers([stored, error])]),
        runExample.weights
          .filter(({ format }) => format !== "dense")
          .map((weight) => [weight.name, weight.description, weight.storedParameters, weight.relativeError])
      )
      const { reference, candidate } = runExample.sideBySide
      const values = new Map(measures.map(([name, ...cells]) => [name, numbers(cells)]))
      assert.deepStrictEqual(values.get("stored parameters"), [
        reference.storedParameters,
        candidate.storedParameters
      ])
      assert.deepStrictEqual(values.get("bits a byte, sliding, 64"), [1.125, 3.125])
      assert.deepStrictEqual(values.get("perplexity, sliding, 64"), [31.25, 33.25])
    })
  )

  it.effect(
    "draws a point a row, a box a weight, a cell an error, a spectrum a replaced weight, a curve a stage",
    () =>
      Effect.gen(function* () {
        const document = yield* parsed
        const figure = (title: RegExp) => {
          const found = [...document.querySelectorAll("figure")].filter((one) =>
            title.test(one.querySelector("figcaption")?.textContent ?? "")
          )
          assert.isAbove(found.length, 0, String(title))
          return found
        }
        const texts = (element: ReturnType<typeof figure>[number]) =>
          [...element.querySelectorAll("text")].map((one) => one.textContent)
        const [perplexities] = figure(/^Perplexity against/)
        assert.includeMembers(
          texts(perplexities),
          runExample.rows.map((row) => row.name)
        )
        const [network] = figure(/^The network/)
        assert.lengthOf(network.querySelectorAll("rect[rx]"), runExample.weights.length)
        assert.includeMembers(texts(network), [
          "wte (embedding): 65 %",
          "rank 3",
          "1 c_fc: 34 %",
          "as it was"
        ])
        const [errors] = figure(/^Relative error/)
        assert.includeMembers(texts(errors), ["0.432", "0.234", "layer 1", "mlp.c_fc"])
        assert.notInclude(texts(errors), "layer 0")
        assert.lengthOf(figure(/low rank|Kronecker/), 2)
        const [curve] = figure(/^Distillation of/)
        assert.lengthOf(curve.querySelectorAll("[aria-label=line] path"), 2)
        assert.include(curve.querySelector("desc")?.textContent ?? "", "5.0000")
      })
  )

  it.effect("lets no text of the run act", () =>
    Effect.gen(function* () {
      const document = yield* parsed
      assert.lengthOf(document.querySelectorAll("script"), 0)
      assert.strictEqual(document.querySelector("title")?.textContent, `${hostile}, compressed`)
      assert.include(document.querySelector("blockquote")?.textContent ?? "", hostile)
    })
  )

  it.effect("can be made again from the stored record", () =>
    Effect.gen(function* () {
      const text = JSON.stringify(yield* Schema.encodeEffect(RunRecord)(runExample))
      const read = yield* Schema.decodeUnknownEffect(Schema.fromJsonString(RunRecord))(text)
      assert.strictEqual(yield* compressionReport(read), yield* compressionReport(runExample))
    })
  )
})
