/**
 * Tunes the distillation of a GPT-2 whose MLPs become Kronecker sums: learning rate, temperature, loss weights, terms of each layer.
 *
 *   pnpm tsx examples/tune.ts
 *   pnpm tsx examples/tune.ts --trials 40 --workers 4 --resume
 *   pnpm tsx examples/tune.ts --table FILE --budget 50 --seeds 20 --sampler tpe    (a table of results instead)
 *   pnpm tsx examples/tune.ts --cluster postgres://user@host/database    (runners: examples/tuning/runner.ts)
 */
import { Console, Duration, Effect, FileSystem, Layer, Option, Path, Result } from "effect"
import { Command, Flag } from "effect/cli"
import { machines, workers as makeWorkers } from "../src/Layers/index.ts"
import { ModelConfig } from "../src/Model/index.ts"
import { fold, key } from "../src/Random/index.ts"
import { render } from "../src/Report/index.ts"
import { onCluster } from "../src/TetraOpt/cluster/index.ts"
import { type Objective, onWorkers, type StudyInfo, TetraOpt } from "../src/TetraOpt/index.ts"
import { quietly } from "./console/Backends.ts"
import { commandLine } from "./console/CommandLine.ts"
import { main } from "./console/Main.ts"
import { Progress, progressLayer } from "./console/Progress.ts"
import { atLeast, jsonFlag, outFlag, seedFlag } from "./console/SharedFlags.ts"
import { table } from "./console/Table.ts"
import { cores, threadsEach } from "./tuning/Cores.ts"
import {
  type Job,
  modelOf,
  originalNumbers,
  type Settings,
  settingsSpace,
  usualSettings
} from "./tuning/Distillation.ts"
import { runTable, runText, type SamplerName, samplers } from "./tuning/TableRun.ts"
import { columnsOf, page, settingsText, trialLines } from "./tuning/Summary.ts"
import type task from "./tuning/worker.ts"

const flags = {
  model: Flag.String("model").pipe(
    Flag.optional,
    Flag.withDescription("a Hugging Face GPT-2 directory; default: the one that comes with the repository")
  ),
  trials: atLeast(1)(Flag.Int("trials")).pipe(
    Flag.withDefault(16),
    Flag.withDescription("settings to try in all, those of earlier runs and other processes included")
  ),
  workers: atLeast(1)(Flag.Int("workers")).pipe(
    Flag.withDefault(Math.min(2, cores)),
    Flag.withDescription(
      "trials at a time, each on a thread of its own, or on a cluster wherever there is room"
    )
  ),
  timeLimit: Flag.Finite("time-limit").pipe(
    Flag.optional,
    Flag.withDescription("seconds after which the search stops where it is; --resume goes on with it")
  ),
  trialTimeLimit: Flag.Finite("trial-time-limit").pipe(
    Flag.withDefault(600),
    Flag.withDescription("seconds after which a trial has failed")
  ),
  steps: atLeast(1)(Flag.Int("steps")).pipe(
    Flag.withDefault(24),
    Flag.withDescription("updates of one distillation")
  ),
  size: Flag.Finite("size").pipe(
    Flag.withDefault(0.65),
    Flag.withDescription("share of the original's numbers that the result may store")
  ),
  sampler: Flag.Literals("sampler", Object.keys(samplers) as Array<SamplerName>).pipe(
    Flag.withDefault("tetra"),
    Flag.withDescription("what chooses the settings to try")
  ),
  table: Flag.String("table").pipe(
    Flag.optional,
    Flag.withDescription(
      "search a table of results instead, to see what a sampler is worth: a JSON file with goal, shape and values"
    )
  ),
  budget: atLeast(1)(Flag.Int("budget")).pipe(
    Flag.withDefault(50),
    Flag.withDescription("settings looked up in one search of the table")
  ),
  seeds: atLeast(1)(Flag.Int("seeds")).pipe(
    Flag.withDefault(20),
    Flag.withDescription("searches of the table")
  ),
  cluster: Flag.String("cluster").pipe(
    Flag.optional,
    Flag.withDescription(
      "a PostgreSQL database, postgres://user@host/database, whose runners evaluate the trials"
    )
  ),
  seed: seedFlag,
  out: outFlag("out/tune", "the study's journal, trials.jsonl and report.html"),
  resume: Flag.Boolean("resume").pipe(
    Flag.withDefault(false),
    Flag.withDescription(
      "go on with the study in the output directory, or share it with a process that is at work on it"
    )
  ),
  json: jsonFlag("instead of the table")
}

type Options = Command.Command.Config.Infer<typeof flags>

const tune = Effect.fnUntraced(function* (options: Options) {
  const started = performance.now()
  const progress = yield* Progress
  const tetraOpt = yield* TetraOpt
  const fileSystem = yield* FileSystem.FileSystem
  const { basename, join } = yield* Path.Path
  const { out } = options

  const job: Job = {
    ...Option.match(options.model, { onNone: () => ({}), onSome: (model) => ({ model }) }),
    steps: options.steps,
    size: options.size
  }
  const config = yield* ModelConfig.read(join(modelOf(job), "config.json"))
  const original = originalNumbers(config)
  const space = yield* settingsSpace(job, config, original)
  const usual = usualSettings(job, config, original)
  yield* fileSystem.makeDirectory(out, { recursive: true })
  const journal = join(out, "study.jsonl")
  if (!options.resume) yield* putAside(journal)
  const study = yield* tetraOpt.study({
    space,
    key: key(options.seed),
    sampler: samplers[options.sampler],
    name: `distillation of ${basename(modelOf(job))}, ${options.steps} updates`,
    trials: options.trials,
    first: [usual],
    journal,
    pruning: { firstStep: Math.max(1, Math.round(options.steps / 3)), factor: 3 }
  })
  for (const { line, reason } of yield* study.damaged)
    yield* progress.line(`${journal}, line ${line}, is left out: ${reason}`)
  const before = (yield* study.trials).filter(({ outcome }) => outcome !== undefined).length
  if (before > 0) yield* progress.line(`${journal}: ${before} trials are there already`)

  const threads = yield* makeWorkers<typeof task>({
    module: new URL(
      import.meta.url.endsWith(".ts") ? "tuning/worker.ts" : "tuning/worker.js",
      import.meta.url
    ),
    size: Option.isSome(options.cluster) ? 1 : options.workers,
    data: job,
    env: threadsEach(options.workers)
  })
  yield* progress.line(
    `${options.trials} trials of ${options.steps} updates by ${options.sampler}, ${options.workers} at a time` +
      (Option.isSome(options.cluster) ? " on the cluster" : "")
  )
  const search = (objective: Objective<Settings, unknown>) =>
    tetraOpt.run(
      study,
      objective,
      {
        trials: options.trials,
        concurrency: options.workers,
        trialTimeLimit: Duration.seconds(options.trialTimeLimit),
        timeLimit: Option.getOrUndefined(Option.map(options.timeLimit, Duration.seconds))
      },
      (info) => progress.show(infoText(info), info.finished / options.trials)
    )
  const { best, trials, ended } = yield* Option.match(options.cluster, {
    onNone: () => search(onWorkers(threads)),
    onSome: (database) =>
      Effect.flatMap(onCluster(study, { ...job }), search).pipe(
        Effect.provide(machines({ database }).pipe(quietly(options.json)))
      )
  })
  if (ended !== "trials")
    yield* progress.line(`Ended early: ${ended}. ${options.resume ? "" : "Go on with --resume."}`)

  yield* progress.show("judging what was found on text that the search never saw")
  const judged = yield* Effect.forEach(
    [best.configuration, usual],
    (configuration) =>
      threads.run({ number: -1, key: fold(study.key, "judging"), configuration, isJudged: true }),
    { concurrency: threads.size }
  ).pipe(Effect.result)
  if (Result.isFailure(judged)) yield* progress.line(`Not judged on other text: ${messageOf(judged.failure)}`)
  const test = Result.isSuccess(judged) ? { best: judged.success[0], usual: judged.success[1] } : undefined

  const seconds = (performance.now() - started) / 1000
  const importance = yield* study.importance
  const html = yield* render(
    page({
      title: "Tuning the distillation of a compressed GPT-2",
      command: commandLine(),
      trials,
      best,
      sampler: options.sampler,
      importance,
      seconds,
      test,
      usual
    })
  )
  yield* fileSystem.writeFileString(join(out, "report.html"), html)
  yield* fileSystem.writeFileString(join(out, "trials.jsonl"), trialLines(trials))
  const finite = trials
    .filter(({ outcome }) => outcome?.status === "complete")
    .toSorted((a, b) => valueOf(a) - valueOf(b))
  yield* Console.log(
    options.json
      ? JSON.stringify({
          best: { number: best.number, settings: best.configuration, perplexity: valueOf(best) },
          trials: trials.length,
          complete: finite.length,
          ended,
          test,
          sampler: options.sampler,
          seconds,
          out
        })
      : [
          "",
          table(finite.slice(0, 10), columnsOf(trials)),
          "",
          `Best: ${settingsText(best.configuration)}`,
          ...(test === undefined
            ? []
            : [
                `On text that the search never saw: perplexity ${test.best.toFixed(2)}; with the usual settings, ${settingsText(usual)}: ${test.usual.toFixed(2)}`
              ]),
          `Written to ${out} in ${seconds.toFixed(0)} s.`
        ].join("\n")
  )
})

const searchTable = Effect.fnUntraced(function* ({ budget, seeds, sampler, json }: Options, path: string) {
  const run = yield* runTable({ path, budget, seeds, sampler })
  yield* Console.log(json ? JSON.stringify(run) : `\n${runText(run)}`)
})

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const valueOf = ({ outcome }: StudyInfo<Settings>["trial"]): number =>
  outcome?.status === "complete" ? outcome.value : Number.NaN

const infoText = ({ trial, best, finished }: StudyInfo<Settings>): string => {
  const { outcome } = trial
  const what =
    outcome?.status === "failed"
      ? `failed: ${outcome.reason}`
      : outcome?.status === "pruned"
        ? `given up at ${outcome.value.toFixed(2)}`
        : valueOf(trial).toFixed(2)
  const standing = best === undefined ? "" : `; best ${valueOf(best).toFixed(2)}, trial ${best.number}`
  return `${finished} trials; trial ${trial.number}: ${what}${standing}`
}

/** A study that is there and not to be gone on with makes room, and is kept. */
const putAside = Effect.fnUntraced(function* (journal: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const progress = yield* Progress
  if (!(yield* fileSystem.exists(journal))) return
  let number = 1
  while (yield* fileSystem.exists(`${journal}.${number}`)) number++
  yield* fileSystem.rename(journal, `${journal}.${number}`)
  yield* progress.line(
    `The study that was there is now ${journal}.${number}; --resume would have gone on with it`
  )
})

const command = Command.make(
  "tune",
  flags,
  Effect.fn("tune")(function* (options) {
    const layers = Layer.merge(TetraOpt.layer, progressLayer(options.json))
    if (Option.isSome(options.table))
      return yield* Effect.provide(searchTable(options, options.table.value), layers)
    return yield* Effect.provide(tune(options), layers)
  }, Effect.scoped)
)

main(command)
