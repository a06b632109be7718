import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

const script = fileURLToPath(new URL("./KilledRun.ts", import.meta.url))

interface Outcome {
  readonly lines: ReadonlyArray<string>
  readonly signal: string | null
}

/** Runs the script in a process of its own; SIGKILL as soon as it prints a line that `fatal` names. */
const runProcess = (path: string, hold: number, fatal?: string) =>
  Effect.promise<Outcome>(
    () =>
      new Promise((resolve, reject) => {
        const child = spawn(process.execPath, [script, path, String(hold)], {
          stdio: ["ignore", "pipe", "inherit"]
        })
        const lines: Array<string> = []
        createInterface({ input: child.stdout }).on("line", (line) => {
          lines.push(line)
          if (line === fatal) child.kill("SIGKILL")
        })
        child.on("error", reject)
        child.on("close", (_, signal) => resolve({ lines, signal }))
      })
  )

const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "tesserae-kill-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
)

const resultOf = ({ lines, signal }: Outcome) => {
  assert.strictEqual(signal, null)
  const result = lines[lines.length - 1]
  assert.match(result, /^result [0-9a-f]{64} /)
  return result
}

const firstStep = ({ lines }: Outcome) => Number(lines[0].replace("step ", ""))

describe("a run that is killed", () => {
  it.live("goes on from its last checkpoint to the same bits", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const path = join(directory, "killed.safetensors")
      const killedTwice = Effect.gen(function* () {
        const first = yield* runProcess(path, 30, "checkpoint 12")
        assert.strictEqual(first.signal, "SIGKILL")
        // Again, wherever it is by then: in mid-step or in mid-checkpoint.
        const second = yield* runProcess(path, 36, "step 26")
        assert.strictEqual(second.signal, "SIGKILL")
        assert.isAtLeast(firstStep(second), 13)
        const third = yield* runProcess(path, 0)
        assert.isAtLeast(firstStep(third), 25)
        return resultOf(third)
      })
      const leftAlone = Effect.map(runProcess(join(directory, "left-alone.safetensors"), 0), resultOf)
      const [killed, expected] = yield* Effect.all([killedTwice, leftAlone], { concurrency: 2 })
      assert.strictEqual(killed, expected)
    })
  )
})
