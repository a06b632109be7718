import type { Effect } from "effect"
import type { ModelEvaluation } from "../../Model/Evaluation.ts"
import {
  type Block,
  figures,
  preformatted,
  prose,
  render,
  type Section,
  sideBySide,
  table
} from "../../Report/index.ts"
import { networkPicture } from "./NetworkPicture.ts"
import { curveFigure, errorFigure, perplexityFigure, spectrumFigure } from "./RunFigures.ts"
import { text as planAsText } from "../Plan.ts"
import { grouped, percent, rowOf, type RunRecord } from "./RunRecord.ts"
import { shareKept } from "./WeightFacts.ts"

/**
 * A compression as one HTML page that needs nothing but a browser: the rows of the comparison, the plan as a picture of the network, the
 * error and the spectrum of each weight, the distillations, and what the original and the result write.
 *
 * @example
 *   yield* fileSystem.writeFileString("report.html", yield* compressionReport(record))
 */
export const compressionReport = (run: RunRecord): Effect.Effect<string> =>
  render({
    title: `${run.source}, compressed`,
    summary: summaryOf(run),
    sections: [
      comparison(run),
      network(run),
      errors(run),
      ...(run.curves.length === 0 ? [] : [distillation(run)]),
      evaluation(run),
      making(run)
    ]
  })

/** The outcome in a sentence. */
export const summaryOf = (run: RunRecord): string => {
  const [original, result] = [rowOf(run, run.originalRow), rowOf(run, run.resultRow)]
  if (original === undefined || result === undefined) return ""
  return (
    `From ${grouped(original.storedParameters)} stored numbers to ${grouped(result.storedParameters)} ` +
    `(${percent(result.storedParameters / original.storedParameters)}); perplexity on held-out text from ` +
    `${original.perplexity.toFixed(2)} to ${result.perplexity.toFixed(2)}.`
  )
}

const comparison = (run: RunRecord): Section => ({
  title: "The comparison",
  blocks: [
    prose(
      `Perplexity by the protocol "sliding" in windows of ${run.text.context} on ${grouped(run.text.judgedTokens)} held-out ` +
        `tokens of ${run.text.name}. The rows named svd are the control: a truncated SVD of every planned weight with at most as ` +
        `many numbers. The model that was written is ${run.resultRow}.`
    ),
    table(
      "Each part of the method, one row",
      [
        { heading: "model" },
        { heading: "stored parameters", align: "right" },
        { heading: "stored bytes", align: "right" },
        { heading: "relative error", align: "right" },
        { heading: "perplexity", align: "right" },
        { heading: "tokens/s", align: "right" }
      ],
      run.rows.map((row) => [
        row.name,
        grouped(row.storedParameters),
        grouped(row.storedBytes),
        row.relativeError.toFixed(4),
        row.perplexity.toFixed(2),
        row.tokensPerSecond.toFixed(0)
      ])
    ),
    figures(perplexityFigure(run))
  ]
})

/** Each weight that was replaced: its name, size, format, stored numbers, share of the original's, relative error. */
export const replacedRows = (weights: RunRecord["weights"]): ReadonlyArray<ReadonlyArray<string>> =>
  weights
    .filter(({ format }) => format !== "dense")
    .map((weight) => [
      weight.name,
      `${weight.inputs} × ${weight.outputs}`,
      weight.description,
      grouped(weight.storedParameters),
      percent(shareKept(weight)),
      weight.relativeError.toFixed(4)
    ])

const network = ({ weights, plan }: RunRecord): Section => ({
  title: "The plan",
  blocks: [
    prose(
      plan.stages.length === 1
        ? "All weights were replaced at once."
        : `In ${plan.stages.length} stages, each distilled before the next: ${plan.stages.map(({ name }) => name).join("; ")}.`
    ),
    figures(networkPicture(weights)),
    table(
      "The weights that are stored in another format",
      [
        { heading: "weight" },
        { heading: "size" },
        { heading: "format" },
        { heading: "stored", align: "right" },
        { heading: "share", align: "right" },
        { heading: "relative error", align: "right" }
      ],
      replacedRows(weights)
    )
  ]
})

const errors = ({ weights }: RunRecord): Section => {
  const replaced = weights.filter(({ spectrum }) => spectrum.length > 0)
  return {
    title: "Error and spectrum of each weight",
    blocks: [
      prose(
        "Of the model that was written, after its distillation: a weight may have moved away from the original's matrix and yet " +
          "serve the network better. Singular values that a format cannot have are not drawn."
      ),
      figures(errorFigure(weights)),
      figures(...replaced.map(spectrumFigure))
    ]
  }
}

const distillation = ({ curves, distillation: { steps, rows }, text }: RunRecord): Section => ({
  title: "Distillation",
  blocks: [
    prose(
      `${grouped(steps)} updates of ${rows} windows of ${text.context} tokens, from ${grouped(text.trainingTokens)} tokens of ` +
        `${text.name}. Each stage sets out from what its own replacements have left.`
    ),
    figures(...curves.map(curveFigure))
  ]
})

const evaluation = ({ sideBySide: { reference, candidate, lastWord } }: RunRecord): Section => {
  const difference: ReadonlyArray<Block> =
    lastWord === null
      ? []
      : [
          prose(
            `The result guesses ${lastWord.candidateOnly} last words that the original does not, the original ` +
              `${lastWord.referenceOnly} that the result does not: a difference of ${points(lastWord.difference)} ± ` +
              `${points(lastWord.standardError)} points.`
          )
        ]
  return {
    title: "The original beside the result",
    blocks: [
      table(
        "What was measured of both",
        [
          { heading: "measure" },
          { heading: reference.name, align: "right" },
          { heading: candidate.name, align: "right" }
        ],
        evaluationRows(reference, candidate)
      ),
      ...difference,
      prose(`Both were given "${reference.generation.prompt}" and the same random key:`),
      sideBySide(
        ...[reference, candidate].map((record) => ({
          heading: record.name,
          text: record.generation.prompt + record.generation.continuation
        }))
      )
    ]
  }
}

const points = (share: number): string => (100 * share).toFixed(1)

/** One line a measure: its name, the reference's and the candidate's value. */
export const evaluationRows = (
  reference: ModelEvaluation,
  candidate: ModelEvaluation
): ReadonlyArray<ReadonlyArray<string>> => {
  const line = (name: string, of: (record: ModelEvaluation) => string) => [name, of(reference), of(candidate)]
  return [
    line("stored parameters", (record) => grouped(record.storedParameters)),
    line("without an untied head", (record) => grouped(record.parametersWithoutHead)),
    line("bytes in a float32 file", (record) => grouped(record.storedBytes)),
    line("bytes in memory", (record) => grouped(record.memoryBytes)),
    ...reference.perplexities.flatMap(({ protocol, context }, i) => [
      line(`perplexity, ${protocol}, ${context}`, (record) => record.perplexities[i].perplexity.toFixed(2)),
      line(`bits a byte, ${protocol}, ${context}`, (record) => record.perplexities[i].bitsPerByte.toFixed(4))
    ]),
    ...(reference.lastWord === null
      ? []
      : [
          line(`last word of ${reference.lastWord.passages} passages, %`, ({ lastWord }) =>
            lastWord === null ? "" : `${points(lastWord.accuracy)} ± ${points(lastWord.standardError)}`
          )
        ]),
    line("tokens a second, reading", (record) => grouped(Math.round(record.speed.reading))),
    line("tokens a second, generating", (record) => grouped(Math.round(record.speed.generating)))
  ]
}

const making = ({ command, plan }: RunRecord): Section => ({
  title: "How it was made",
  blocks: [preformatted(command), preformatted(planAsText(plan), "The plan as a file")]
})
