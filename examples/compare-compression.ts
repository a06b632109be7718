/**
 * Compares ways to compress a GPT-2 at equal numbers of stored parameters, without training and after the same short distillation.
 *
 *   pnpm tsx examples/compare-compression.ts
 *   pnpm tsx examples/compare-compression.ts --budgets 0.65 --methods svd,mixed --seeds 1
 */
import { Console, Effect, Layer, Path } from "effect"
import { Command, Flag } from "effect/cli"
import {
  type Calibration,
  codecs,
  Compress,
  kroneckerCandidates,
  mixedPlan,
  Plan,
  planWithin,
  rehearsedPlan,
  surveyOf
} from "../src/Compress/index.ts"
import { adamW, Distill, Schedule } from "../src/Distill/index.ts"
import { Kronecker } from "../src/Kronecker/index.ts"
import {
  evaluationWindows,
  type Gpt2,
  load,
  perplexity,
  storedParameters,
  TextSet,
  Tokenizer,
  writeAtomically
} from "../src/Model/index.ts"
import { fold, key } from "../src/Random/index.ts"
import { draw, render } from "../src/Report/index.ts"
import { Backend } from "../src/Tensor/index.ts"
import { type MethodName, methodNames, methods } from "./comparison/Methods.ts"
import { openResults } from "./comparison/Results.ts"
import { columns, figure, page, summaries } from "./comparison/Summary.ts"
import { backendLayer } from "./console/Backends.ts"
import { namesAmong, shares } from "./console/Choices.ts"
import { main } from "./console/Main.ts"
import { Progress, progressLayer } from "./console/Progress.ts"
import { backendFlag, jsonFlag, outFlag, textFlag } from "./console/SharedFlags.ts"
import { table } from "./console/Table.ts"
import { shippedModel } from "./corpus/ShippedModel.ts"
import { splitText } from "./corpus/TextFiles.ts"

const flags = {
  model: Flag.String("model").pipe(Flag.withDefault(shippedModel)),
  text: textFlag("calibrate, distil and evaluate with (the last tenth of each is held out)"),
  budgets: Flag.String("budgets").pipe(
    Flag.withDefault("0.9,0.8,0.65,0.5"),
    shares,
    Flag.withDescription("shares of the original's numbers that may be stored")
  ),
  methods: Flag.String("methods").pipe(
    Flag.withDefault(methodNames.join(",")),
    namesAmong(methodNames),
    Flag.withDescription(`of ${methodNames.join(", ")}`)
  ),
  seeds: Flag.Int("seeds").pipe(Flag.withDefault(3)),
  swaps: Flag.Int("swaps").pipe(
    Flag.withDefault(20_000),
    Flag.withDescription("swaps tried for each matrix when permutations are sought")
  ),
  rounds: Flag.Int("rounds").pipe(
    Flag.withDefault(4),
    Flag.withDescription("rounds of exchanges in the metric of the text, at most")
  ),
  calibrationTokens: Flag.Int("calibration-tokens").pipe(Flag.withDefault(24_000)),
  distillSteps: Flag.Int("distill-steps").pipe(
    Flag.withDefault(50),
    Flag.withDescription("updates of the distillation, the same for all; 0: none")
  ),
  evaluationTokens: Flag.Int("evaluation-tokens").pipe(Flag.withDefault(20_000)),
  context: Flag.Int("context").pipe(Flag.withDefault(256)),
  backend: backendFlag,
  out: outFlag("out/compare-compression", "results.json, report.html and the figures as SVG"),
  resume: Flag.Boolean("resume").pipe(
    Flag.withDefault(false),
    Flag.withDescription("keep the rows that an interrupted run of the same settings has finished")
  ),
  json: jsonFlag("at the end")
}

type Options = Command.Command.Config.Infer<typeof flags>

/** Windows in one update of the distillation. */
const rows = 4
const learningRate = 3e-4

const compareCompression = Effect.fnUntraced(function* (options: Options) {
  const started = performance.now()
  const progress = yield* Progress
  const compress = yield* Compress
  const distill = yield* Distill
  const { join } = yield* Path.Path
  const { name: backendName, description } = yield* Backend
  yield* progress.line(`Backend: ${description}`)

  const original = yield* load(options.model, codecs)
  const all = storedParameters(original)
  const tokenizer = yield* Tokenizer.read(options.model)
  const text = yield* splitText(options.text)
  const training = yield* TextSet.make(text.training, tokenizer)
  const heldOut = yield* TextSet.make(text.heldOut, tokenizer)
  const context = Math.min(options.context, original.config.n_positions)
  const windows = yield* TextSet.trainingWindows(training.tokens, context)
  const evaluation = yield* evaluationWindows(
    TextSet.excerpt(heldOut.tokens, options.evaluationTokens),
    context
  )
  const calibration: Calibration = { tokens: TextSet.excerpt(training.tokens, options.calibrationTokens) }
  const perplexityOf = (model: Gpt2) =>
    Effect.map(perplexity(model, evaluation), (report) => report.perplexity)
  const reference = { storedParameters: all, perplexity: yield* perplexityOf(original) }
  yield* progress.line(`original: ${all} numbers, perplexity ${reference.perplexity.toFixed(2)}`)

  const { json: _json, resume, out, budgets, seeds, methods: chosen, ...deciding } = options
  const results = yield* openResults(
    join(out, "results.json"),
    JSON.stringify({ ...deciding, rows, learningRate }),
    resume
  )
  const isDone = (method: string, budget: number, seed: number) =>
    results.rows.some((row) => row.method === method && row.budget === budget && row.seed === seed)
  const allSeeds = Array.from({ length: seeds }, (_, i) => i + 1)
  const toDo = budgets.flatMap((budget) =>
    chosen.flatMap((method) =>
      allSeeds.filter((seed) => !isDone(method, budget, seed)).map((seed) => ({ method, budget, seed }))
    )
  )

  const survey = (share: number, outputs = true) =>
    surveyOf(original, { ...calibration, outputs }, share, (name, done) =>
      progress.show(`survey for ${share}: ${name}`, done)
    )
  const tried = Effect.flatMap(survey(0.5), (known) =>
    kroneckerCandidates(original, known, key("trials"), (name, share) =>
      progress.show(`trials: ${name}`, share)
    )
  )
  const trials = toDo.some(({ method }) => method === "mixed") ? yield* tried : {}

  /** The model that a method makes of the original. */
  const fitted = (method: MethodName, plan: Plan.Plan, seed: number) => {
    const { weighted } = methods[method]
    return compress.replace(original, Plan.finalWeights(plan), {
      key: key(seed),
      swaps: options.swaps,
      rounds: options.rounds,
      calibration:
        weighted === "no" ? undefined : { ...calibration, outputs: weighted === "inputs-and-outputs" }
    })
  }
  const distilled = (student: Gpt2, seed: number, label: string) =>
    distill.train(
      {
        student,
        teacher: original,
        loss: { divergence: 1, temperature: 1 },
        nextBatch: (numbers) => windows.sample(rows, numbers),
        steps: options.distillSteps,
        schedule: Schedule.cosine({
          peak: learningRate,
          floor: learningRate / 10,
          warmupSteps: Math.ceil(options.distillSteps / 20)
        }),
        optimizer: adamW({ weightDecay: 0.01 }),
        clipNorm: 1,
        keep: "last",
        key: fold(key("distillation"), seed)
      },
      ({ step }) => progress.show(`${label}: distilling ${step} of ${options.distillSteps}`)
    )

  let done = 0
  for (const budget of budgets) {
    const left = toDo.filter((one) => one.budget === budget)
    if (left.length === 0) continue
    const surveys = {
      inputs: yield* Effect.cached(survey(budget, false)),
      both: yield* Effect.cached(survey(budget))
    }
    for (const method of chosen) {
      const missing = left.filter((one) => one.method === method).map(({ seed }) => seed)
      if (missing.length === 0) continue
      const { candidates, searches, weighted } = methods[method]
      const numbers = Math.floor(budget * all)
      const known = yield* weighted === "inputs" ? surveys.inputs : surveys.both
      const rehearsals = { budget: numbers, key: key("rehearsals") }
      const show = (name: string, share: number) =>
        progress.show(`${budget} ${method}: plan rehearsed, ${name}`, share)
      const { plan } =
        candidates === undefined
          ? yield* mixedPlan(original, known, trials, rehearsals, show)
          : weighted === "no"
            ? yield* planWithin(known, numbers, candidates(known))
            : yield* rehearsedPlan(original, known, { ...rehearsals, candidates: candidates(known) }, show)
      // A fit that owes nothing to chance serves every seed.
      for (const group of searches ? missing.map((seed) => [seed]) : [missing])
        yield* Effect.scoped(
          Effect.gen(function* () {
            const fitStart = performance.now()
            const student = yield* fitted(method, plan, group[0])
            const fitSeconds = (performance.now() - fitStart) / 1000
            const before = yield* perplexityOf(student)
            for (const seed of group) {
              const start = performance.now()
              const label = `${budget} ${method}, seed ${seed}`
              const after = yield* Effect.scoped(
                Effect.gen(function* () {
                  if (options.distillSteps === 0) return before
                  return yield* perplexityOf((yield* distilled(student, seed, label)).model)
                })
              )
              yield* results.add({
                method,
                budget,
                storedParameters: storedParameters(student),
                seed,
                perplexity: before,
                perplexityDistilled: after,
                seconds: fitSeconds + (performance.now() - start) / 1000
              })
              done++
              yield* progress.line(
                `${done} of ${toDo.length}: ${label}: perplexity ${before.toFixed(2)}, distilled ${after.toFixed(2)}`
              )
            }
          })
        )
    }
  }

  const shown = summaries(results.rows)
  const settings =
    `${options.distillSteps} updates of ${rows} windows of ${context} tokens; fits weighted by ${options.calibrationTokens} tokens; ` +
    `judged by ${options.evaluationTokens} held-out tokens. The original: ${all.toLocaleString("en")} numbers, perplexity ${reference.perplexity.toFixed(2)}.`
  const write = (name: string, content: string) =>
    writeAtomically(join(out, name), (append) => append(new TextEncoder().encode(content)))
  yield* write("report.html", yield* render(page(shown, reference, settings)))
  yield* write("untrained.svg", yield* draw(figure(shown, "perplexity", reference)))
  yield* write("distilled.svg", yield* draw(figure(shown, "distilled", reference)))
  const seconds = (performance.now() - started) / 1000
  yield* Console.log(
    options.json
      ? JSON.stringify({ rows: results.rows, original: reference, backend: backendName, seconds, out })
      : `\n${table(shown, columns)}\n\n${settings}\nWritten to ${out} in ${seconds.toFixed(0)} s.`
  )
})

const command = Command.make(
  "compare-compression",
  flags,
  Effect.fn("compare-compression")(function* (options) {
    const services = Layer.mergeAll(
      Compress.layer.pipe(Layer.provide([Kronecker.layer, Distill.layer])),
      Kronecker.layer,
      Distill.layer
    )
    yield* compareCompression(options).pipe(
      Effect.provide(
        Layer.mergeAll(services, backendLayer(options.backend, options.json), progressLayer(options.json))
      )
    )
  }, Effect.scoped)
)

main(command)
