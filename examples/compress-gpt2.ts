/**
 * Compresses a GPT-2 by Kronecker sums with permutations, distils it from the original, and says what each part is worth.
 *
 *   pnpm tsx examples/compress-gpt2.ts
 *   pnpm tsx examples/compress-gpt2.ts --model DIR --text FILE --out DIR
 */
import { fileURLToPath } from "node:url"
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect, FileSystem, Layer, Option, Path } from "effect"
import { Command, Flag } from "effect/cli"
import { codecs, Compress, Plan, type Row, tq81 } from "../src/Compress/index.ts"
import { Distill } from "../src/Distill/index.ts"
import { Kronecker } from "../src/Kronecker/index.ts"
import {
  evaluationWindows,
  load,
  ModelConfig,
  save,
  saveDense,
  TextSet,
  Tokenizer
} from "../src/Model/index.ts"
import * as Onnx from "../src/Onnx/index.ts"
import { key } from "../src/Random/index.ts"
import { Backend } from "../src/Tensor/index.ts"
import { backendLayer, backendNames } from "./console/Backends.ts"
import { columns, describe } from "./console/ComparisonTable.ts"
import { Progress } from "./console/Progress.ts"
import { markdown, table } from "./console/Table.ts"
import { addresses, textFiles } from "./corpus/TextFiles.ts"

const shipped = fileURLToPath(new URL("../models/state-of-the-union", import.meta.url))

const flags = {
  model: Flag.String("model").pipe(
    Flag.withDefault(shipped),
    Flag.withDescription("a Hugging Face GPT-2 directory; default: the one that comes with the repository")
  ),
  text: Flag.String("text").pipe(
    Flag.atLeast(0),
    Flag.withDescription(
      "text files to calibrate, distil and evaluate with (the last tenth of each is held out); default: the corpus of the shipped model"
    )
  ),
  recipe: Flag.String("recipe").pipe(
    Flag.withDefault("tq81"),
    Flag.withDescription("tq81 (the stages of TQCompressedGPT-2, scaled to the model), or a JSON plan")
  ),
  permute: Flag.Literals("permute", Plan.Permute.literals).pipe(Flag.withDefault("rows-and-columns")),
  swaps: Flag.Int("swaps").pipe(
    Flag.optional,
    Flag.withDescription(
      "swaps tried for each matrix when permutations are sought; default: until they settle"
    )
  ),
  calibrationTokens: Flag.Int("calibration-tokens").pipe(
    Flag.withDefault(0),
    Flag.withDescription(
      "tokens of the text by which the fits are weighted: what the network feels counts, not the numbers; 0: none"
    )
  ),
  distillSteps: Flag.Int("distill-steps").pipe(
    Flag.withDefault(100),
    Flag.withDescription("updates, shared out among the stages; 0: none")
  ),
  evaluationTokens: Flag.Int("evaluation-tokens").pipe(
    Flag.withDefault(40_000),
    Flag.withDescription("held-out tokens by which a model is judged, spread evenly over the held-out text")
  ),
  context: Flag.Int("context").pipe(
    Flag.optional,
    Flag.withDescription("tokens in a window; default: the model's positions, at most 256")
  ),
  backend: Flag.Literals("backend", backendNames).pipe(
    Flag.withDefault("auto"),
    Flag.withDescription("auto takes the best there is: gpu (CUDA), webgpu, cpu")
  ),
  seed: Flag.Int("seed").pipe(Flag.withDefault(1)),
  out: Flag.String("out").pipe(Flag.withDefault("out/compressed-gpt2")),
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
  json: Flag.Boolean("json").pipe(
    Flag.withDefault(false),
    Flag.withDescription("one line of JSON at the end")
  )
}

type Options = Command.Command.Config.Infer<typeof flags>

/** Windows in one update of the distillation. */
const rows = 8

const compressGpt2 = Effect.fnUntraced(function* (options: Options) {
  const started = performance.now()
  const progress = yield* Progress
  const compress = yield* Compress
  const fileSystem = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const { name: backendName, description } = yield* Backend
  yield* progress.line(`Backend: ${description}`)

  const original = yield* load(options.model, codecs)
  const tokenizer = yield* Tokenizer.read(options.model)
  const text = options.text.length === 0 ? addresses() : yield* textFiles(options.text)
  const training = yield* TextSet.make(text.training, tokenizer)
  const heldOut = yield* TextSet.make(text.heldOut, tokenizer)
  const context = Option.getOrElse(options.context, () => Math.min(256, original.config.n_positions))
  const judged = TextSet.excerpt(heldOut.tokens, options.evaluationTokens)
  yield* progress.line(
    `${options.model}: ${original.config.n_layer} layers of ${original.config.n_embd}, ${tokenizer.vocabularySize} tokens. ` +
      `Text: ${text.name}; ${training.tokens.length} tokens to distil with, ${judged.length} of ${heldOut.tokens.length} held out to judge by`
  )

  const plan =
    options.recipe === "tq81"
      ? tq81(
          {
            vocabulary: original.config.vocab_size,
            width: original.config.n_embd,
            hidden: ModelConfig.innerWidth(original.config),
            layers: original.config.n_layer
          },
          options.permute
        )
      : yield* Effect.flatMap(fileSystem.readFileString(options.recipe), Plan.parse)
  const distillation = {
    steps: options.distillSteps,
    rows,
    learningRate: 3e-3,
    loss: { crossEntropy: 0.5, divergence: 0.5, temperature: 2 }
  }
  const { resume, json: _json, out, dense, onnx, ...deciding } = options
  const directory = `${out}-progress`
  const { rows: lines, model } = yield* compress.compare(
    {
      original,
      plan,
      fit: {
        key: key(options.seed),
        swaps: Option.getOrUndefined(options.swaps),
        calibration:
          options.calibrationTokens > 0
            ? { tokens: TextSet.excerpt(training.tokens, options.calibrationTokens) }
            : undefined
      },
      distillation,
      windows: yield* TextSet.trainingWindows(training.tokens, context),
      evaluation: yield* evaluationWindows(judged, context),
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

  const tokenizerFiles = ["tokenizer.json", "vocab.json", "merges.txt"].map((name) =>
    join(options.model, name)
  )
  const copies = yield* Effect.filter(tokenizerFiles, (path) => fileSystem.exists(path))
  const card = modelCard(options.model, text.name, lines, plan)
  const results = JSON.stringify({ rows: lines, plan }, null, 2)
  yield* save(model, out, { codecs, copies, files: { "README.md": card, "results.json": results } })
  if (Option.isSome(dense)) yield* saveDense(model, dense.value, { copies })
  if (Option.isSome(onnx)) yield* Onnx.save(model, onnx.value)
  yield* fileSystem.remove(directory, { recursive: true, force: true })

  const written = [
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
          `Written to ${[out, ...written].join(", ")} in ${seconds.toFixed(0)} s.`
        ].join("\n")
  )
})

const modelCard = (model: string, text: string, lines: ReadonlyArray<Row>, plan: Plan.Plan): string =>
  `# ${model.split("/").at(-1)}, compressed

Made by \`pnpm tsx examples/compress-gpt2.ts\` from ${model}. Kronecker sums with permutations, distilled from the original on
${text}. Perplexity is by the protocol \`sliding\` on text that was held out.

${markdown(lines, columns)}

The plan: ${plan.stages.map((stage) => `${stage.name} (${Object.keys(stage.weights).join(", ")})`).join("; ")}.
`

const command = Command.make(
  "compress-gpt2",
  flags,
  Effect.fn("compress-gpt2")(function* (options) {
    const services = Compress.layer.pipe(Layer.provide([Kronecker.layer, Distill.layer]))
    const console = options.json ? Progress.silent : Progress.layer
    yield* compressGpt2(options).pipe(
      Effect.provide(Layer.mergeAll(services, backendLayer(options.backend, options.json), console))
    )
  }, Effect.scoped)
)

command.pipe(Command.run({ version: "0.1.0" }), Effect.provide(NodeServices.layer), NodeRuntime.runMain)
