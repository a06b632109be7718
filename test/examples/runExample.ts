import { execFile } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

/** Runs an example to its end; what it prints. */
export const runExample = async (
  example: string,
  flags: ReadonlyArray<string>,
  directory?: string
): Promise<string> => {
  const script = fileURLToPath(new URL(`../../examples/${example}.ts`, import.meta.url))
  const options = directory === undefined ? {} : { cwd: directory }
  return (await promisify(execFile)(process.execPath, [script, ...flags], options)).stdout
}

/** Runs an example in a directory of its own, as often as `use` likes. */
export const inDirectoryOf =
  (example: string) =>
  async (
    use: (directory: string, run: (...flags: ReadonlyArray<string>) => Promise<string>) => Promise<void>
  ): Promise<void> => {
    const directory = mkdtempSync(join(tmpdir(), `${example}-`))
    try {
      await use(directory, (...flags) => runExample(example, flags, directory))
    } finally {
      rmSync(directory, { recursive: true })
    }
  }

/** What a run that fails writes. */
export const refusal = (run: Promise<string>): Promise<string> =>
  run.then(
    () => "it did not fail",
    (error: { readonly stderr: string; readonly stdout: string }) => error.stderr + error.stdout
  )
