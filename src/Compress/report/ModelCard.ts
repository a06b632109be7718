import { evaluationRows, replacedRows, summaryOf } from "./Report.ts"
import { text as planAsText } from "../Plan.ts"
import { grouped, rowOf, type RunRecord } from "./RunRecord.ts"

/** The licence that a model card's front matter names; "unknown" where there is no card, or it names none. */
export const licenseOf = (card: string | undefined): string => {
  const front = /^---\r?\n(.*?)\r?\n---/s.exec(card ?? "")?.[1] ?? ""
  return /^license:\s*["']?([\w.-]+)["']?\s*$/m.exec(front)?.[1] ?? "unknown"
}

// A JSON string is a YAML string too.
const yaml = (text: string): string => JSON.stringify(text)

/** A text as it stands in a Markdown table or sentence: nothing in it is markup, and it is one line. */
const inline = (text: string): string =>
  text.replaceAll(/\s+/g, " ").replaceAll(/[\\`*_{}[\]<>|#~&]/g, (character) => `\\${character}`)

/** A text between fences that are longer than any in it. */
const fenced = (text: string, language = ""): string => {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length))
  const fence = "`".repeat(longest + 1)
  return `${fence}${language}\n${text}\n${fence}`
}

const markdownTable = (headings: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [
    headings.map(inline),
    headings.map((_, i) => (i === 0 ? ":---" : "---:")),
    ...rows.map((row) => row.map(inline))
  ]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n")

/**
 * README.md of a compressed model's directory, with Hugging Face's front matter: what was made of what and how, the plan, both counts of
 * its numbers, its perplexities beside the controls', and what it is not good for.
 *
 * @example
 *   yield* save(model, out, { codecs, files: { "README.md": modelCard(record) } })
 */
export const modelCard = (run: RunRecord): string => {
  const { source, sideBySide, text } = run
  const { reference, candidate, lastWord } = sideBySide
  const isTied = candidate.storedParameters === candidate.parametersWithoutHead
  const stored = [
    `${grouped(candidate.storedParameters)} numbers, index buffers included; ${grouped(candidate.parametersWithoutHead)} without the output head`,
    isTied
      ? " (the same: the head is tied to the embedding)."
      : " (the head is stored apart from the embedding).",
    ` The original stores ${grouped(reference.storedParameters)}, ${grouped(reference.parametersWithoutHead)} without the head.`,
    ` In a float32 file these are ${grouped(candidate.storedBytes)} bytes, the original's ${grouped(reference.storedBytes)}.`
  ].join("")
  return `${[
    frontMatter(run),
    `# ${inline(source)}, compressed`,
    `${inline(summaryOf(run))} Made by tesserae, whose \`load(directory, codecs)\` reads it. \`report.html\` in this directory shows the whole run.`,
    "## What is stored",
    stored,
    weightTable(run),
    `All other weights are the original's matrices${run.distillation.steps > 0 ? ", trained along in the distillation" : ""}.`,
    "## How good it is",
    `Perplexity by the protocol \`sliding\` in windows of ${text.context}, on ${grouped(text.judgedTokens)} held-out tokens of ${inline(text.name)}. This model is the row ${inline(run.resultRow)}; the rows named svd are truncated SVDs that store at most as many numbers.`,
    comparisonTable(run),
    "Beside the original:",
    markdownTable(["measure", reference.name, candidate.name], evaluationRows(reference, candidate)),
    ...(lastWord === null
      ? []
      : [
          `Last words, passage by passage: ${(100 * lastWord.difference).toFixed(1)} ± ${(100 * lastWord.standardError).toFixed(1)} points.`
        ]),
    `Given ${inline(JSON.stringify(candidate.generation.prompt))}, it goes on:`,
    fenced(candidate.generation.continuation.trim(), "text"),
    "## How it was made",
    fenced(run.command, "sh"),
    making(run),
    "The plan, which `--recipe` takes as a file:",
    fenced(planAsText(run.plan), "json"),
    "## Limits",
    limits(run)
  ].join("\n\n")}\n`
}

const weightTable = ({ weights }: RunRecord): string =>
  markdownTable(["weight", "size", "format", "stored", "share", "relative error"], replacedRows(weights))

const comparisonTable = ({ rows }: RunRecord): string =>
  markdownTable(
    ["model", "stored parameters", "relative error", "perplexity"],
    rows.map((row) => [
      row.name,
      grouped(row.storedParameters),
      row.relativeError.toFixed(4),
      row.perplexity.toFixed(2)
    ])
  )

const limits = ({ text, distillation }: RunRecord): string =>
  [
    `It was judged on ${inline(text.name)} alone: on other text its distance from the original may be larger than the figures here say.`,
    distillation.steps > 0
      ? "What the distillation's text says, and how it says it, has left its mark on all weights."
      : "Nothing was trained after the replacement.",
    "Speed and memory are those of one machine; a format with fewer numbers is not always the faster one.",
    "What the original says that is wrong or offensive, this model may say too."
  ]
    .map((line) => `- ${line}`)
    .join("\n")

const making = ({ plan, distillation: { steps, rows }, text }: RunRecord): string => {
  const stages = plan.stages.map(
    ({ name, weights }) => `${inline(name)} (${Object.keys(weights).map(inline).join(", ")})`
  )
  const order = `Replaced in ${plan.stages.length === 1 ? "one stage" : `${plan.stages.length} stages`}: ${stages.join("; ")}.`
  return steps === 0
    ? `${order} Not distilled.`
    : `${order} Distilled from the original for ${grouped(steps)} updates in all, shared out among the stages, ${rows} windows of ` +
        `${text.context} tokens in each, from ${grouped(text.trainingTokens)} tokens of ${inline(text.name)}.`
}

const frontMatter = (run: RunRecord): string => {
  const result = rowOf(run, run.resultRow)
  const { lastWord } = run.sideBySide.candidate
  const formats = [...new Set(run.weights.map(({ format }) => format))].filter((format) => format !== "dense")
  const metrics = [
    ...(result === undefined ? [] : [["perplexity", result.perplexity] as const]),
    ...(lastWord === null ? [] : [["accuracy", lastWord.accuracy] as const])
  ]
  return `---
license: ${yaml(run.license)}
base_model: ${yaml(run.source)}
pipeline_tag: text-generation
tags:
${["gpt2", "compressed", "tesserae", ...formats].map((tag) => `- ${yaml(tag)}`).join("\n")}
metrics:
${metrics.map(([name]) => `- ${name}`).join("\n")}
model-index:
- name: ${yaml(run.sideBySide.candidate.name)}
  results:
  - task:
      type: text-generation
    dataset:
      name: ${yaml(`${run.text.name}, held out`)}
      type: text
    metrics:
${metrics.map(([name, value]) => `    - type: ${name}\n      value: ${Number(value.toFixed(4))}`).join("\n")}
---`
}
