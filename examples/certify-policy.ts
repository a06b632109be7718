/**
 * Certifies how far a policy is from optimal.
 *
 *   pnpm tsx examples/certify-policy.ts
 *   pnpm tsx examples/certify-policy.ts --env garnet --policy vi:0,2,5,15 --coupling independent
 *   pnpm tsx examples/certify-policy.ts --env cartpole
 */
import { Console, Effect, FileSystem, Layer, Option, Path, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { render } from "../src/Report/index.ts"
import { Uvip, UvipOptionError } from "../src/UVIP/index.ts"
import { certifyContinuous, certifyTabular, type Settings } from "./certification/Moments.ts"
import { parsePolicies, policies } from "./certification/PolicyList.ts"
import { environmentNames, environmentProblem, fileProblem, type Problem } from "./certification/Problems.ts"
import { columns, guaranteeText, page, resultOf } from "./certification/Summary.ts"
import { backendLayer } from "./console/Backends.ts"
import { main } from "./console/Main.ts"
import { Progress, progressLayer } from "./console/Progress.ts"
import { jsonFlag, outFlag } from "./console/SharedFlags.ts"
import { table } from "./console/Table.ts"

const flags = {
  env: Flag.Literals("env", environmentNames).pipe(
    Flag.optional,
    Flag.withDescription("the problem; default: frozenlake4x4")
  ),
  mdp: Flag.String("mdp").pipe(
    Flag.optional,
    Flag.withDescription(
      "a file with a problem instead: JSON with S, A, gamma, R[s][a], T[s][a] as [next state, probability]"
    )
  ),
  policy: Flag.String("policy").pipe(
    policies,
    Flag.optional,
    Flag.withDescription(
      "uniform, optimal, vi:SWEEPS, reinforce:EPISODES, or a file; where states are continuous uniform, linear, actor-critic:UPDATES or a file; " +
        "several with commas between them, such as vi:0,2,5"
    )
  ),
  method: Flag.Literals("method", ["exact", "sampled"]).pipe(
    Flag.optional,
    Flag.withDescription("from the model, or from its simulator alone; default: exact where there is a model")
  ),
  coupling: Flag.Literals("coupling", ["independent", "shared", "comonotone"]).pipe(
    Flag.optional,
    Flag.withDescription(
      "how the actions' noise hangs together; default: comonotone, the tightest; sampled: shared"
    )
  ),
  estimator: Flag.Literals("estimator", ["paper", "sorted", "max-of-means", "piloted"]).pipe(
    Flag.optional,
    Flag.withDescription("what --method sampled makes of its draws; default: piloted, the tightest")
  ),
  confidence: Flag.Finite("confidence").pipe(
    Flag.withDefault(0.95),
    Flag.withDescription("of each interval, with --method sampled")
  ),
  simultaneous: Flag.Boolean("simultaneous").pipe(
    Flag.withDefault(false),
    Flag.withDescription(
      "whether the confidence is that of all intervals at once, with --method sampled; else each has it by itself"
    )
  ),
  threads: Flag.Int("threads").pipe(
    Flag.withDefault(1),
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 256 }))),
    Flag.withDescription("worker threads, with --method sampled; the numbers do not depend on how many")
  ),
  out: outFlag(
    "out/certify-policy",
    "certificate.json, report.html and, where a file can hold it, policy.json"
  ),
  json: jsonFlag("instead of the table")
}

type Options = Command.Command.Config.Infer<typeof flags>

/** Training moments of the default run. */
const moments = "reinforce:0,1000,5000,20000,80000"

const wrong = (option: string, value: unknown, expected: string) =>
  new UvipOptionError({ option, value, expected })

const settingsOf = Effect.fnUntraced(function* (options: Options, problem: Problem) {
  const coupling = Option.getOrUndefined(options.coupling)
  const estimator = Option.getOrUndefined(options.estimator)
  const fallback = problem._tag === "continuous" || estimator !== undefined ? "sampled" : "exact"
  const method = Option.getOrElse(options.method, () => fallback)
  if (method === "exact" && problem._tag === "continuous")
    return yield* wrong("--method", method, `sampled for ${problem.name}, of which no model is known`)
  if (method === "exact" && estimator !== undefined)
    return yield* wrong("--estimator", estimator, "left out with --method exact, which has no draws")
  if (method === "sampled" && coupling === "comonotone")
    return yield* wrong(
      "--coupling",
      coupling,
      "independent or shared with --method sampled; --estimator sorted comes near it"
    )
  if (!(options.confidence > 0.5 && options.confidence < 1))
    return yield* wrong("--confidence", options.confidence, "above 0.5 and below 1")
  const settings: Settings = {
    method,
    coupling: coupling ?? (method === "exact" ? "comonotone" : "shared"),
    estimator: estimator ?? "piloted",
    confidence: options.confidence,
    simultaneous: options.simultaneous,
    threads: options.threads
  }
  return settings
})

const certifyPolicy = Effect.fnUntraced(function* (options: Options) {
  const started = performance.now()
  const progress = yield* Progress
  const fs = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const { out } = options
  const file = Option.getOrUndefined(options.mdp)
  const named = Option.getOrUndefined(options.env)
  if (file !== undefined && named !== undefined)
    return yield* wrong("--env", named, "left out where --mdp gives the problem")
  const problem: Problem =
    file === undefined ? yield* environmentProblem(named ?? "frozenlake4x4") : yield* fileProblem(file)
  const settings = yield* settingsOf(options, problem)
  const fallback =
    problem._tag === "continuous"
      ? problem.policies
      : file === undefined && (named ?? "frozenlake4x4") === "frozenlake4x4"
        ? moments
        : "uniform"
  const names = Option.getOrElse(options.policy, () => parsePolicies(fallback) ?? [])
  yield* progress.line(`Problem: ${problem.name}`)
  // Before all work, not after it.
  yield* fs.makeDirectory(out, { recursive: true })

  const certified =
    problem._tag === "tabular"
      ? yield* certifyTabular(problem, names, settings)
      : yield* certifyContinuous(problem, names, settings)
  const last = certified.moments[certified.moments.length - 1]
  const said = guaranteeText(last.certificate, settings)
  const seconds = (performance.now() - started) / 1000
  const result = JSON.stringify(resultOf(certified, seconds))
  yield* fs.writeFileString(join(out, "certificate.json"), `${result}\n`)
  yield* fs.writeFileString(join(out, "report.html"), yield* render(page(problem, certified, said)))
  if (last.candidate.file !== undefined)
    yield* fs.writeFileString(join(out, "policy.json"), `${JSON.stringify(last.candidate.file)}\n`)
  yield* Console.log(
    options.json
      ? result
      : `\n${table(certified.moments, columns)}\n\n${said}\nWritten to ${out} in ${seconds.toFixed(1)} s.`
  )
})

const command = Command.make(
  "certify-policy",
  flags,
  Effect.fn("certify-policy")(function* (options) {
    yield* certifyPolicy(options).pipe(
      Effect.provide(
        Layer.mergeAll(Uvip.layer, backendLayer("cpu", options.json), progressLayer(options.json))
      )
    )
  }, Effect.scoped)
)

main(command)
