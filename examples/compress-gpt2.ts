/**
 * Compresses a GPT-2 by Kronecker sums with permutations, distils it from the original, and says what each part is worth.
 *
 *   pnpm tsx examples/compress-gpt2.ts
 *   pnpm tsx examples/compress-gpt2.ts --model DIR --text FILE --out DIR
 */
import { Console, Effect, FileSystem, Layer, Option, Path } from "effect"
import { Command, Flag } from "effect/cli"
import {
  type BudgetPlan,
  type Calibration,
  codecs,
  Compress,
  compressionReport,
  licenseOf,
  modelCard,
  parseBudget,
  Plan,
  planCounts,
  PlanError,
  recordRun,
  tq81
} from "../src/Compress/index.ts"
import { Distill } from "../src/Distill/index.ts"
import { Kronecker } from "../src/Kronecker/index.ts"
import {
  evaluationWindows,
  type Gpt2,
  lastWordPassages,
  load,
  ModelConfig,
  ModelDirectory,
  save,
  saveDense,
  storedParameters,
  TextSet,
  Tokenizer,
  weightSizes,
  writeAtomically
} from "../src/Model/index.ts"
import * as Onnx from "../src/Onnx/index.ts"
import { key } from "../src/Random/index.ts"
import { Backend } from "../src/Tensor/index.ts"
import { backendLayer } from "./console/Backends.ts"
import { commandLine } from "./console/CommandLine.ts"
import { columns, describe } from "./console/ComparisonTable.ts"
import { budgetPlanText, countLines, givenPlanText } from "./console/PlanTable.ts"
import { main } from "./console/Main.ts"
import { Progress, progressLayer } from "./console/Progress.ts"
import { atLeast, backendFlag, jsonFlag, outFlag, seedFlag, textFlag } from "./console/SharedFlags.ts"
import { table } from "./console/Table.ts"
import { shippedModel } from "./corpus/ShippedModel.ts"
import { splitText } from "./corpus/TextFiles.ts"

const flags = {
  model: Flag.String("model").pipe(
    Flag.withDefault(shippedModel),
    Flag.withDescription("a Hugging Face GPT-2 directory; default: the one that comes with the repository")
  ),
  text: textFlag("calibrate, distil and evaluate with (the last tenth of each is held out)"),
  recipe: Flag.String("recipe").pipe(
    Flag.withDefault("tq81"),
    Flag.withDescription("tq81 (the stages of TQCompressedGPT-2, scaled to the model), or a JSON plan")
  ),
  budget: Flag.String("budget").pipe(
    Flag.optional,
    Flag.withDescription(
      "numbers that the result may store, as a share (0.65) or a count (81M), instead of a recipe: for each weight the format and size are chosen that cost least"
    )
  ),
  rehearsals: Flag.Int("rehearsals").pipe(
    atLeast(1),
    Flag.optional,
    Flag.withDescription(
      "plans that are rehearsed in each of two searches before the best is taken; default 6, or 3 for large models, which are searched once; 1 is quick"
    )
  ),
  dryRun: Flag.Boolean("dry-run").pipe(
    Flag.withDefault(false),
    Flag.withDescription("only print the plan, with its sizes and what it is foretold to cost")
  ),
  permute: Flag.Literals("permute", Plan.Permute.literals).pipe(Flag.withDefault("rows-and-columns")),
  swaps: Flag.Int("swaps").pipe(
    Flag.optional,
    Flag.withDescription(
      "swaps tried for each matrix when permutations are sought; default: until they settle"
    )
  ),
  calibrationTokens: Flag.Int("calibration-tokens").pipe(
    Flag.optional,
    Flag.withDescription(
      "tokens of the text by which the fits are weighted: what the network feels counts, not the numbers; 0: none; default: 0 with a recipe, 20000 with a budget"
    )
  ),
  distillSteps: Flag.Int("distill-steps").pipe(
    Flag.withDefault(100),
    Flag.withDescription("updates, shared out among the stages; 0: none")
  ),
  learningRate: Flag.Finite("learning-rate").pipe(
    Flag.optional,
    Flag.withDescription(
      "the peak of each stage's schedule; default: 0.003 with a recipe, 0.001 with a budget, whose fits are nearer"
    )
  ),
  loss: Flag.Literals("loss", ["both", "divergence", "cross-entropy"]).pipe(
    Flag.withDefault("both"),
    Flag.withDescription(
      "what is distilled by: the original's predictions (divergence), the text alone (cross-entropy), or half of each"
    )
  ),
  evaluationTokens: Flag.Int("evaluation-tokens").pipe(
    Flag.withDefault(40_000),
    Flag.withDescription("held-out tokens by which a model is judged, spread evenly over the held-out text")
  ),
  context: Flag.Int("context").pipe(
    Flag.optional,
    Flag.withDescription("tokens in a window; default: the model's positions, at most 256")
  ),
  backend: backendFlag,
  seed: seedFlag,
  out: outFlag("out/compressed-gpt2", "the model, its card, report.html and results.json"),
  dense: Flag.String("dense").pipe(
    Flag.optional,
    Flag.withDescription("also write the result folded back into an ordinary GPT-2 directory")
  ),
  onnx: Flag.String("onnx").pipe(
    Flag.optional,
    Flag.withDescription("also write the result as an ONNX file, its factors kept")
  ),
  resume: Flag.Boolean("resume").pipe(
    Flag.withDefault(false),
    Flag.withDescription("go on from where an interrupted run of the same settings stopped")
  ),
  json: jsonFlag("at the end")
}

const tokenizerFiles = ["tokenizer.json", "vocab.json", "merges.txt"]
const written = [...tokenizerFiles, "README.md", "report.html", "results.json"]

type Options = Command.Command.Config.Infer<typeof flags>

/** Windows in one update of the distillation. */
const rows = 8

const losses = {
  both: { crossEntropy: 0.5, divergence: 0.5, temperature: 2 },
  divergence: { crossEntropy: 0, divergence: 1, temperature: 1 },
  "cross-entropy": { crossEntropy: 1 }
} as const

const compressGpt2 = Effect.fnUntraced(function* (options: Options) {
  const started = performance.now()
  const progress = yield* Progress
  const compress = yield* Compress
  const fileSystem = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const { name: backendName, description } = yield* Backend
  yield* progress.line(`Backend: ${description}`)

  // Before all work, not after it.
  if (!options.dryRun)
    for (const directory of [options.out, ...Option.toArray(options.dense)])
      yield* ModelDirectory.requireSaveable(directory, written)
  const original = yield* load(options.model, codecs)
  const tokenizer = yield* Tokenizer.read(options.model)
  const text = yield* splitText(options.text)
  const training = yield* TextSet.make(text.training, tokenizer)
  const heldOut = yield* TextSet.make(text.heldOut, tokenizer)
  const context = Option.getOrElse(options.context, () => Math.min(256, original.config.n_positions))
  const judged = TextSet.excerpt(heldOut.tokens, options.evaluationTokens)
  yield* progress.line(
    `${options.model}: ${original.config.n_layer} layers of ${original.config.n_embd}, ${tokenizer.vocabularySize} tokens. ` +
      `Text: ${text.name}; ${training.tokens.length} tokens to distil with, ${judged.length} of ${heldOut.tokens.length} held out to judge by`
  )

  const directory = `${options.out}-progress`
  const planFile = `${options.out}-plan.json`
  const calibrationTokens = Option.getOrElse(options.calibrationTokens, () =>
    Option.isSome(options.budget) ? 20_000 : 0
  )
  const calibration =
    calibrationTokens > 0 ? { tokens: TextSet.excerpt(training.tokens, calibrationTokens) } : undefined
  const { plan, foretold } = yield* planned(options, original, calibration, planFile)
  const counts = planCounts(plan, original.config)
  if (options.dryRun) {
    yield* Plan.validate(plan, weightSizes(original.config))
    const text = foretold === undefined ? givenPlanText(plan) : budgetPlanText(foretold)
    return yield* Console.log(
      options.json
        ? JSON.stringify({
            plan,
            counts,
            choices: foretold?.choices,
            predictedDivergence: foretold?.predictedDivergence
          })
        : `\n${text}\n\n${countLines(counts)}`
    )
  }
  const distillation = {
    steps: options.distillSteps,
    rows,
    learningRate: Option.getOrElse(options.learningRate, () => (Option.isSome(options.budget) ? 1e-3 : 3e-3)),
    loss: losses[options.loss]
  }
  const { resume, json: _json, dryRun: _dryRun, out, dense, onnx, ...deciding } = options
  const evaluation = yield* evaluationWindows(judged, context)
  const comparison = yield* compress.compare(
    {
      original,
      plan,
      fit: {
        key: key(options.seed),
        swaps: Option.getOrUndefined(options.swaps),
        calibration
      },
      kind: Option.isSome(options.budget) ? "mixed" : "kronecker",
      distillation,
      windows: yield* TextSet.trainingWindows(training.tokens, context),
      evaluation,
      directory,
      identity: JSON.stringify({ ...deciding, plan, distillation, context }),
      resume
    },
    (event) =>
      event._tag === "measured"
        ? progress.line(`${event.row.name}: perplexity ${event.row.perplexity.toFixed(2)}`)
        : event._tag === "started"
          ? progress.show(event.row)
          : progress.show(...describe(event.row, event.event))
  )

  const copies = yield* Effect.filter(
    tokenizerFiles.map((name) => join(options.model, name)),
    (path) => fileSystem.exists(path)
  )
  yield* progress.show("judging the original and the result")
  const { rows: lines, model } = comparison
  const record = yield* recordRun({
    ...(yield* originOf(options.model)),
    command: commandLine(),
    text: {
      name: text.name,
      trainingTokens: training.tokens.length,
      judgedTokens: judged.length,
      context
    },
    distillation: { steps: options.distillSteps, rows },
    plan,
    comparison,
    tokenizer,
    questions: {
      windows: [evaluation, yield* evaluationWindows(judged, context, "windows")],
      // As many tokens again as for the perplexity, about.
      passages: lastWordPassages(text.heldOut, { count: Math.min(200, Math.ceil(judged.length / 100)) }),
      generation: { prompt: promptOf(text.heldOut), maximumTokens: 60, key: key(options.seed) }
    }
  })
  const files = {
    "README.md": modelCard(record),
    "report.html": yield* compressionReport(record),
    "results.json": JSON.stringify(record, null, 2)
  }
  yield* save(model, out, { codecs, copies, files })
  if (Option.isSome(dense)) yield* saveDense(model, dense.value, { copies })
  if (Option.isSome(onnx)) yield* Onnx.save(model, onnx.value)
  yield* fileSystem.remove(directory, { recursive: true, force: true })

  const also = [
    ...Option.match(dense, { onNone: () => [], onSome: (path) => [`folded back to ${path}`] }),
    ...Option.match(onnx, { onNone: () => [], onSome: (path) => [`as ONNX to ${path}`] })
  ]
  const seconds = (performance.now() - started) / 1000
  yield* Console.log(
    options.json
      ? JSON.stringify({ rows: lines, backend: backendName, seconds, out })
      : [
          "",
          table(lines, columns),
          "",
          `Written to ${[out, ...also].join(", ")} in ${seconds.toFixed(0)} s.`
        ].join("\n")
  )
})

/**
 * The recipe, or a plan for the budget, which is written to a file: it can be read, edited and given as a recipe, and an interrupted run goes
 * on with it.
 */
const planned = Effect.fnUntraced(function* (
  options: Options,
  original: Gpt2,
  calibration: Calibration | undefined,
  planFile: string
) {
  const fileSystem = yield* FileSystem.FileSystem
  const progress = yield* Progress
  const read = (path: string) =>
    Effect.flatMap(fileSystem.readFileString(path), Plan.parse).pipe(
      Effect.catchTag(
        "PlanError",
        ({ weight, reason }) => new PlanError({ weight, reason: `${path}: ${reason}` })
      )
    )
  const foretold: BudgetPlan | undefined = undefined
  if (Option.isNone(options.budget)) {
    const { config } = original
    const size = {
      vocabulary: config.vocab_size,
      width: config.n_embd,
      hidden: ModelConfig.innerWidth(config),
      layers: config.n_layer
    }
    const plan = options.recipe === "tq81" ? tq81(size, options.permute) : yield* read(options.recipe)
    return { plan, foretold }
  }
  if (options.resume && (yield* fileSystem.exists(planFile))) return { plan: yield* read(planFile), foretold }
  if (calibration === undefined)
    return yield* new PlanError({
      weight: "",
      reason: "a budget needs text to weigh the formats by: give --calibration-tokens 20000 or so"
    })
  const budget = yield* parseBudget(options.budget.value, storedParameters(original))
  const found = yield* (yield* Compress).plan(
    original,
    {
      budget,
      calibration,
      key: key(options.seed),
      rehearsals: Option.getOrUndefined(options.rehearsals)
    },
    ({ step, name, share }) => progress.show(`plan: ${name}, ${step}`, share)
  )
  const { dirname } = yield* Path.Path
  yield* fileSystem.makeDirectory(dirname(planFile), { recursive: true })
  yield* writeAtomically(planFile, (append) => append(new TextEncoder().encode(Plan.text(found.plan))))
  yield* progress.line(
    `plan: ${planFile}, predicted divergence ${found.predictedDivergence.toFixed(4)} nats a token`
  )
  return { plan: found.plan, foretold: found }
})

/** The first words of a held-out text, for both models to go on from. */
const promptOf = (texts: ReadonlyArray<string>): string =>
  texts[0].split(/\s+/u).slice(0, 12).join(" ").trim()

/** The licence in the original's model card, and its name. */
const originOf = Effect.fnUntraced(function* (directory: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const { basename, join, resolve } = yield* Path.Path
  const card = yield* Effect.option(fileSystem.readFileString(join(directory, "README.md")))
  return { source: basename(resolve(directory)), license: licenseOf(Option.getOrUndefined(card)) }
})

const command = Command.make(
  "compress-gpt2",
  flags,
  Effect.fn("compress-gpt2")(function* (options) {
    const services = Compress.layer.pipe(Layer.provide([Kronecker.layer, Distill.layer]))
    yield* compressGpt2(options).pipe(
      Effect.provide(
        Layer.mergeAll(services, backendLayer(options.backend, options.json), progressLayer(options.json))
      )
    )
  }, Effect.scoped)
)

main(command)
