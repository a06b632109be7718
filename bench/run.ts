import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { backendComparison, largeBackendComparison } from "./backends.ts"
import { choice } from "./controlvariates/Choice.ts"
import { paper } from "./controlvariates/Paper.ts"
import { speed } from "./controlvariates/Speed.ts"
import { gpt2 } from "./gpt2.ts"
import { hpo } from "./hpo.ts"
import { hpoFamilies } from "./hpo-families.ts"
import { kronecker } from "./kronecker.ts"
import { matmul } from "./matmul.ts"
import { type Report, table } from "./Report.ts"
import { scale } from "./scale.ts"
import { tensortrain } from "./tensortrain.ts"
import { tetraopt } from "./tetraopt.ts"
import { uvip, uvipCoverage } from "./uvip.ts"
import { uvipBackends } from "./uvip-backends.ts"
import { uvipThreads } from "./uvip-threads.ts"

const benchmarks = {
  matmul,
  kronecker,
  hpo,
  "hpo-families": hpoFamilies,
  gpt2,
  scale,
  backends: backendComparison,
  "backends-large": largeBackendComparison,
  tensortrain,
  tetraopt,
  uvip,
  "uvip-coverage": uvipCoverage,
  "uvip-backends": uvipBackends,
  "uvip-threads": uvipThreads,
  "control-variates": speed,
  "control-variates-paper": paper,
  "control-variates-choice": choice
}

const bench = Command.make(
  "bench",
  {
    name: Argument.Literals("name", Object.keys(benchmarks) as ReadonlyArray<keyof typeof benchmarks>),
    json: Flag.Boolean("json").pipe(Flag.withDefault(false), Flag.withDescription("one line of JSON")),
    seconds: Flag.Finite("seconds").pipe(
      Flag.withDefault(1),
      Flag.withDescription("how long each measurement is repeated; for kronecker the peer's budget")
    ),
    seeds: Flag.Int("seeds").pipe(
      Flag.withSchema(Schema.Int.check(Schema.isGreaterThan(0))),
      Flag.withDefault(1),
      Flag.withDescription("how often control-variates-choice is repeated, with other random numbers")
    )
  },
  Effect.fn("bench")(function* ({ name, json, seconds, seeds }) {
    const report: Report = yield* benchmarks[name](seconds, seeds)
    yield* Console.log(json ? JSON.stringify(report) : table(report))
  })
)

bench.pipe(Command.run({ version: "0.1.0" }), Effect.provide(NodeServices.layer), NodeRuntime.runMain)
