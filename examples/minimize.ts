/**
 * Minimises functions whose minimum is known, moved off the centre of their box.
 *
 *   pnpm tsx examples/minimize.ts
 *   pnpm tsx examples/minimize.ts --function rastrigin --dims 100 --evals 1000000 --seeds 1
 */
import { Console, Effect, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { main } from "./console/Main.ts"
import { Progress, progressLayer } from "./console/Progress.ts"
import { atLeast, jsonFlag } from "./console/SharedFlags.ts"
import { type Column, table } from "./console/Table.ts"
import { functionNames } from "./minimization/Functions.ts"
import { type FunctionRuns, mean, runFunction } from "./minimization/Runs.ts"

const flags = {
  function: Flag.Literals("function", ["all", ...functionNames]).pipe(
    Flag.withDefault("all"),
    Flag.withDescription("one of the functions, or all of them in one table")
  ),
  dims: Flag.Int("dims").pipe(Flag.withDefault(10), atLeast(2), Flag.withDescription("variables")),
  evals: Flag.Int("evals").pipe(
    Flag.withDefault(100_000),
    atLeast(1),
    Flag.withDescription("evaluations a run")
  ),
  seeds: Flag.Int("seeds").pipe(
    Flag.withDefault(10),
    atLeast(1),
    Flag.withDescription("runs, each with another key and another shift")
  ),
  shift: Flag.Finite("shift").pipe(
    Flag.withDefault(0.1),
    Flag.withSchema(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 0.5 }))),
    Flag.withDescription(
      "every coordinate of the minimiser is moved by up to this share of the box at random; 0: left in its place, for many functions the centre"
    )
  ),
  json: jsonFlag("instead of the table; seconds are those of one run in the mean")
}

const exponential = (value: number): string => value.toExponential(1)

const columns: ReadonlyArray<Column<FunctionRuns>> = [
  { heading: "function", cell: (row) => row.function, align: "left" },
  { heading: "mean error", cell: ({ errors }) => exponential(mean(errors)) },
  { heading: "least", cell: ({ errors }) => exponential(Math.min(...errors)) },
  { heading: "largest", cell: ({ errors }) => exponential(Math.max(...errors)) },
  { heading: "seconds a run", cell: ({ seconds }) => seconds.toFixed(3) }
]

const command = Command.make(
  "minimize",
  flags,
  Effect.fn("minimize")(function* ({ function: chosen, json, ...settings }) {
    const { dims, evals, seeds, shift } = settings
    yield* Effect.gen(function* () {
      const progress = yield* Progress
      const names = functionNames.filter((name) => chosen === "all" || name === chosen)
      const rows: Array<FunctionRuns> = []
      for (const [i, name] of names.entries())
        rows.push(
          yield* runFunction(name, settings, (seed) =>
            progress.show(`${name}, run ${seed + 1} of ${seeds}`, (i * seeds + seed) / (names.length * seeds))
          )
        )
      yield* progress.line(`${dims} variables, ${evals.toLocaleString("en")} evaluations, shift ${shift}`)
      const results = rows.map(({ function: name, errors, seconds }) => ({
        function: name,
        dims,
        evals,
        shift,
        errors,
        seconds
      }))
      yield* Console.log(
        json ? JSON.stringify(chosen === "all" ? results : results[0]) : `\n${table(rows, columns)}`
      )
    }).pipe(Effect.provide(progressLayer(json)))
  })
)

main(command)
