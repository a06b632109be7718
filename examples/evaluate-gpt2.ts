/**
 * Evaluates a GPT-2, compressed or not: sizes, perplexity and bits a byte, last-word accuracy, a text that it writes, speed; and
 * side by side with another one.
 *
 *   pnpm tsx examples/evaluate-gpt2.ts
 *   pnpm tsx examples/evaluate-gpt2.ts --model out/compressed-gpt2 --against models/state-of-the-union
 */
import { Console, Effect, Layer, Option, Path } from "effect"
import { Command, Flag } from "effect/cli"
import { codecs } from "../src/Compress/index.ts"
import { type EvaluationOptions, evaluateModel, type ModelEvaluation } from "../src/Model/Evaluation.ts"
import { evaluationWindows, load, PerplexityProtocol, TextSet, Tokenizer } from "../src/Model/index.ts"
import { lastWordPassages } from "../src/Model/LastWord.ts"
import { besideReference, type SideBySide } from "../src/Model/SideBySide.ts"
import { key } from "../src/Random/index.ts"
import { Backend } from "../src/Tensor/index.ts"
import { backendLayer } from "./console/Backends.ts"
import { main } from "./console/Main.ts"
import { Progress, progressLayer } from "./console/Progress.ts"
import { backendFlag, jsonFlag, seedFlag, textFlag } from "./console/SharedFlags.ts"
import { type Column, table } from "./console/Table.ts"
import { shippedModel } from "./corpus/ShippedModel.ts"
import { splitText } from "./corpus/TextFiles.ts"

const flags = {
  model: Flag.String("model").pipe(
    Flag.withDefault(shippedModel),
    Flag.withDescription(
      "a model directory, compressed or not; default: the one that comes with the repository"
    )
  ),
  against: Flag.String("against").pipe(
    Flag.optional,
    Flag.withDescription("the directory of a model to compare it with: the one that it was made from")
  ),
  text: textFlag("judge by (the last tenth of each, as compress-gpt2 holds out)"),
  protocol: Flag.Literals("protocol", PerplexityProtocol.literals).pipe(
    Flag.optional,
    Flag.withDescription("how perplexity is measured; default: both ways")
  ),
  evaluationTokens: Flag.Int("evaluation-tokens").pipe(
    Flag.withDefault(40_000),
    Flag.withDescription("held-out tokens to measure perplexity on, spread evenly over the held-out text")
  ),
  context: Flag.Int("context").pipe(
    Flag.optional,
    Flag.withDescription("tokens in a window; default: the model's positions, at most 256")
  ),
  passages: Flag.Int("passages").pipe(
    Flag.withDefault(500),
    Flag.withDescription("held-out passages whose last word is guessed; 0: none")
  ),
  words: Flag.Int("words").pipe(
    Flag.withDefault(50),
    Flag.withDescription("words of a passage, at least; it goes on to the end of its sentence")
  ),
  prompt: Flag.String("prompt").pipe(
    Flag.withDefault("The state of the Union is"),
    Flag.withDescription("what the models are to continue")
  ),
  tokens: Flag.Int("tokens").pipe(Flag.withDefault(60), Flag.withDescription("tokens to continue it by")),
  backend: backendFlag,
  seed: seedFlag,
  json: jsonFlag("instead of the tables")
}

type Options = Command.Command.Config.Infer<typeof flags>

const evaluateGpt2 = Effect.fnUntraced(function* (options: Options) {
  const progress = yield* Progress
  const { basename, resolve } = yield* Path.Path
  const { name: backend, description } = yield* Backend
  yield* progress.line(`Backend: ${description}`)
  const text = yield* splitText(options.text)
  const passages = lastWordPassages(text.heldOut, { words: options.words, count: options.passages })

  const evaluate = Effect.fnUntraced(function* (directory: string) {
    const model = yield* load(directory, codecs)
    const tokenizer = yield* Tokenizer.read(directory)
    const { tokens } = yield* TextSet.make(text.heldOut, tokenizer)
    const judged = TextSet.excerpt(tokens, options.evaluationTokens)
    const context = Option.getOrElse(options.context, () => Math.min(256, model.config.n_positions))
    const protocols = Option.match(options.protocol, {
      onNone: () => PerplexityProtocol.literals,
      onSome: (protocol) => [protocol]
    })
    yield* progress.line(
      `${directory}: ${judged.length} of ${tokens.length} held-out tokens of ${text.name}, ${passages.length} passages`
    )
    const settings: EvaluationOptions = {
      name: basename(resolve(directory)),
      windows: yield* Effect.forEach(protocols, (protocol) => evaluationWindows(judged, context, protocol)),
      passages,
      generation: { prompt: options.prompt, maximumTokens: options.tokens, key: key(options.seed) }
    }
    return yield* evaluateModel(model, tokenizer, settings)
  }, Effect.scoped)

  if (Option.isNone(options.against)) {
    const record = yield* evaluate(options.model)
    return yield* Console.log(options.json ? JSON.stringify({ ...record, backend }) : describe([record]))
  }
  const reference = yield* evaluate(options.against.value)
  const beside = yield* besideReference(reference, yield* evaluate(options.model))
  yield* Console.log(
    options.json
      ? JSON.stringify({ ...beside, backend })
      : `${describe([beside.reference, beside.candidate])}\n\n${verdict(beside)}`
  )
})

const percent = (share: number, digits = 1): string => `${(100 * share).toFixed(digits)} %`

const describe = (records: ReadonlyArray<ModelEvaluation>): string => {
  const line = (measure: string, of: (record: ModelEvaluation) => string) => ({
    measure,
    values: records.map(of)
  })
  const rows = [
    line("stored parameters", (record) => record.storedParameters.toLocaleString("en")),
    line("  without an untied head", (record) => record.parametersWithoutHead.toLocaleString("en")),
    line("stored bytes, float32", (record) => record.storedBytes.toLocaleString("en")),
    line("bytes in memory", (record) => record.memoryBytes.toLocaleString("en")),
    ...records[0].perplexities.flatMap(({ protocol, context }, i) => [
      line(`perplexity, ${protocol} ${context}`, (record) => record.perplexities[i].perplexity.toFixed(2)),
      line("  bits a byte", (record) => record.perplexities[i].bitsPerByte.toFixed(4))
    ]),
    ...(records[0].lastWord === null
      ? []
      : [
          line(`last word of ${records[0].lastWord.passages} passages`, ({ lastWord }) =>
            lastWord === null
              ? ""
              : `${percent(lastWord.accuracy)} ± ${(100 * lastWord.standardError).toFixed(1)}`
          )
        ]),
    line("tokens/s reading", (record) => record.speed.reading.toFixed(0)),
    line("tokens/s generating", (record) => record.speed.generating.toFixed(0))
  ]
  const columns: ReadonlyArray<Column<(typeof rows)[number]>> = [
    { heading: "", cell: (row) => row.measure, align: "left" },
    ...records.map(({ name }, i) => ({ heading: name, cell: (row: (typeof rows)[number]) => row.values[i] }))
  ]
  const texts = records.map(
    ({ name, generation }) => `${name}:\n  ${generation.prompt}|${generation.continuation}`
  )
  return ["", table(rows, columns), "", ...texts].join("\n")
}

const verdict = ({ candidate, reference, ratios, lastWord }: SideBySide): string =>
  [
    `${candidate.name} stores ${percent(ratios.storedParameters)} of ${reference.name}'s numbers`,
    ...ratios.perplexities.map(({ protocol, ratio }) => `perplexity (${protocol}) x ${ratio.toFixed(3)}`),
    `reading x ${ratios.reading.toFixed(2)}, generating x ${ratios.generating.toFixed(2)}`,
    ...(lastWord === null
      ? []
      : [
          `last words ${lastWord.difference < 0 ? "" : "+"}${(100 * lastWord.difference).toFixed(1)} points ` +
            `± ${(100 * lastWord.standardError).toFixed(1)}`
        ])
  ].join("; ")

const command = Command.make(
  "evaluate-gpt2",
  flags,
  Effect.fn("evaluate-gpt2")(function* (options) {
    yield* evaluateGpt2(options).pipe(
      Effect.provide(Layer.mergeAll(backendLayer(options.backend, options.json), progressLayer(options.json)))
    )
  }, Effect.scoped)
)

main(command)
