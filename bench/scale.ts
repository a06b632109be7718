import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { Effect, FileSystem, Path, Schema } from "effect"
import type { Report } from "./Report.ts"

/** A step of the benchmark, in a process of its own, that failed. */
class StepFailed extends Schema.TaggedError<StepFailed>()("StepFailed", {
  step: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `${this.step}: ${this.reason}`
  }
}

const run = (script: string, values: ReadonlyArray<string>): Effect.Effect<string, StepFailed> =>
  Effect.suspend(() => {
    const path = fileURLToPath(new URL(`./scale/${script}.ts`, import.meta.url))
    const child = spawnSync(process.execPath, [path, ...values], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"]
    })
    return child.status === 0
      ? Effect.succeed(child.stdout)
      : Effect.fail(new StepFailed({ step: script, reason: `exit ${child.status ?? child.signal}` }))
  })

/**
 * A random GPT-2 of 124 M parameters: loaded, fitted by tq81 with permutations, saved; and the same by a plan for a budget of 0.65, its fits weighted
 * by text. Seconds, and the processes' peak memory.
 */
export const scale = Effect.fn("bench.scale")(function* (_seconds: number) {
  const fileSystem = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const directory = yield* fileSystem.makeTempDirectoryScoped()
  const [from, to] = [join(directory, "random"), join(directory, "compressed")]
  yield* run("RandomGpt2", [from])
  const rows: Array<Record<string, string | number>> = []
  const versions = new Set<string>()
  for (const what of ["tq81", "budget"]) {
    const found = JSON.parse(yield* run("CompressOnce", [from, to, what])) as Record<string, string | number>
    const { engine, peakBytes, ...row } = found
    versions.add(String(engine))
    rows.push({ ...row, "peak GB": Number(peakBytes) / 1e9 })
  }
  return { name: "scale", versions: [...versions], rows } satisfies Report
}, Effect.scoped)
