/**
 * Posterior means with smaller error bars from the same draws.
 *
 *   pnpm tsx examples/reduce-variance.ts
 *   pnpm tsx examples/reduce-variance.ts --data data.csv --target probit --sampler nuts
 *   pnpm tsx examples/reduce-variance.ts --samples draws.csv --scores scores.csv --functional-column f
 */
import { Console, Effect, FileSystem, Layer, Option, Path } from "effect"
import { Command, Flag } from "effect/cli"
import { ControlVariateOptionError, ControlVariates, inferenceDataOf } from "../src/ControlVariates/index.ts"
import { render } from "../src/Report/index.ts"
import { backendLayer } from "./console/Backends.ts"
import { namesAmong } from "./console/Choices.ts"
import { main } from "./console/Main.ts"
import { Progress, progressLayer } from "./console/Progress.ts"
import { jsonFlag, outFlag } from "./console/SharedFlags.ts"
import { table } from "./console/Table.ts"
import { page } from "./reduction/Figures.ts"
import { readLabelledRows } from "./reduction/LabelledRows.ts"
import { fileSource, functionalNames, sampledSources, samplerNames } from "./reduction/Sources.ts"
import { columns, headline, type Reduced, reducedOf, resultOf } from "./reduction/Summary.ts"
import { wages } from "./reduction/Wages.ts"

const countOrAuto = Flag.filterMap(
  (text: string): Option.Option<number | "auto"> =>
    text === "auto"
      ? Option.some("auto")
      : /^[1-9]\d*$/.test(text)
        ? Option.some(Number(text))
        : Option.none(),
  (text) => `"${text}" is neither auto nor a whole number above 0`
)

const flags = {
  data: Flag.String("data").pipe(
    Flag.optional,
    Flag.withDescription(
      "CSV of inputs, the last column a label of two values; default: union membership of 534 workers"
    )
  ),
  target: Flag.Literals("target", ["logistic", "probit"]).pipe(
    Flag.optional,
    Flag.withDescription(
      "the regression, with a N(0, 100 I) prior on standardised columns; default: logistic"
    )
  ),
  sampler: Flag.String("sampler").pipe(
    namesAmong(samplerNames),
    Flag.optional,
    Flag.withDescription("nuts, mala, hmc, rwm or ula; several with commas between them; default: nuts,mala")
  ),
  step: Flag.Finite("step").pipe(
    Flag.optional,
    Flag.withDescription("the samplers' step size; default: adapted (ula needs it given)")
  ),
  chains: Flag.Int("chains").pipe(
    Flag.optional,
    Flag.withDescription("default: 4; for --samples how many chains follow each other in the file, default 1")
  ),
  draws: Flag.Int("draws").pipe(Flag.optional, Flag.withDescription("kept draws a chain; default: 2000")),
  burnIn: Flag.Int("burn-in").pipe(
    Flag.optional,
    Flag.withDescription("draws left out before them; default: 1000")
  ),
  degree: Flag.String("degree").pipe(
    countOrAuto,
    Flag.withDefault("auto" as const),
    Flag.withDescription("total degree of the polynomials, or auto: the best on held-out pieces")
  ),
  objective: Flag.Literals("objective", ["evm", "esvm", "auto"]).pipe(
    Flag.withDefault("auto"),
    Flag.withDescription("least variance, least asymptotic variance, or the better on held-out pieces")
  ),
  window: Flag.String("window").pipe(
    countOrAuto,
    Flag.withDefault("auto" as const),
    Flag.withDescription("width of esvm's lag window (Bartlett's), or auto")
  ),
  functional: Flag.Literals("functional", functionalNames).pipe(
    Flag.optional,
    Flag.withDescription(
      "posterior means of what: the coordinates, their squares, or the mean predicted probability; default: coordinates"
    )
  ),
  samples: Flag.String("samples").pipe(
    Flag.optional,
    Flag.withDescription(
      "somebody else's draws: CSV, Stan's CSVs with commas between them, .npy, or ArviZ InferenceData as .json"
    )
  ),
  scores: Flag.String("scores").pipe(
    Flag.optional,
    Flag.withDescription(
      "their scores, gradients of the log density, in a file of the same form; for several CSVs one each, or one for all"
    )
  ),
  functionalColumn: Flag.String("functional-column").pipe(
    Flag.optional,
    Flag.withDescription(
      "the column of --samples whose mean is wanted; it is no coordinate unless it has a score"
    )
  ),
  out: outFlag("out/reduce-variance", "reduction.json, report.html and the draws of each sampler"),
  json: jsonFlag("instead of the tables")
}

type Options = Command.Command.Config.Infer<typeof flags>

const wrong = (option: string, value: unknown, expected: string) =>
  new ControlVariateOptionError({ option, value, expected })

const pathsOf = (list: string): ReadonlyArray<string> => list.split(",").map((path) => path.trim())

const sourcesOf = Effect.fnUntraced(function* (options: Options) {
  const progress = yield* Progress
  const functional = Option.getOrElse(options.functional, () => "coordinates" as const)
  const samples = Option.getOrUndefined(options.samples)
  const scores = Option.getOrUndefined(options.scores)
  const column = Option.getOrUndefined(options.functionalColumn)
  if (samples === undefined) {
    if (scores !== undefined) return yield* wrong("--scores", scores, "left out without --samples")
    if (column !== undefined) return yield* wrong("--functional-column", column, "left out without --samples")
    const data = Option.isSome(options.data) ? yield* readLabelledRows(options.data.value) : wages()
    yield* progress.line(
      `${data.rows.length} rows of ${data.name}: ${data.label} by ${data.names.join(", ")}`
    )
    const sources = yield* sampledSources(data, {
      target: Option.getOrElse(options.target, () => "logistic" as const),
      samplers: Option.getOrElse(options.sampler, () => ["nuts", "mala"] as const),
      step: Option.getOrUndefined(options.step),
      chains: Option.getOrElse(options.chains, () => 4),
      draws: Option.getOrElse(options.draws, () => 2000),
      burnIn: Option.getOrElse(options.burnIn, () => 1000),
      functional
    })
    return { title: `${data.label}: ${data.name}`, sources }
  }
  const ofSampling: Readonly<Record<string, Option.Option<unknown>>> = {
    "--data": options.data,
    "--target": options.target,
    "--sampler": options.sampler,
    "--step": options.step,
    "--draws": options.draws,
    "--burn-in": options.burnIn
  }
  for (const [flag, value] of Object.entries(ofSampling))
    if (Option.isSome(value)) return yield* wrong(flag, value.value, "left out with --samples")
  if (functional === "predictive")
    return yield* wrong("--functional", functional, "coordinates or squares with --samples")
  if (column !== undefined && Option.isSome(options.functional))
    return yield* wrong("--functional", functional, "left out with --functional-column")
  const source = yield* fileSource({
    samples: pathsOf(samples),
    scores: scores === undefined ? [] : pathsOf(scores),
    chains: Option.getOrUndefined(options.chains),
    column,
    functional
  })
  return { title: samples, sources: [source] }
})

const reduceVariance = Effect.fnUntraced(function* (options: Options) {
  const started = performance.now()
  const progress = yield* Progress
  const variates = yield* ControlVariates
  const fs = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  if (options.objective === "evm" && options.window !== "auto")
    return yield* wrong("--window", options.window, "left out with --objective evm, which has none")
  const { title, sources } = yield* sourcesOf(options)
  const all: Array<Reduced> = []
  for (const source of sources) {
    yield* progress.show(`${source.name}: fitting control variates`)
    const start = performance.now()
    const reduction = yield* variates.reduce(source.chains, source.functionals, {
      degree: options.degree,
      objective: options.objective,
      window: options.window
    })
    all.push(reducedOf(source, reduction, (performance.now() - start) / 1000))
  }
  yield* fs.makeDirectory(options.out, { recursive: true })
  for (const { source, reduction } of all)
    yield* fs.writeFileString(
      join(options.out, `posterior-${source.name}.json`),
      JSON.stringify(inferenceDataOf(source.chains, reduction))
    )
  const summary =
    "Posterior means without and with Stein control variates, cross-fitted: no draw's own piece of its chain is used for its coefficients."
  yield* fs.writeFileString(join(options.out, "report.html"), yield* render(page(title, summary, all)))
  const seconds = (performance.now() - started) / 1000
  const [first, ...others] = all
  const result = JSON.stringify({
    ...resultOf(first, seconds),
    ...(others.length === 0
      ? {}
      : {
          others: others.map((one) => ({
            sampler: one.source.name,
            ...resultOf(one, one.source.seconds + one.seconds)
          }))
        })
  })
  yield* fs.writeFileString(join(options.out, "reduction.json"), `${result}\n`)
  if (options.json) return yield* Console.log(result)
  for (const reduced of all) {
    const warnings = reduced.warnings.map((message) => `  ${message}`)
    yield* Console.log(
      `\n${headline(reduced)}\n\n${table(reduced.rows, columns)}${warnings.length === 0 ? "" : `\n\nWarnings:\n${warnings.join("\n")}`}`
    )
  }
  yield* Console.log(`\nWritten to ${options.out} in ${seconds.toFixed(1)} s.`)
})

const command = Command.make(
  "reduce-variance",
  flags,
  Effect.fn("reduce-variance")(function* (options) {
    yield* reduceVariance(options).pipe(
      Effect.provide(
        Layer.mergeAll(ControlVariates.layer, backendLayer("cpu", options.json), progressLayer(options.json))
      )
    )
  }, Effect.scoped)
)

main(command)
