import { appendFileSync, existsSync } from "node:fs"
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer } from "effect"
import { machines } from "../../../src/Layers/Machines.ts"
import { layerRunner } from "../../../src/TetraOpt/cluster/TrialEntity.ts"
import { type Bowl, bowl } from "../study/bowl.ts"

// node RunnerProcess.ts DATABASE PORT LOG GATE: a runner of the cluster. It writes "PORT begins N" and "PORT ends N" to the log, and trials from
// the third on wait until the gate, a file, is there.

const [database, port, log, gate] = process.argv.slice(2)

const note = (text: string) => Effect.sync(() => appendFileSync(log, `${port} ${text}\n`))

const runner = layerRunner(
  (configuration: Bowl, { number }) =>
    Effect.gen(function* () {
      yield* note(`begins ${number}`)
      if (number >= 2) while (!existsSync(gate)) yield* Effect.sleep("50 millis")
      yield* note(`ends ${number}`)
      return number === 1 ? yield* Effect.fail(new Error("the second fails")) : bowl(configuration)
    }),
  { concurrency: 2 }
).pipe(Layer.provide(machines({ database, runner: { host: "127.0.0.1", port: Number(port) } })))

Layer.build(runner).pipe(
  Effect.andThen(Console.log("ready")),
  Effect.andThen(Effect.never),
  Effect.scoped,
  NodeRuntime.runMain
)
