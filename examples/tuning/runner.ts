/**
 * A machine that evaluates trials for examples/tune.ts --cluster: start one on each.
 *
 *   pnpm tsx examples/tuning/runner.ts --cluster postgres://user@host/database --host 10.0.0.2 --port 7001
 */
import { Duration, Effect, Layer, type Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { machines, workers as makeWorkers } from "../../src/Layers/index.ts"
import { layerRunner } from "../../src/TetraOpt/cluster/index.ts"
import { onWorkers, type TrialContext } from "../../src/TetraOpt/index.ts"
import { quietly } from "../console/Backends.ts"
import { main } from "../console/Main.ts"
import { Progress } from "../console/Progress.ts"
import type { Job, Settings } from "./Distillation.ts"
import { threadsEach } from "./Cores.ts"
import type { Evaluation } from "./worker.ts"
import type task from "./worker.ts"

const flags = {
  cluster: Flag.String("cluster").pipe(
    Flag.withDescription("the PostgreSQL database that all machines share: postgres://user@host/database")
  ),
  host: Flag.String("host").pipe(
    Flag.withDefault("127.0.0.1"),
    Flag.withDescription("where the other machines reach this one")
  ),
  port: Flag.Int("port").pipe(Flag.withDefault(7001)),
  workers: Flag.Int("workers").pipe(
    Flag.withDefault(1),
    Flag.withDescription("trials at a time, each on a thread of its own")
  ),
  trialTimeLimit: Flag.Finite("trial-time-limit").pipe(
    Flag.withDefault(600),
    Flag.withDescription(
      "seconds after which a trial has failed, and its thread is ended where it does not heed that"
    )
  )
}

const runner = Effect.fn("runner")(function* (options: Command.Command.Config.Infer<typeof flags>) {
  const progress = yield* Progress
  const threads = yield* makeWorkers<typeof task>({
    module: new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url),
    size: options.workers,
    env: threadsEach(options.workers)
  })
  const { cluster: database, host, port } = options
  const objective = (settings: Settings, trial: TrialContext, data: Schema.Json) =>
    progress.line(`trial ${trial.number} begins`).pipe(
      Effect.andThen(
        onWorkers<Settings, unknown>({
          run: (evaluation, call) =>
            threads.run({ ...evaluation, job: data as unknown as Job } satisfies Evaluation, {
              ...call,
              timeLimit: Duration.seconds(options.trialTimeLimit)
            })
        })(settings, trial)
      ),
      Effect.tap((perplexity) => progress.line(`trial ${trial.number}: perplexity ${perplexity.toFixed(2)}`))
    )
  yield* Layer.build(
    layerRunner(objective, { concurrency: options.workers }).pipe(
      Layer.provide(machines({ database, runner: { host, port } }).pipe(quietly(false)))
    )
  )
  yield* progress.line(`Waits for trials at ${host}:${port}`)
  return yield* Effect.never
}, Effect.scoped)

main(Command.make("runner", flags, (options) => Effect.provide(runner(options), Progress.layer)))
