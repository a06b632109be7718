import { assert, describe, it } from "@effect/vitest"
import { licenseOf, modelCard } from "../../../src/Compress/report/ModelCard.ts"
import { Plan } from "../../../src/Compress/index.ts"
import { hostile, runExample } from "./RunExample.ts"

const card = modelCard(runExample)
const [, front, body] = /^---\n(.*?)\n---\n(.*)$/s.exec(card) ?? ["", "", ""]

describe("modelCard", () => {
  it("begins with front matter that says licence, origin and figures", () => {
    const lines = front.split("\n")
    assert.includeMembers(lines, [
      'license: "apache-2.0"',
      `base_model: ${JSON.stringify(hostile)}`,
      '- "kronecker"',
      '- "low-rank"',
      "- perplexity",
      "      value: 40.75"
    ])
    // A name with line breaks stays one line.
    for (const line of lines) assert.match(line, /^( *- |[\w-]+:| +\w+:)/)
  })

  it("has both counts, every row and the exact command", () => {
    for (const text of ["1,000,002", "900,002", "| 700,002 | 0.2718 | 40.75 |", "| 80.50 |", "-12.5 ± 6.3"])
      assert.include(body, text)
    assert.include(body, `\`\`\`sh\n${runExample.command}\n\`\`\``)
    assert.include(body, Plan.text(runExample.plan))
  })

  it("keeps hostile texts out of its own markup", () => {
    const outside = body.replaceAll(/^(`{3,})\w*\n.*?\n\1$/gms, "")
    assert.notInclude(outside, "<script>")
    for (const row of outside.split("\n").filter((line) => line.startsWith("|")))
      assert.include([3, 4, 6], row.match(/(?<!\\)\|/g)!.length - 1)
    // The generated text has fences of its own, and stays inside longer ones.
    assert.include(body, "````text\n```\nfence\n```\n````")
    const headings = outside.split("\n").filter((line) => line.startsWith("#"))
    assert.lengthOf(headings, 5)
  })

  it("says so where nothing was distilled", () => {
    const plain = modelCard({ ...runExample, distillation: { steps: 0, rows: 8 }, curves: [] })
    assert.include(plain, "Not distilled.")
    assert.notInclude(plain, "trained along")
  })
})

describe("licenseOf", () => {
  it("reads the front matter alone", () => {
    assert.strictEqual(licenseOf("---\nlanguage: en\nlicense: mit\n---\ntext"), "mit")
    assert.strictEqual(licenseOf('---\nlicense: "apache-2.0"\n---\n'), "apache-2.0")
    assert.strictEqual(licenseOf("license: mit"), "unknown")
    assert.strictEqual(licenseOf("---\nlanguage: en\n---\nlicense: mit"), "unknown")
    assert.strictEqual(licenseOf(undefined), "unknown")
  })
})
